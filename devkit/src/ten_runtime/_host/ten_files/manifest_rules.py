# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a manifest.json, and an interface file, may say."""

from __future__ import annotations

from collections.abc import Mapping

from .rules import (
    NAME,
    Json,
    Rule,
    anything,
    array,
    every,
    exactly_one_of,
    record,
    some,
    table,
    text,
)

_WORDS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_SUFFIX = rf"(?:-{_WORDS})?(?:\+{_WORDS})?"
_VERSION = rf"[0-9]+\.[0-9]+\.[0-9]+{_SUFFIX}"
# One range only: what a package server and TEN's manager both understand.
_VERSION_RANGE = rf"(?:\^|~|[<>]=?|=)?[0-9]+(?:\.[0-9]+){{0,2}}{_SUFFIX}"
_LOCALE = r"[a-z]{2}(?:-[A-Z]{2})?"

_PACKAGES = ("app", "extension", "system", "protocol", "addon_loader")
_VALUES = (
    *("bool", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64", "float32", "float64"),
    *("string", "buf", "ptr", "array", "object"),
)
# The member that a value of a kind must have, and no other kind may have.
_INSIDE = {"array": "items", "object": "properties"}

_name = text(NAME)
_filled = text(is_filled=True)

_localized = record(
    {
        "locales": table(
            every(
                record({"content": _filled, "import_uri": _filled}),
                exactly_one_of("content", "import_uri"),
            ),
            _LOCALE,
            is_filled=True,
        )
    },
    ["locales"],
)


def _value(value: Json, place: str) -> str | None:
    """A declared value; it may hold others."""
    return _VALUE_RULE(value, place)


def _inside(value: Json, place: str) -> str | None:
    """An array says of what, an object with what; others say neither."""
    for kind, member in _INSIDE.items():
        if value["type"] == kind:
            reason = record({}, [member], others=anything)(value, place)
        elif member in value:
            names = [name for name in value if name != member]
            known = dict.fromkeys(names, anything)
            reason = record(known)(value, place)
        else:
            reason = None
        if reason is not None:
            return reason
    return None


_values = table(_value, NAME)
_required = array(text(), is_filled=True)

_VALUE_RULE: Rule = every(
    record(
        {
            "type": text(among=_VALUES),
            "description": some(text(), _localized),
            "items": _value,
            "properties": _values,
            "required": _required,
        },
        ["type"],
    ),
    _inside,
)

_property = record({"properties": _values, "required": _required})
_result = record(
    {
        "property": record(
            {
                "properties": table(_value, NAME, is_filled=True),
                "required": _required,
            }
        )
    },
    ["property"],
)
_command = record(
    {"name": _name, "property": _property, "result": _result}, ["name"]
)
# Data and frames may have further members, which are not read.
_message = record(
    {"name": _name, "property": _property}, ["name"], others=anything
)
_messages: Mapping[str, Rule] = {
    f"{kind}_{way}": array(_command if kind == "cmd" else _message)
    for kind in ("cmd", "data", "audio_frame", "video_frame")
    for way in ("in", "out")
}
_interface = record(
    {
        "interface": array(record({"import_uri": _filled}, ["import_uri"])),
        "property": _property,
        **_messages,
    }
)
_app_api = record({"property": _property})

_by_path = record({"path": _filled}, ["path"])
_by_name = record(
    {
        "type": text(among=_PACKAGES),
        "name": _name,
        "version": text(_VERSION_RANGE),
    },
    ["type", "name", "version"],
)


def _dependency(value: Json, place: str) -> str | None:
    is_by_path = isinstance(value, dict) and "path" in value
    return (_by_path if is_by_path else _by_name)(value, place)


_manifest = record(
    {
        "type": text(among=_PACKAGES),
        "name": _name,
        "version": text(_VERSION),
        "description": _localized,
        "display_name": _localized,
        "readme": _localized,
        "tags": array(text(rf"(?:ten:)?{NAME}")),
        "dependencies": array(_dependency),
        "dev_dependencies": array(_dependency),
        "api": _interface,
        "supports": array(
            record(
                {
                    "os": text(among=("linux", "win", "mac")),
                    "arch": text(among=("x86", "x64", "arm", "arm64")),
                },
                others=anything,
            )
        ),
        "package": record({"include": array(text())}),
        "scripts": table(text(), NAME),
    },
    ["type", "name", "version"],
)


def problem_with_manifest(document: Json) -> str | None:
    """Why TEN refuses a manifest.json."""
    if (reason := _manifest(document, "")) is not None:
        return reason
    if document["type"] == "app" and "api" in document:
        return _app_api(document["api"], "/api")
    return None


def problem_with_interface(document: Json) -> str | None:
    """Why TEN refuses a file that `api.interface` imports."""
    return _interface(document, "")
