# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The agent's graph, as a TEN app has it in its property."""

from __future__ import annotations

from typing import Any


def app_property(
    tts: dict[str, Any],
    *,
    addon: str,
    sink: dict[str, Any],
    conversation: dict[str, Any] | None,
    greeting: str,
    llm: dict[str, Any],
) -> dict[str, Any]:
    """Return the property of an app whose only graph starts by itself."""
    nodes = [
        _node("user", "agent_user", conversation=conversation),
        _node("llm", "agent_llm", **llm),
        _node("main_control", "agent_control", greeting=greeting),
        _node("tts", addon, **tts),
        _node("sink", "agent_sink", **sink),
    ]
    connections = [
        {
            "extension": "main_control",
            "cmd": [_flow("user", "on_user_joined")],
            "data": [
                _flow("user", "asr_result"),
                _flow("llm", "llm_text"),
                _flow("tts", "tts_heard", "tts_flush_end"),
            ],
        },
        {
            "extension": "llm",
            "data": [
                _flow("main_control", "llm_request", "llm_abort", "llm_heard")
            ],
        },
        {
            "extension": "sink",
            "data": [
                _flow("main_control", "said", "user_said", "interrupted"),
                _flow(
                    "tts",
                    "tts_audio_start",
                    "tts_audio_end",
                    "tts_flush_end",
                    "tts_text_result",
                    "connection_status_changed",
                    "metrics",
                    "error",
                ),
            ],
            "audio_frame": [_flow("tts", "pcm_frame")],
        },
        {"extension": "user", "data": [_flow("sink", "heard")]},
    ]
    graph = {"nodes": nodes, "connections": connections}
    return {
        "ten": {
            "log": {"handlers": [_HANDLER]},
            "predefined_graphs": [
                {"name": "agent", "auto_start": True, "graph": graph}
            ],
        }
    }


_HANDLER = {
    "matchers": [{"level": "warn"}],
    "formatter": {"type": "plain", "colored": False},
    "emitter": {"type": "console", "config": {"stream": "stderr"}},
}


def _node(name: str, addon: str, **properties: Any) -> dict[str, Any]:
    given = {k: v for k, v in properties.items() if v is not None}
    return {
        "type": "extension",
        "name": name,
        "addon": addon,
        "property": given,
    }


def _flow(source: str, *names: str) -> dict[str, Any]:
    return {"names": list(names), "source": [{"extension": source}]}
