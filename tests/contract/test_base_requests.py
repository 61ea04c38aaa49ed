# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§3.3 to §3.6: the queue, the flush, and the traps of the state machine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from contract_kit import Message, ScriptedTTS, Ten, Wire, nothing, tapped

from ten_ai_base.struct import TTSTextInput

WHOLE = "start audio end finish"


def texts(log: list[Message]) -> list[str]:
    return [seen.fields["text"] for seen in log if seen.name == "seen"]


def told(log: list[Message]) -> list[str]:
    """Names and texts, without the usage metrics of the stop."""
    return [
        seen.fields.get("text", seen.name)
        for seen in log
        if seen.name != "metrics"
    ]


def test_texts_reach_request_tts_in_order(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        for index in range(20):
            await wire.text("r", f"t{index}")
        await wire.seen_texts(20)

    log = ten.play(ScriptedTTS, script)

    assert texts(log) == [f"t{index}" for index in range(20)]


@pytest.mark.parametrize(
    "properties",
    [
        {"request_id": "r"},
        {"text": "t"},
        {"request_id": 1, "text": "t"},
        {"request_id": "r", "text": None},
        {"request_id": "r", "text": "t", "metadata": None},
    ],
    ids=str,
)
def test_an_invalid_text_is_dropped(
    ten: Ten, properties: dict[str, Any]
) -> None:
    async def script(wire: Wire) -> None:
        await wire.send("tts_text_input", **properties)
        await wire.text("ok", "valid")
        await wire.next("seen")

    assert texts(ten.play(ScriptedTTS, script)) == ["valid"]


def test_other_data_is_ignored(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.send("something_else")
        await wire.text("r", "valid")
        await wire.next("seen")

    assert told(ten.play(ScriptedTTS, script))[0] == "valid"


def test_states_go_from_processing_to_finalizing_to_completed(
    ten: Ten,
) -> None:
    states: list[str] = []

    async def script(wire: Wire) -> None:
        await wire.text("r", "one")
        await wire.next("seen")
        states.append((await wire.state())["states"]["r"])
        await wire.text("r", "two", end=True)
        await wire.next("seen")
        states.append((await wire.state())["states"]["r"])
        await wire.do("r", "finish")
        states.append((await wire.state())["states"]["r"])

    ten.play(ScriptedTTS, script)

    assert states == ["PROCESSING", "FINALIZING", "COMPLETED"]


def test_another_request_waits_until_the_first_is_finished(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", "a1")
        await wire.text("b", "b1")
        await wire.text("b", "b2", end=True)
        await wire.text("c", "c1", end=True)
        await wire.text("a", "a2 finish", end=True)
        await wire.seen_texts(4)
        await wire.do("b", "finish")
        await wire.seen_texts(1)

    log = ten.play(ScriptedTTS, script)

    assert texts(log) == ["a1", "a2 finish", "b1", "b2", "c1"]


def test_the_oldest_waiting_request_comes_first(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", "a")
        for name in ("z", "y", "x"):
            await wire.text(name, f"{name} finish", end=True)
        await wire.text("a", "a2")
        await wire.seen_texts(2)
        await wire.do("a", "finish")
        await wire.seen_texts(3)

    log = ten.play(ScriptedTTS, script)

    assert texts(log) == ["a", "a2", "z finish", "y finish", "x finish"]


def test_only_the_metadata_of_the_first_message_counts(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", "one", metadata={"turn_id": 1})
        await wire.text("r", "start", metadata={"turn_id": 2})
        start = await wire.next("tts_audio_start")
        assert start.fields["metadata"] == {"turn_id": 1}

    ten.play(ScriptedTTS, script)


def test_empty_metadata_is_not_remembered(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", "one", metadata={})
        await wire.next("seen")
        assert (await wire.state())["metadatas"] == {}

    ten.play(ScriptedTTS, script)


@pytest.mark.parametrize("action", ["raise", "cancelled"])
def test_what_request_tts_raises_is_swallowed(ten: Ten, action: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", action)
        await wire.text("r", "next")
        await wire.seen_texts(2)

    log = ten.play(ScriptedTTS, script)

    assert told(log)[:2] == [action, "next"]
    assert "error" not in told(log)


def test_after_an_exception_other_requests_stay_blocked(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", "raise", end=True)
        await wire.text("b", "b", end=True)
        await wire.text("a", "a again")
        await wire.seen_texts(2)

    log = ten.play(ScriptedTTS, script)

    assert texts(log) == ["raise", "a again"]


def test_finish_request_sends_no_audio_end(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", "start audio finish", end=True)
        await wire.next("pcm_frame")
        await wire.state()

    assert "tts_audio_end" not in told(ten.play(ScriptedTTS, script))


def test_finish_request_sends_the_error_it_is_given(ten: Ten) -> None:
    from ten_ai_base.message import ModuleError

    class Failing(ScriptedTTS):
        async def request_tts(self, t: TTSTextInput) -> None:
            error = ModuleError(code=1000, message="no luck")
            await self.finish_request(t.request_id, error=error)

    async def script(wire: Wire) -> None:
        await wire.text("r", "t")
        error = await wire.next("error")
        assert error.fields["message"] == "no luck"
        assert error.fields["id"] == "r"

    ten.play(Failing, script)


# -- flush -------------------------------------------------------------------


def test_an_idle_flush_is_answered_without_cancel_tts(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.send("tts_flush", flush_id="f")
        await wire.next("tts_flush_end")

    assert told(ten.play(ScriptedTTS, script)) == ["tts_flush_end"]


def test_a_flush_echoes_its_id_and_metadata(ten: Ten) -> None:
    metadata = {"session_id": "s", "turn_id": 3, "else": [1]}

    async def script(wire: Wire) -> None:
        await wire.send("tts_flush", flush_id="f", metadata=metadata)
        end = await wire.next("tts_flush_end")
        assert end.fields == {"flush_id": "f", "metadata": metadata}

    ten.play(ScriptedTTS, script)


def test_the_end_of_a_flush_is_sent_past_self_ten_env(ten: Ten) -> None:
    sent: list[Message] = []

    async def script(wire: Wire) -> None:
        await wire.text("r", "start audio")
        await wire.next("pcm_frame")
        await wire.send("tts_flush", flush_id="f")
        await wire.next("tts_flush_end")

    ten.play(tapped(ScriptedTTS, sent), script)

    names = [seen.name for seen in sent]
    assert "tts_audio_end" in names
    assert "tts_flush_end" not in names


def test_a_flush_without_id_is_not_answered(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.send("tts_flush", metadata={})
        await wire.text("r", "valid")
        await wire.next("seen")

    assert told(ten.play(ScriptedTTS, script))[:1] == ["valid"]


def test_a_flush_cancels_before_it_is_answered(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", "start audio", metadata={"turn_id": 1})
        await wire.next("pcm_frame")
        await wire.send("tts_flush", flush_id="f")
        await wire.next("tts_flush_end")

    log = ten.play(ScriptedTTS, script)

    names = [seen.name for seen in log if seen.name != "metrics"]
    assert names == [
        "seen",
        "tts_audio_start",
        "pcm_frame",
        "cancel",
        "tts_audio_end",
        "tts_flush_end",
    ]
    end = next(seen for seen in log if seen.name == "tts_audio_end")
    assert end.fields["reason"] == 2
    assert end.fields["metadata"] == {"turn_id": 1}


def test_a_flush_drops_what_is_queued_and_what_waits(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", "wait")
        await wire.text("a", "queued")
        await wire.text("b", "waiting")
        await wire.seen_texts(1)
        await wire.send("tts_flush", flush_id="f")
        await wire.next("tts_flush_end")
        await wire.do("a", "open")
        await wire.text("c", "after")
        await wire.seen_texts(1)

    log = ten.play(ScriptedTTS, script)

    assert texts(log) == ["wait", "after"]


def test_a_flush_drops_the_requests_that_wait_for_another(
    ten: Ten,
) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", "a1")
        await wire.text("b", "waiting")
        await wire.text("a", "a2")
        await wire.seen_texts(2)
        await wire.send("tts_flush", flush_id="f")
        await wire.next("tts_flush_end")
        await wire.text("c", "c1 finish", end=True)
        await wire.text("d", "d1")
        await wire.seen_texts(2)

    log = ten.play(ScriptedTTS, script)

    assert texts(log) == ["a1", "a2", "c1 finish", "d1"]


def test_a_flush_forgets_everything(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", "start odd", metadata={"turn_id": 1})
        await wire.next("pcm_frame")
        await wire.send("tts_flush", flush_id="f")
        await wire.next("tts_flush_end")
        assert await wire.state() == {
            "states": {},
            "metadatas": {},
            "processing": "",
            "leftover": 0,
        }

    ten.play(ScriptedTTS, script)


def test_a_flush_does_not_cancel_a_running_request_tts(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", "wait start")
        await wire.next("seen")
        await wire.send("tts_flush", flush_id="f")
        await wire.next("tts_flush_end")
        await wire.text("b", "blocked")
        await wire.do("a", "open")
        assert (await wire.next("tts_audio_start")).fields["request_id"] == "a"
        await wire.seen_texts(1)

    log = ten.play(ScriptedTTS, script)

    assert texts(log) == ["wait start", "blocked"]


def test_texts_wait_in_order_while_a_flush_runs(ten: Ten) -> None:
    class SlowCancel(ScriptedTTS):
        cancels = "wait end_interrupted"

    async def script(wire: Wire) -> None:
        await wire.text("a", "start")
        await wire.next("tts_audio_start")
        await wire.send("tts_flush", flush_id="f")
        await wire.text("b", "b1")
        await wire.text("b", "b2")
        await wire.next("cancel")
        await wire.do("", "open")
        await wire.seen_texts(2)

    log = ten.play(SlowCancel, script)

    events = told(log)
    begin = events.index("cancel") + 1
    assert events[begin : begin + 4] == [
        "tts_audio_end",
        "tts_flush_end",
        "b1",
        "b2",
    ]


def test_a_flushed_id_is_a_new_request(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", "start", metadata={"turn_id": 1})
        await wire.next("tts_audio_start")
        await wire.send("tts_flush", flush_id="f")
        await wire.next("tts_flush_end")
        await wire.text("r", "start", metadata={"turn_id": 2})
        start = await wire.next("tts_audio_start")
        assert start.fields["metadata"] == {"turn_id": 2}

    ten.play(ScriptedTTS, script)


@pytest.mark.stand_in
def test_a_cancel_tts_that_raises_ends_the_run(ten: Ten) -> None:
    class Failing(ScriptedTTS):
        cancels = "raise"

    async def script(wire: Wire) -> None:
        await wire.text("r", "start")
        await wire.next("tts_audio_start")
        await wire.send("tts_flush", flush_id="f")
        await asyncio.sleep(5)

    error = ten.run(Failing, script)

    assert error is not None
    assert "as the script says" in error.error_message()


# -- the traps ---------------------------------------------------------------


def test_trap_1_a_released_request_stays_queued(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", "a1")
        await wire.text("b", "b1")
        await wire.text("b", "b2", end=True)
        # The queue is in order: with this one seen, the others wait.
        await wire.text("a", "a2")
        await wire.seen_texts(2)
        await wire.do("a", "finish")
        await wire.seen_texts(2)
        state = await wire.state()
        assert state["processing"] == "b"
        assert state["states"]["b"] == "QUEUED"

    ten.play(ScriptedTTS, script)


def test_trap_2_a_late_text_reopens_a_finished_id_and_blocks(
    ten: Ten,
) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", WHOLE, end=True)
        await wire.next("tts_audio_end")
        await wire.text("a", "late")
        await wire.seen_texts(1)
        state = await wire.state()
        assert state["processing"] == "a"
        assert state["states"]["a"] == "COMPLETED"
        await wire.text("b", "b")
        await wire.text("a", "later")
        await wire.seen_texts(1)

    log = ten.play(ScriptedTTS, script)

    assert texts(log) == [WHOLE, "late", "later"]


def test_trap_2_another_finish_request_unblocks(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", WHOLE, end=True)
        await wire.next("tts_audio_end")
        await wire.text("a", "late")
        await wire.text("b", "b")
        await wire.seen_texts(1)
        await wire.do("a", "finish")
        await wire.seen_texts(1)

    assert texts(ten.play(ScriptedTTS, script)) == [WHOLE, "late", "b"]


def test_trap_3_a_flush_skips_cancel_tts_for_a_completed_id(
    ten: Ten,
) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", WHOLE, end=True)
        await wire.next("tts_audio_end")
        await wire.text("a", "late")
        await wire.seen_texts(1)
        await wire.send("tts_flush", flush_id="f")
        await wire.next("tts_flush_end")
        await wire.text("b", "b")
        await wire.seen_texts(1)

    log = ten.play(ScriptedTTS, script)

    events = told(log)
    assert "cancel" not in events[: events.index("tts_flush_end")]
    assert texts(log) == [WHOLE, "late", "b"]


def test_trap_4_a_request_that_is_not_finished_blocks_all_others(
    ten: Ten,
) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", "start audio end", end=True)
        await wire.next("tts_audio_end")
        await wire.text("b", "b", end=True)
        assert (await wire.state())["processing"] == "a"

    assert texts(ten.play(ScriptedTTS, script)) == ["start audio end"]


def test_trap_6_released_texts_go_behind_those_that_came_meanwhile(
    ten: Ten,
) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", "a1")
        await wire.text("b", "b1")
        await wire.text("a", "wait")
        await wire.seen_texts(2)
        # The loop is inside request_tts: these stay in the queue.
        await wire.text("b", "b2")
        await wire.text("b", "b3", end=True)
        await wire.do("a", "finish open")
        await wire.seen_texts(3)

    log = ten.play(ScriptedTTS, script)

    assert texts(log) == ["a1", "wait", "b2", "b3", "b1"]


def test_trap_7_metadata_outlives_its_request_until_the_next_id(
    ten: Ten,
) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", WHOLE, end=True, metadata={"turn_id": 1})
        await wire.next("tts_audio_end")
        assert (await wire.state())["metadatas"] == {"a": {"turn_id": 1}}
        await wire.text("b", "b")
        await wire.next("seen")
        assert (await wire.state())["metadatas"] == {}

    ten.play(ScriptedTTS, script)


def test_trap_8_frames_after_audio_end_have_no_metadata(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", "start audio end audio", metadata={"turn_id": 1})
        first = await wire.next("pcm_frame")
        second = await wire.next("pcm_frame")
        assert first.fields["metadata"] == {"turn_id": 1}
        assert second.fields["metadata"] == {}

    ten.play(ScriptedTTS, script)


def test_trap_9_an_odd_byte_shifts_the_next_request(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("a", "start odd end finish", end=True)
        await wire.next("tts_audio_end")
        await wire.text("b", "start byte", end=True)
        assert (await wire.next("pcm_frame")).pcm == b"\x03\x04"

    ten.play(ScriptedTTS, script)


@pytest.mark.stand_in
def test_trap_10_a_sample_rate_of_0_fails_in_on_stop(ten: Ten) -> None:
    class NoRate(ScriptedTTS):
        rate = 0

    error = ten.run(NoRate, nothing)

    assert error is not None
    assert "ZeroDivisionError" in error.error_message()


def test_trap_11_a_frame_that_fails_is_swallowed(ten: Ten) -> None:
    class NoWidth(ScriptedTTS):
        is_broken = False

        def synthesize_audio_sample_width(self) -> int:
            if self.is_broken:
                raise RuntimeError("no width")
            return 2

        async def request_tts(self, t: TTSTextInput) -> None:
            self.is_broken = True
            await self.send_tts_audio_data(bytes(10))
            self.is_broken = False
            await self.act(t.request_id, "start")

    async def script(wire: Wire) -> None:
        await wire.text("r", "t")
        await wire.next("tts_audio_start")

    ten.play(NoWidth, script)


def test_trap_12_finish_request_inside_cancel_tts_is_harmless(
    ten: Ten,
) -> None:
    class Finishing(ScriptedTTS):
        cancels = "end_interrupted finish"

    async def script(wire: Wire) -> None:
        await wire.text("a", "start")
        await wire.next("tts_audio_start")
        await wire.text("b", "waiting")
        await wire.send("tts_flush", flush_id="f")
        await wire.text("c", "c")
        await wire.next("tts_flush_end")
        await wire.seen_texts(1)

    assert texts(ten.play(Finishing, script)) == ["start", "c"]


def test_trap_13_a_late_finish_ends_a_new_life_of_the_same_id(
    ten: Ten,
) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", "wait finish")
        await wire.seen_texts(1)
        await wire.send("tts_flush", flush_id="f")
        await wire.next("tts_flush_end")
        await wire.text("r", "new life")
        await wire.do("r", "open")
        await wire.seen_texts(1)
        assert (await wire.state())["states"]["r"] == "COMPLETED"

    ten.play(ScriptedTTS, script)
