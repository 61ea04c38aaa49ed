# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Manifests and properties, good ones and bad ones with the reason."""

from __future__ import annotations

import copy
from typing import Any

PACKAGE: dict[str, Any] = {
    "type": "extension",
    "name": "acme_tts",
    "version": "0.1.0",
}

_VALUES = {
    "count": {"type": "int32", "description": "how many"},
    "params": {
        "type": "object",
        "properties": {
            "voice": {"type": "string"},
            "list": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"word": {"type": "string"}},
                    "required": ["word"],
                },
            },
        },
    },
}

MANIFEST: dict[str, Any] = {
    **PACKAGE,
    "display_name": {"locales": {"en-US": {"content": "Acme"}}},
    "readme": {
        "locales": {
            "en": {"content": "Read me"},
            "zh-CN": {"import_uri": "docs/README.zh-CN.md"},
        }
    },
    "tags": ["tts", "ten:voice"],
    "dependencies": [
        {"type": "system", "name": "ten_ai_base", "version": "0.7"},
        {"path": "../other"},
    ],
    "dev_dependencies": [
        {"type": "extension", "name": "helper", "version": "^1.2.3-rc.1+b"},
    ],
    "package": {"include": ["manifest.json", "**.py"]},
    "scripts": {"test": "tests/bin/start"},
    "supports": [{"os": "linux", "arch": "x64", "libc": "musl"}],
    "api": {
        "interface": [{"import_uri": "../tts-interface.json"}],
        "property": {"properties": _VALUES, "required": ["count"]},
        "cmd_in": [
            {
                "name": "update",
                "property": {"properties": _VALUES},
                "result": {"property": {"properties": _VALUES}},
            }
        ],
        "data_out": [
            {
                "name": "words",
                "property": {"properties": _VALUES, "required": ["params"]},
                "required": ["beside"],
            }
        ],
        "audio_frame_out": [{"name": "pcm_frame"}],
    },
}

APP_MANIFEST: dict[str, Any] = {
    "type": "app",
    "name": "acme_app",
    "version": "1.0.0-beta.2",
    "api": {"property": {"properties": {"x": {"type": "bool"}}}},
}

PROPERTY: dict[str, Any] = {
    "dump": False,
    "params": {"rate": 8000, "speed": 1.5, "list": ["a", {"b": []}]},
}

_GRAPH: dict[str, Any] = {
    "nodes": [
        {
            "type": "extension",
            "name": "tts",
            "addon": "acme_tts",
            "extension_group": "voice",
            "app": "localhost",
            "property": {"params": {"key": "${env:KEY|}"}},
        },
        {
            "type": "subgraph",
            "name": "sub",
            "graph": {"import_uri": "graphs/sub.json"},
            "property": {"x": 1},
        },
        {
            "type": "selector",
            "name": "all",
            "filter": {
                "and": [
                    {"field": "name", "operator": "regex", "value": "t.*"},
                    {
                        "or": [
                            {
                                "field": "addon",
                                "operator": "exact",
                                "value": "acme_tts",
                            }
                        ]
                    },
                ]
            },
        },
    ],
    "connections": [
        {
            "extension": "tts",
            "cmd": [{"name": "flush", "source": [{"selector": "all"}]}],
            "data": [
                {
                    "names": ["tts_audio_start", "tts_audio_end"],
                    "source": [{"extension": "sink", "app": "other"}],
                },
                {
                    "name": "text",
                    "dest": [
                        {
                            "extension": "sink",
                            "msg_conversion": {
                                "type": "per_property",
                                "keep_original": True,
                                "rules": [
                                    {
                                        "path": "a.b[0].c",
                                        "conversion_mode": "fixed_value",
                                        "value": 1,
                                    },
                                    {
                                        "path": "d",
                                        "conversion_mode": "from_original",
                                        "original_path": "e",
                                    },
                                ],
                            },
                        },
                        {"subgraph": "sub"},
                    ],
                },
            ],
            "audio_frame": [
                {"name": "pcm_frame", "dest": [{"extension": "sink"}]}
            ],
        },
        {"subgraph": "sub", "video_frame": []},
    ],
    "exposed_messages": [
        {"type": "data_in", "name": "text", "extension": "tts"}
    ],
    "exposed_properties": [{"name": "x", "subgraph": "sub"}],
}

APP_PROPERTY: dict[str, Any] = {
    "ten": {
        "uri": "msgpack://127.0.0.1:8001/",
        "log_level": 2,
        "path_timeout": {"in_path": 1, "else": None},
        "addon": {"preload_all": True},
        "services": {
            "api": {"enabled": True, "host": "0.0.0.0", "port": 49483},
            "telemetry": {
                "enabled": True,
                "metrics": {
                    "enabled": True,
                    "exporter": {
                        "type": "prometheus",
                        "config": {"endpoint": "0.0.0.0:1", "path": "/m"},
                    },
                },
            },
        },
        "log": {
            "handlers": [
                {
                    "matchers": [{"level": "info", "category": "key_point"}],
                    "formatter": {"type": "plain", "colored": True},
                    "emitter": {
                        "type": "console",
                        "config": {"stream": "stdout"},
                    },
                },
                {
                    "matchers": [{"level": "off"}],
                    "formatter": {"type": "json"},
                    "emitter": {
                        "type": "file",
                        "config": {
                            "path": "app.log",
                            "encryption": {
                                "enabled": True,
                                "algorithm": "AES-CTR",
                                "params": {"key": "k", "nonce": "n"},
                            },
                        },
                    },
                },
            ]
        },
        "predefined_graphs": [
            {"name": "main", "auto_start": True, "graph": _GRAPH},
            {
                "name": "elsewhere",
                "singleton": False,
                "graph": {"import_uri": "graphs/main.json"},
            },
        ],
        "unknown": None,
    },
    "mine": {"deep": [1, "two"]},
}

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("manifest", PACKAGE),
    ("manifest", MANIFEST),
    ("manifest", APP_MANIFEST),
    ("property", {}),
    ("property", PROPERTY),
    ("property", APP_PROPERTY),
]


def _with(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one place changed; numbers in the path are indices."""
    changed = copy.deepcopy(document)
    here: Any = changed
    *way, last = (int(s) if s.isdigit() else s for s in path.split("/"))
    for step in way:
        here = here[step]
    here[last] = value
    return changed


_DECLARED = "api/property/properties/x"
_NODE = "ten/predefined_graphs/0/graph/nodes/0"
_DATA = "ten/predefined_graphs/0/graph/connections/0/data"


def _manifest(path: str, value: Any, reason: str) -> tuple[str, Any, str]:
    return "manifest", _with(MANIFEST, path, value), reason


def _property(path: str, value: Any, reason: str) -> tuple[str, Any, str]:
    return "property", _with(APP_PROPERTY, path, value), reason


_NEEDED = "is a required property"
_UNEXPECTED = "Additional properties are not allowed"

BAD: list[tuple[str, Any, str]] = [
    ("manifest", [], '[] is not of type "object" @ /'),
    (
        "manifest",
        {"type": "app", "name": "x"},
        f'"version" {_NEEDED} @ /',
    ),
    _manifest(
        "name",
        "acme-tts",
        '"acme-tts" does not match "^[A-Za-z_][A-Za-z0-9_]*$" @ /name',
    ),
    _manifest("author", "me", f'{_UNEXPECTED} ("author" was unexpected) @ /'),
    _manifest("tags/0", 1, '1 is not of type "string" @ /tags/0'),
    _manifest(
        "readme/locales/en/import_uri",
        "README.md",
        '["content", "import_uri"] exclude each other @ /readme/locales/en',
    ),
    _manifest(
        "display_name/locales",
        {},
        "{} has less than 1 property @ /display_name/locales",
    ),
    _manifest("dependencies/1", {}, f'"type" {_NEEDED} @ /dependencies/1'),
    _manifest(
        _DECLARED, {"type": "object"}, f'"properties" {_NEEDED} @ /{_DECLARED}'
    ),
    _manifest(
        _DECLARED, {"type": "array"}, f'"items" {_NEEDED} @ /{_DECLARED}'
    ),
    _manifest(
        _DECLARED,
        {"type": "string", "properties": {}},
        f'{_UNEXPECTED} ("properties" was unexpected) @ /{_DECLARED}',
    ),
    _manifest(
        _DECLARED,
        {"type": "object", "properties": {}, "required": []},
        f"[] has less than 1 item @ /{_DECLARED}/required",
    ),
    _manifest(
        "api/property/x",
        {},
        f'{_UNEXPECTED} ("x" was unexpected) @ /api/property',
    ),
    _manifest("api/data_in", [{}], f'"name" {_NEEDED} @ /api/data_in/0'),
    _manifest(
        "api/cmd_in/0/result/property/properties",
        {},
        "{} has less than 1 property"
        " @ /api/cmd_in/0/result/property/properties",
    ),
    (
        "manifest",
        _with(APP_MANIFEST, "api/data_in", []),
        f'{_UNEXPECTED} ("data_in" was unexpected) @ /api',
    ),
    (
        "property",
        {"params": {"list": [1, None]}},
        "null is not valid under any of the schemas listed @ /params/list/1",
    ),
    _property(
        f"{_NODE}/type",
        "group",
        '"group" is not one of ["extension",'
        f' "subgraph", "selector"] @ /{_NODE}/type',
    ),
    _property(
        f"{_NODE}/addon",
        "a-b",
        f'"a-b" does not match "^[A-Za-z_][A-Za-z0-9_]*$" @ /{_NODE}/addon',
    ),
    _property(
        f"{_NODE}/property",
        [],
        f'[] is not of type "object" @ /{_NODE}/property',
    ),
    _property(
        f"{_DATA}/0",
        {"name": "x"},
        f'one of ["dest", "source"] is required @ /{_DATA}/0',
    ),
    _property(
        f"{_DATA}/0",
        {"dest": [{"extension": "x"}]},
        f'"name" {_NEEDED} @ /{_DATA}/0',
    ),
    _property(
        f"{_DATA}/1/dest", [], f"[] has less than 1 item @ /{_DATA}/1/dest"
    ),
    _property(
        "ten/log/handlers", [], "[] has less than 1 item @ /ten/log/handlers"
    ),
    _property(
        "ten/log/handlers/0/emitter/config",
        {},
        f'"stream" {_NEEDED} @ /ten/log/handlers/0/emitter/config',
    ),
    _property(
        "ten/uri", "localhost", '"localhost" is not allowed here @ /ten/uri'
    ),
    _property("ten/log_level", 7, "7 is greater than 6 @ /ten/log_level"),
    _property(
        "ten/predefined_graphs/1/graph/nodes",
        [],
        '"nodes" is not allowed here @ /ten/predefined_graphs/1/graph',
    ),
]
