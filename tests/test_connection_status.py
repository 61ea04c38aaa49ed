# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`connection_status_changed`: whether requests get through, step by step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from heard import WORDS
from key_scan import KEY, shows_key

from gradium_sim import (
    Close,
    Fault,
    FaultPlan,
    GradiumSim,
    Http,
    Point,
    Reset,
)
from gradium_sim import Error as SimError
from gradium_tts_python.extension import GradiumTTSExtension
from ten_ai_base.message import ModuleErrorVendorInfo
from ten_host import (
    AudioEnd,
    ConnectionStatus,
    Error,
    Event,
    ExtensionHost,
    FlushEnd,
    Metrics,
    OtherData,
)
from ten_runtime import Addon, Data, TenEnv, register_addon_as_extension

if TYPE_CHECKING:
    from conftest import StartHost

pytestmark = pytest.mark.usefixtures("debug_log")

TEXT = "Hello there, my world."
TWELVE = " ".join(WORDS[:12])
UP = [("disconnected", "connecting"), ("connecting", "connected")]
DOWN = [("connected", "disconnected")]


def statuses(host: ExtensionHost) -> list[ConnectionStatus]:
    return [e for e in host.events() if isinstance(e, ConnectionStatus)]


def steps(host: ExtensionHost) -> list[tuple[str, str]]:
    """Each change as (last, current)."""
    return [(status.last, status.current) for status in statuses(host)]


def check_chain(host: ExtensionHost) -> None:
    """Each change starts where the one before ended, and changes something."""
    state = "disconnected"
    for last, current in steps(host):
        assert last == state != current
        state = current
    assert not shows_key(repr(host.events()))


async def speak(host: ExtensionHost, request_id: str, text: str = TEXT) -> None:
    await host.send_text(request_id, text, end=True)
    await host.ended(request_id)


# ------------------------------------------------------------------ the payload


async def test_a_change_says_who_and_what_and_nothing_secret(
    start_host: StartHost, sim: GradiumSim
) -> None:
    url = sim.url.replace("ws://", "ws://user:geheim123@") + "?token=" + KEY
    host = await start_host(
        {"url": url, "model_name": "m1", "headers": {"x-auth": KEY}}
    )

    await speak(host, "r1")

    connecting, connected = statuses(host)
    place = f"127.0.0.1:{sim.port}"
    metadata = {"vendor_metadata": {"host": place, "model": "m1"}}
    nothing = {"vendor": "gradium", "code": "", "message": ""}
    assert connecting == ConnectionStatus(
        "connecting", "disconnected", 0, "", nothing, metadata
    )
    assert connected == ConnectionStatus(
        "connected", "connecting", 0, "", nothing, metadata
    )
    assert "geheim123" not in repr(host.events())


async def test_the_payload_has_every_field_of_the_contract(
    sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(host_readers(), "connection_status_changed")
    params = {"url": sim.url, "api_key": KEY}
    async with ExtensionHost("gradium_tts_python", {"params": params}) as host:
        await speak(host, "r1")

    payloads = [
        event.properties
        for event in host.events()
        if isinstance(event, OtherData)
    ]
    assert [p["current"] for p in payloads] == ["connecting", "connected"]
    assert len({p["id"] for p in payloads}) == 2
    for payload in payloads:
        assert set(payload) == {
            "id",
            "module",
            "vendor",
            "current",
            "last",
            "code",
            "message",
            "vendor_info",
            "metadata",
        }
        assert payload["module"] == "tts"
        assert payload["vendor"] == "gradium"
        assert isinstance(payload["code"], int)


def host_readers() -> dict[str, Any]:
    """What turns data messages into the host's events."""
    from ten_host import events

    return events._READERS


# -------------------------------------------------------------- the sequence


async def test_nothing_is_told_before_the_first_request(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    await sim.until(lambda s: s.open_sockets == 1)
    await host.until(lambda event: isinstance(event, Metrics))

    assert steps(host) == []


async def test_it_connects_once_over_many_requests(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    for index in range(10):
        await speak(host, f"r{index}")

    assert len(sim.connections) >= 10
    assert steps(host) == UP


async def test_it_connects_once_over_many_interruptions(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=3)
    for index in range(5):
        await host.send_text(f"r{index}", TWELVE)
        await host.until(lambda _, i=index: bool(host.frames(f"r{i}")))
        await host.flush()

    assert steps(host) == UP


async def test_the_stop_is_no_news(sim: GradiumSim) -> None:
    params = {"url": sim.url, "api_key": KEY}
    async with ExtensionHost("gradium_tts_python", {"params": params}) as host:
        await speak(host, "r1")

    # It would come after the end of a flush, where only metrics may.
    assert steps(host) == UP


async def test_a_stop_without_a_request_says_nothing(sim: GradiumSim) -> None:
    params = {"url": sim.url, "api_key": KEY}
    async with ExtensionHost("gradium_tts_python", {"params": params}) as host:
        pass

    assert steps(host) == []


async def test_nothing_but_metrics_follows_a_flush(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=3)
    await host.send_text("r1", TWELVE, end=True)
    await sim.reached(Point.AUDIO)
    opened = len(sim.connections)

    await host.flush("f1")
    # The next socket is opened in the background, to its end.
    await sim.until(lambda s: len(s.connections) == max(opened, 2))
    connects = len(sim.connections)
    await host.until(lambda _: count_connects(host) == connects)
    await sim.settled()

    events = host.events()
    at = events.index(FlushEnd("f1"))
    assert {type(event) for event in events[at + 1 :]} <= {Metrics}
    sim.resume()
    await speak(host, "r2")
    assert steps(host) == UP


def count_connects(host: ExtensionHost) -> int:
    return sum(
        isinstance(e, Metrics) and "connect_delay" in e.metrics
        for e in host.events()
    )


async def test_a_flush_while_connecting_leaves_it_connecting(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.pause_at(Point.UPGRADE)
    host = await start_host({"warm": "off"})
    await host.send_text("r1", TEXT, end=True)
    await sim.reached(Point.UPGRADE)

    await host.flush()
    sim.resume()
    await speak(host, "r2")

    assert steps(host) == UP
    check_chain(host)


# --------------------------------------------------------- failure, recovery

FAILURES: dict[str, tuple[Fault, int, str]] = {
    "reset": (Fault(Point.AUDIO, Reset(), after_words=4), 0, "transient"),
    "close": (
        Fault(Point.AUDIO, Close(1012, "restart"), after_words=4),
        1012,
        "1012",
    ),
    "in-band": (
        Fault(Point.AUDIO, SimError("Internal error", 1011), after_words=4),
        1011,
        "1011",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_drop_that_is_resumed_disconnects_and_connects_again(
    start_host: StartHost, sim: GradiumSim, name: str
) -> None:
    fault, code, vendor_code = FAILURES[name]
    sim.faults = FaultPlan(fault)
    host = await start_host()

    await speak(host, "r1", TWELVE)
    await speak(host, "r2")

    assert steps(host) == UP + DOWN + UP
    lost = statuses(host)[2]
    assert lost.code == code
    assert lost.vendor_info["vendor"] == "gradium"
    assert lost.vendor_info["code"] == vendor_code
    assert lost.message
    assert not [e for e in host.events() if isinstance(e, Error)]
    check_chain(host)


async def test_a_failure_is_told_before_the_request_ends(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_frames=3))
    host = await start_host({"resume": False})

    await speak(host, "r1", TWELVE)
    await speak(host, "r2")

    assert steps(host) == UP + DOWN + UP
    told = (ConnectionStatus, Error, AudioEnd)
    names = [type(e).__name__ for e in host.events() if isinstance(e, told)]
    assert names == [
        "ConnectionStatus",
        "ConnectionStatus",
        "ConnectionStatus",
        "Error",
        "AudioEnd",
        "ConnectionStatus",
        "ConnectionStatus",
        "AudioEnd",
    ]


@pytest.mark.sim(faults=FaultPlan(Fault(Point.UPGRADE, Http(503), times=None)))
async def test_what_cannot_connect_never_says_connected(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host({"warm": "off", "retry_deadline_s": 1.0})

    await speak(host, "r1")

    # Once, however often it was tried.
    assert steps(host) == [
        ("disconnected", "connecting"),
        ("connecting", "disconnected"),
    ]
    assert len(sim.connections) > 1
    assert statuses(host)[1].code == 503


async def test_a_refused_key_is_told_once(start_host: StartHost) -> None:
    host = await start_host({"api_key": KEY[::-1]})

    await speak(host, "r1")
    await speak(host, "r2")

    assert statuses(host)[1].code == 1008
    # The second request is refused without asking again.
    assert steps(host) == [
        ("disconnected", "connecting"),
        ("connecting", "disconnected"),
    ]


async def test_a_refusal_that_is_retried_is_no_news(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.faults = FaultPlan(Fault(Point.READY, SimError("Worker failed", 1011)))
    host = await start_host()

    await speak(host, "r1")

    assert steps(host) == UP
    assert len(sim.sessions) == 2


async def test_a_wait_for_a_free_session_is_told_once(
    start_host: StartHost, sim: GradiumSim
) -> None:
    full = SimError("Concurrency limit exceeded", 1008)
    sim.faults = FaultPlan(Fault(Point.READY, full, times=3))
    host = await start_host()

    await speak(host, "r1")

    assert steps(host) == [
        ("disconnected", "connecting"),
        ("connecting", "disconnected"),
        ("disconnected", "connecting"),
        ("connecting", "connected"),
    ]
    assert "Concurrency limit exceeded" in statuses(host)[1].message
    assert len(sim.sessions) == 4


async def test_a_message_that_repeats_the_key_is_masked(
    start_host: StartHost, sim: GradiumSim
) -> None:
    refusal = SimError(f"Internal error, key {KEY} in use", 1011)
    sim.faults = FaultPlan(Fault(Point.AUDIO, refusal, after_frames=4))
    host = await start_host()

    await speak(host, "r1")

    lost = statuses(host)[2]
    assert "key *** in use" in lost.message
    assert "key *** in use" in lost.vendor_info["message"]


# ------------------------------------------------------ a newer base class


class NewerBase(GradiumTTSExtension):
    """What a newer base class offers, in the place where it would be."""

    async def on_connecting(self) -> None:
        await self._told("connecting")

    async def on_connected(self) -> None:
        await self._told("connected")

    async def on_disconnected(
        self,
        code: int,
        message: str,
        vendor_info: ModuleErrorVendorInfo | None = None,
    ) -> None:
        assert vendor_info is not None
        await self._told("disconnected", code, message, vendor_info.code)

    async def _told(self, name: str, *what: Any) -> None:
        data = Data.create("told")
        metadata = self.vendor_metadata()
        data.set_property_from_json(
            None, json.dumps({"name": name, "what": what, "metadata": metadata})
        )
        await self.ten_env.send_data(data)


@register_addon_as_extension("gradium_tts_on_a_newer_base")
class NewerAddon(Addon):
    def on_create_instance(
        self, ten_env: TenEnv, name: str, context: Any
    ) -> None:
        ten_env.on_create_instance_done(NewerBase(name), context)


async def test_a_newer_base_is_told_instead(sim: GradiumSim) -> None:
    sim.faults = FaultPlan(
        Fault(Point.AUDIO, Close(1012, f"restart {KEY}"), after_words=4)
    )
    params = {"url": sim.url, "api_key": KEY}
    async with ExtensionHost(
        "gradium_tts_on_a_newer_base", {"params": params}
    ) as host:
        await speak(host, "r1", TWELVE)

    told = [e.properties for e in host.events() if is_told(e)]
    assert [one["name"] for one in told] == [
        "connecting",
        "connected",
        "disconnected",
        "connecting",
        "connected",
    ]
    place = f"127.0.0.1:{sim.port}"
    message = f"{place} closed the connection with code 1012: restart ***"
    assert told[2]["what"] == [1012, message, "1012"]
    assert told[2]["metadata"] == {"host": place, "model": "default"}
    assert statuses(host) == []


def is_told(event: Event) -> bool:
    return isinstance(event, OtherData) and event.name == "told"
