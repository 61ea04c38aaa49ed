# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""No secret leaves the process, whoever repeats it.

Masking happens at the edges, in what becomes an event, a log line or a trace.
That nothing else shows the key is looked for in every test (`start_host`,
`key_scan.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from key_scan import KEY

from gradium_sim import (
    Close,
    Error,
    Fault,
    FaultPlan,
    GradiumSim,
    Http,
    Point,
)
from ten_host import ExtensionHost, events

StartHost = Callable[..., Awaitable[ExtensionHost]]

AT_ONCE = {"warm": "off", "retry_deadline_s": 0}


async def failure_of(
    start_host: StartHost, params: dict[str, Any]
) -> events.Error:
    """The error of a request that fails."""
    host = await start_host({**AT_ONCE, **params})
    await host.send_text("r1", "Hello there.", end=True)
    await host.ended("r1")
    (error,) = [e for e in host.events("r1") if isinstance(e, events.Error)]
    return error


@pytest.mark.sim(api_keys=(KEY,))
@pytest.mark.parametrize(
    "fault",
    [
        Fault(Point.UPGRADE, Http(401, f"no such key {KEY}")),
        Fault(Point.SETUP, Error(f"Invalid or expired API key {KEY}", 1008)),
        Fault(Point.SETUP, Close(1008, f"unknown API key {KEY}")),
        Fault(Point.AUDIO, Error(f"worker of {KEY} failed", 1011)),
    ],
    ids=["upgrade", "error", "close", "later error"],
)
async def test_no_error_shows_the_key_that_a_server_repeats(
    fault: Fault, sim: GradiumSim, start_host: StartHost
) -> None:
    sim.faults = FaultPlan(fault)

    error = await failure_of(start_host, {})

    assert "***" in error.vendor_info["message"]
    assert KEY not in f"{error}"


async def test_no_error_shows_the_password_of_a_proxy(
    start_host: StartHost,
) -> None:
    error = await failure_of(start_host, {"proxy": f"http://user:{KEY}@"})

    assert error.vendor_info["code"] == "config"
    assert KEY not in f"{error}"
