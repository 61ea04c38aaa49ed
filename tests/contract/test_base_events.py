# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§3.7, §3.8, §3.10 and §3.11: what the base sends, commands, stop, helpers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from contract_kit import (
    Message,
    Script,
    ScriptedTTS,
    Ten,
    Wire,
    nothing,
    tapped,
)

from ten_ai_base.helper import AsyncQueue, PCMWriter
from ten_ai_base.message import ModuleError, ModuleErrorVendorInfo
from ten_ai_base.struct import TTSTextInput, TTSTextResult, TTSWord
from ten_ai_base.utils import encrypt
from ten_runtime import StatusCode

METADATA = {"session_id": "s", "turn_id": 1}


def speaking(ten: Ten, body: Any, **registration: Any) -> list[Message]:
    """Run `body(extension, request)` as the request_tts of one request."""

    class Speaking(ScriptedTTS):
        async def request_tts(self, t: TTSTextInput) -> None:
            await body(self, t)
            await self._tell("seen", text=t.text)

    async def script(wire: Wire) -> None:
        await wire.text("r", "t", end=True, metadata=METADATA)
        await wire.next("seen")

    log = ten.play(Speaking, script, **registration)
    return log[: [seen.name for seen in log].index("seen")]


def test_audio_start_carries_the_requests_metadata(ten: Ten) -> None:
    async def body(ext: Any, t: TTSTextInput) -> None:
        await ext.send_tts_audio_start("r")
        assert ext.current_audio_request_id == "r"

    (start,) = speaking(ten, body)

    assert start.name == "tts_audio_start"
    assert start.fields == {"request_id": "r", "metadata": METADATA}


def test_extra_metadata_is_laid_over_the_requests(ten: Ten) -> None:
    async def body(ext: Any, t: TTSTextInput) -> None:
        await ext.send_tts_audio_start("r", extra_metadata={"turn_id": 2})
        await ext.send_tts_audio_start("unknown", extra_metadata={"x": 1})

    known, unknown = speaking(ten, body)

    assert known.fields["metadata"] == {"session_id": "s", "turn_id": 2}
    assert unknown.fields["metadata"] == {"x": 1}


def test_a_frame_describes_itself(ten: Ten) -> None:
    async def body(ext: Any, t: TTSTextInput) -> None:
        await ext.send_tts_audio_start("r")
        await ext.send_tts_audio_data(b"\1\2\3\4", 1234)

    _, frame = speaking(ten, body)

    assert frame == Message(
        "pcm_frame",
        {"metadata": METADATA},
        is_frame=True,
        pcm=b"\1\2\3\4",
        sample_rate_hz=16000,
        samples=2,
        sample_bytes=2,
        timestamp_ms=1234,
    )


def test_only_whole_samples_are_sent_and_the_rest_waits(ten: Ten) -> None:
    async def body(ext: Any, t: TTSTextInput) -> None:
        for chunk in (b"\1", b"", b"\2\3", b"\4\5\6"):
            await ext.send_tts_audio_data(chunk)

    frames = speaking(ten, body)

    assert [f.pcm for f in frames] == [b"\1\2", b"\3\4\5\6"]


def test_audio_end_carries_both_durations_and_the_reason(ten: Ten) -> None:
    async def body(ext: Any, t: TTSTextInput) -> None:
        await ext.send_tts_audio_start("r")
        await ext.send_tts_audio_end("r", 12, 345)
        assert ext.current_audio_request_id is None

    _, end = speaking(ten, body)

    assert end.name == "tts_audio_end"
    assert end.fields == {
        "request_id": "r",
        "request_event_interval_ms": 12,
        "request_total_audio_duration_ms": 345,
        "reason": 1,
        "metadata": METADATA,
    }


def test_an_error_is_told_with_the_vendors_words(ten: Ten) -> None:
    async def body(ext: Any, t: TTSTextInput) -> None:
        said = ModuleErrorVendorInfo(vendor="v", code="4", message="m")
        error = ModuleError(
            id="ignored",
            module="ignored",
            code=-1000,
            message="text",
            vendor_info=said,
            metadata={"ignored": 1},
        )
        await ext.send_tts_error("r", error)

    (error,) = speaking(ten, body)

    assert error.name == "error"
    assert error.fields == {
        "id": "r",
        "code": -1000,
        "module": "tts",
        "message": "text",
        "vendor_info": {"vendor": "v", "code": "4", "message": "m"},
        "metadata": METADATA,
    }


def test_an_error_without_request_has_an_empty_id(ten: Ten) -> None:
    async def body(ext: Any, t: TTSTextInput) -> None:
        await ext.send_tts_error(None, ModuleError(code=1000, message="m"))

    (error,) = speaking(ten, body)

    assert error.fields["id"] == ""
    assert error.fields["vendor_info"] == {}
    assert error.fields["metadata"] == {}


def test_a_text_result_is_the_dump_of_its_model(ten: Ten) -> None:
    result = TTSTextResult(
        request_id="r",
        text="hi",
        start_ms=1,
        duration_ms=2,
        words=[TTSWord(word="hi", start_ms=1, duration_ms=2)],
        metadata={"turn_status": 0},
    )

    async def body(ext: Any, t: TTSTextInput) -> None:
        await ext.send_tts_text_result(result)

    (seen,) = speaking(ten, body)

    assert seen.name == "tts_text_result"
    assert seen.fields == result.model_dump()


def test_ttfb_and_connect_delay_are_metrics(ten: Ten) -> None:
    async def body(ext: Any, t: TTSTextInput) -> None:
        await ext.send_tts_ttfb_metrics("r", 42)
        await ext.metrics_connect_delay(7)

    ttfb, delay = speaking(ten, body)

    assert ttfb.name == delay.name == "metrics"
    assert ttfb.fields["metrics"] == {"ttfb": 42}
    assert ttfb.fields["metadata"] == METADATA
    assert ttfb.fields["module"] == "tts"
    assert ttfb.fields["vendor"] == "acme"
    assert ttfb.fields["id"] != delay.fields["id"]
    assert delay.fields["metrics"] == {"connect_delay": 7}
    assert delay.fields["metadata"] == {}


def test_usage_is_counted_per_interval_and_in_total(ten: Ten) -> None:
    async def body(ext: Any, t: TTSTextInput) -> None:
        for _ in range(2):
            ext.metrics_add_output_characters(10)
            ext.metrics_add_input_characters(9)
            ext.metrics_add_recv_audio_chunks(bytes(32000))
            await ext.send_usage_metrics("r")

    first, second = speaking(ten, body)

    assert first.fields["metrics"] == {
        "output_characters": 10,
        "input_characters": 9,
        "recv_audio_duration": 1000.0,
        "total_output_characters": 10,
        "total_input_characters": 9,
        "total_recv_audio_duration": 1000.0,
    }
    assert second.fields["metrics"] == {
        "output_characters": 10,
        "input_characters": 9,
        "recv_audio_duration": 1000.0,
        "total_output_characters": 20,
        "total_input_characters": 18,
        "total_recv_audio_duration": 2000.0,
    }
    assert second.fields["metadata"] == METADATA


INTERFACE = "../../system/ten_ai_base/api/tts-interface.json"


# TEN looks for the interface beside the add-on.
@pytest.mark.stand_in
@pytest.mark.parametrize(
    ("words", "interval", "turn_id", "passed"),
    [
        ([], 1, 1, ["tts_text_result", "tts_audio_end"]),
        (None, 1, 1, ["tts_audio_end"]),
        ([], 1.5, 1, ["tts_text_result"]),
        ([], 1, None, ["tts_text_result"]),
    ],
)
def test_the_interface_refuses_events_of_the_wrong_type(
    ten: Ten, words: Any, interval: Any, turn_id: Any, passed: list[str]
) -> None:
    async def body(ext: Any, t: TTSTextInput) -> None:
        result = TTSTextResult(
            request_id="r", text="", start_ms=0, duration_ms=0, words=words
        )
        await ext.send_tts_text_result(result)
        extra = {"turn_id": turn_id}
        await ext.send_tts_audio_end("r", interval, 1, extra_metadata=extra)

    declared = {"interface": [{"import_uri": INTERFACE}]}

    log = speaking(ten, body, api=declared)

    assert [seen.name for seen in log] == passed


# -- commands ----------------------------------------------------------------


def test_update_configs_gets_all_properties_and_answers_ok(ten: Ten) -> None:
    configs = {"params": {"speed": 1.5}, "dump": True}

    async def script(wire: Wire) -> None:
        status, _ = await wire.cmd("update_configs", **configs)
        assert status is StatusCode.OK
        seen = await wire.next("configs")
        assert seen.fields == {"configs": configs}

    ten.play(ScriptedTTS, script)


def test_an_update_that_raises_answers_with_the_message(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        status, properties = await wire.cmd("update_configs", url="nowhere")
        assert status is StatusCode.ERROR
        assert properties["message"] == "no such url: nowhere"

    ten.play(ScriptedTTS, script)


def test_any_other_command_is_answered_ok(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        status, _ = await wire.cmd("hello_world", anything=1)
        assert status is StatusCode.OK

    ten.play(ScriptedTTS, script)


# -- stop --------------------------------------------------------------------


def sent_in(ten: Ten, script: Script) -> list[Message]:
    """All data that a `ScriptedTTS` sends, from its `on_stop`, too."""
    sent: list[Message] = []
    ten.play(tapped(ScriptedTTS, sent), script)
    return sent


def test_the_stop_sends_usage_without_request(ten: Ten) -> None:
    (usage,) = sent_in(ten, nothing)

    assert usage.name == "metrics"
    assert usage.fields["metadata"] == {}


def test_the_stop_cancels_a_request_in_flight_without_flush_end(
    ten: Ten,
) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", "start audio", metadata=METADATA)
        await wire.next("pcm_frame")

    sent = sent_in(ten, script)

    names = [seen.name for seen in sent]
    assert names[-3:] == ["metrics", "cancel", "tts_audio_end"]
    assert sent[-1].fields["metadata"] == METADATA


def test_the_stop_between_audio_end_and_finish_cancels_too(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", "start audio end", end=True)
        await wire.next("tts_audio_end")

    names = [seen.name for seen in sent_in(ten, script)]

    assert names.count("tts_audio_end") == 2


def test_the_stop_of_a_finished_request_does_not_cancel(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", "start audio end finish", end=True)
        await wire.next("tts_audio_end")
        await wire.state()

    names = [seen.name for seen in sent_in(ten, script)]

    assert "cancel" not in names


def test_the_stop_ends_a_running_request_tts(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.text("r", "wait")
        await wire.next("seen")

    ten.play(ScriptedTTS, script)


# -- helpers -----------------------------------------------------------------


async def test_a_queue_keeps_the_order_and_can_prepend() -> None:
    queue = AsyncQueue()
    await queue.put(1)
    await queue.put(2)
    await queue.put(0, prepend=True)

    assert len(queue) == 3
    assert [await queue.get() for _ in range(3)] == [0, 1, 2]


async def test_a_flushed_queue_is_empty() -> None:
    queue = AsyncQueue()
    await queue.put(1)

    await queue.flush()

    assert len(queue) == 0


async def test_a_queue_wakes_who_waits() -> None:
    queue = AsyncQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)

    await queue.put("x")

    assert await waiting == "x"


async def test_a_pcm_writer_appends_what_it_is_given(tmp_path: Path) -> None:
    file = tmp_path / "x.pcm"
    for chunk in (b"ab", b"cd"):
        writer = PCMWriter(str(file))
        await writer.write(chunk)
        await writer.flush()

    assert file.read_bytes() == b"abcd"


async def test_an_empty_pcm_writer_makes_no_file(tmp_path: Path) -> None:
    writer = PCMWriter(str(tmp_path / "x.pcm"))

    await writer.flush()

    assert not (tmp_path / "x.pcm").exists()


async def test_a_pcm_writer_makes_no_folders(tmp_path: Path) -> None:
    writer = PCMWriter(str(tmp_path / "absent" / "x.pcm"))
    await writer.write(b"ab")

    with pytest.raises(FileNotFoundError):
        await writer.flush()


async def test_a_flush_during_a_write_leaves_the_rest_in_the_buffer(
    tmp_path: Path,
) -> None:
    file = tmp_path / "x.pcm"
    writer = PCMWriter(str(file))
    await writer.write(bytes(70_000))
    await writer.write(bytes(10))

    await writer.flush()
    assert file.stat().st_size == 70_000

    await writer.flush()
    assert file.stat().st_size == 70_010


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("", ""),
        ("abcd", "abcd"),
        ("abcde", "a...e"),
        ("abcdefghij", "ab...ij"),
        ("a" * 20 + "b" * 20, "aaaaa...bbbbb"),
    ],
)
def test_a_secret_is_masked_by_its_length(secret: str, shown: str) -> None:
    assert encrypt(secret) == shown
