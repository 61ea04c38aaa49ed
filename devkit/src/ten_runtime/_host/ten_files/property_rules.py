# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a property.json may say: plain values, and TEN's own under `ten`."""

from __future__ import annotations

from .graph_rules import graph, predefined_graph
from .rules import (
    Json,
    Rule,
    anything,
    array,
    boolean,
    integer,
    plain,
    record,
    refuse,
    table,
    text,
)

_filled = text(is_filled=True)

# -- the log ------------------------------------------------------------------


def _encryption_keys(value: Json, place: str) -> str | None:
    """Any object; TEN looks for the algorithm in here, and not beside it."""
    is_aes = isinstance(value, dict) and value.get("algorithm") == "AES-CTR"
    keys = record({"key": text(), "nonce": text()}, ["key", "nonce"])
    return (keys if is_aes else table(anything))(value, place)


_encryption = record(
    {
        "enabled": boolean,
        "algorithm": text(among=("AES-CTR",)),
        "params": _encryption_keys,
    }
)
_endpoint = {
    "endpoint": _filled,
    "protocol": text(among=("grpc", "http")),
    "headers": table(text(), r"[A-Za-z0-9_-]+"),
    "service_name": _filled,
}
_EMITTERS: dict[str, Rule] = {
    "console": record(
        {
            "stream": text(among=("stdout", "stderr")),
            "encryption": _encryption,
        },
        ["stream"],
    ),
    "file": record({"path": _filled, "encryption": _encryption}, ["path"]),
    "otlp": record(_endpoint, ["endpoint"]),
}


def _emitter(value: Json, place: str) -> str | None:
    kinds = text(among=tuple(_EMITTERS))
    shape = record(
        {"type": kinds, "config": table(anything)}, ["type", "config"]
    )
    if (reason := shape(value, place)) is not None:
        return reason
    return _EMITTERS[value["type"]](value["config"], f"{place}/config")


_matcher = record(
    {
        "level": text(among=("off", "debug", "info", "warn", "error")),
        "category": _filled,
    }
)
_handler = record(
    {
        "matchers": array(_matcher, is_filled=True),
        "formatter": record(
            {"type": text(among=("plain", "json")), "colored": boolean},
            ["type"],
        ),
        "emitter": _emitter,
    },
    ["matchers", "formatter", "emitter"],
)

# -- services -----------------------------------------------------------------

_EXPORTERS: dict[str, Rule] = {
    "prometheus": record(
        {
            "endpoint": text(r"[^:]+:[0-9]+"),
            "path": text(r"/.*"),
            "service_name": _filled,
        }
    ),
    "otlp": record(_endpoint),
    "console": record({}),
}


def _exporter(value: Json, place: str) -> str | None:
    kinds = text(among=tuple(_EXPORTERS))
    shape = record({"type": kinds, "config": table(anything)}, ["type"])
    if (reason := shape(value, place)) is not None or "config" not in value:
        return reason
    return _EXPORTERS[value["type"]](value["config"], f"{place}/config")


_services = record(
    {
        "telemetry": record(
            {
                "enabled": boolean,
                "metrics": record({"enabled": boolean, "exporter": _exporter}),
            }
        ),
        "api": record(
            {
                "enabled": boolean,
                "host": text(),
                "port": integer(1, 65535),
            }
        ),
    }
)

# -- the file -----------------------------------------------------------------


def _uri(value: Json, place: str) -> str | None:
    if value == "localhost":
        return refuse('"localhost" is not allowed here', place)
    return _filled(value, place)


_times = record({"in_path": integer(), "out_path": integer()}, others=anything)


def _path_timeout(value: Json, place: str) -> str | None:
    return (_times if isinstance(value, dict) else integer())(value, place)


_old_log = {"level": integer(1, 6), "file": _filled}
_ten = record(
    {
        "uri": _uri,
        "log_level": integer(1, 6),
        "log_file": _filled,
        "deprecated_log": record({**_old_log, "encryption": _encryption}),
        "long_running_mode": boolean,
        "one_event_loop_per_engine": boolean,
        "addon": record({"preload_all": boolean}),
        "services": _services,
        "path_timeout": _path_timeout,
        "path_check_interval": integer(),
        "predefined_graphs": array(predefined_graph),
        "log": record({"handlers": array(_handler, is_filled=True)}),
    },
    others=anything,
)
_property = record({"ten": _ten, "_ten": _ten}, others=plain)


def problem_with_property(document: Json) -> str | None:
    """Why TEN refuses a property.json."""
    return _property(document, "")


def problem_with_graph(document: Json) -> str | None:
    """Why TEN refuses a file with one graph, which another names."""
    return graph(document, "")
