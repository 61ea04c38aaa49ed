# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A key that a regional host refuses may be a good one: the message says so.

The hosts cannot be reached from here: a local server speaks in their place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from speaking import Connect, client_on, speak

from gradium_sim import Error, Fault, FaultPlan, GradiumSim, Http, Point
from gradium_tts_python.core.endpoint import Endpoint, hint_of_region
from gradium_tts_python.core.errors import ErrorKind, GradiumError
from gradium_tts_python.wire.transport import Transport, open_websocket

NEUTRAL = "wss://api.gradium.ai/api/speech/tts"
EU = "wss://eu.api.gradium.ai/api/speech/tts"
HINT = (
    "; eu.api.gradium.ai is a regional host, which refuses every key where the"
    " vendor has retired it: try without `region`, at api.gradium.ai"
)
REVOKED = Error("API key is revoked or expired", 1008)


def in_place_of_all(sim: GradiumSim) -> Connect:
    """Connect to a server, whatever the endpoint."""

    async def connect(endpoint: Endpoint, timeout_s: float) -> Transport:
        return await open_websocket(replace(endpoint, url=sim.url), timeout_s)

    return connect


async def failures(
    sim: GradiumSim, *faults: Fault, **params: Any
) -> list[GradiumError | None]:
    """What becomes of two requests, one after the other."""
    sim.faults = FaultPlan(*faults)
    connect = in_place_of_all(sim)
    params = {"retry_deadline_s": 0, "warm": "off", **params}
    url = params.pop("url", "")
    async with client_on(url, connect=connect, **params) as client:
        return [(await speak(client, "Hello.")).error for _ in range(2)]


@pytest.mark.parametrize(
    ("point", "answer"),
    [(Point.SETUP, REVOKED), (Point.UPGRADE, Http(401))],
    ids=["in band", "upgrade"],
)
@pytest.mark.parametrize("params", [{"region": "eu"}, {"url": EU}])
async def test_a_key_refused_by_a_regional_host_has_a_hint(
    sim: GradiumSim, point: Point, answer: Any, params: dict[str, Any]
) -> None:
    refused, latched = await failures(sim, Fault(point, answer), **params)

    assert refused and latched
    assert (refused.kind, latched.kind) == (ErrorKind.AUTH, ErrorKind.AUTH)
    assert str(refused).endswith(HINT)
    # The second is not asked about at all, and its message is the first's.
    assert str(latched).startswith(str(refused))
    assert str(latched).count("regional host") == 1


async def test_a_key_refused_by_the_neutral_host_has_none(
    sim: GradiumSim,
) -> None:
    refused, _ = await failures(sim, Fault(Point.SETUP, REVOKED))

    assert refused and refused.kind is ErrorKind.AUTH
    assert "regional" not in str(refused)


async def test_another_failure_of_a_regional_host_has_none(
    sim: GradiumSim,
) -> None:
    faults = Fault(Point.SETUP, Error("Embeddings not found for x.", 1008))

    refused, _ = await failures(sim, faults, region="eu")

    assert refused and refused.kind is ErrorKind.CONFIG
    assert "regional" not in str(refused)


@pytest.mark.parametrize(
    ("url", "is_regional"),
    [
        (NEUTRAL, False),
        (EU, True),
        ("wss://us.api.gradium.ai/api/speech/tts", True),
        ("wss://API.GRADIUM.AI", False),
        ("wss://EU.api.gradium.ai", True),
        ("wss://api.gradium.ai.example.org", False),
        ("wss://myapi.gradium.ai", False),
        ("ws://127.0.0.1:1", False),
    ],
)
def test_a_host_is_regional(url: str, is_regional: bool) -> None:
    assert bool(hint_of_region(url)) is is_regional
