# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§3.1 and §3.2: names, constants and the shapes of messages."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from contract_kit import ScriptedTTS
from pydantic import ValidationError

from ten_ai_base import const, message, struct, tts2
from ten_ai_base.message import (
    ModuleError,
    ModuleErrorCode,
    ModuleErrorVendorInfo,
    ModuleMetricKey,
    ModuleType,
    ModuleVendorException,
    TTSAudioEndReason,
)
from ten_ai_base.struct import (
    TTS2HttpResponseEventType,
    TTSFlush,
    TTSTextInput,
    TTSTextResult,
    TTSWord,
)
from ten_ai_base.tts2 import AsyncTTS2BaseExtension


@pytest.mark.parametrize(
    "module",
    "tts2 tts2_http struct message const helper utils types config".split(),
)
def test_a_submodule_is_importable(module: str) -> None:
    importlib.import_module(f"ten_ai_base.{module}")


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (tts2, "DATA_TTS_TEXT_INPUT", "tts_text_input"),
        (tts2, "DATA_TTS_TEXT_RESULT", "tts_text_result"),
        (tts2, "DATA_FLUSH", "tts_flush"),
        (tts2, "DATA_FLUSH_RESULT", "tts_flush_end"),
        (tts2, "CMD_UPDATE_CONFIGS", "update_configs"),
        (const, "LOG_CATEGORY_KEY_POINT", "key_point"),
        (const, "LOG_CATEGORY_VENDOR", "vendor"),
        (const, "LOG_CATEGORY_USAGE", "usage"),
        (const, "DATA_OUT_METRICS", "metrics"),
        (const, "AUDIO_FRAME_OUTPUT_NAME", "pcm_frame"),
    ],
)
def test_a_constant_has_its_value(module: Any, name: str, value: str) -> None:
    assert getattr(module, name) == value


@pytest.mark.parametrize(
    "missing", ["vendor", "request_tts", "synthesize_audio_sample_rate"]
)
def test_three_methods_are_abstract_but_not_asked_for(missing: str) -> None:
    async def request_tts(self: Any, t: TTSTextInput) -> None: ...

    supplied: dict[str, Any] = {
        "vendor": lambda self: "v",
        "request_tts": request_tts,
        "synthesize_audio_sample_rate": lambda self: 16000,
    }
    del supplied[missing]

    incomplete = type("Incomplete", (AsyncTTS2BaseExtension,), supplied)

    assert incomplete.__abstractmethods__ == {missing}
    assert isinstance(incomplete("x"), AsyncTTS2BaseExtension)


def test_an_extension_can_be_made_without_runtime_and_loop() -> None:
    extension = ScriptedTTS("tts")

    assert extension.name == "tts"
    assert extension.synthesize_audio_channels() == 1
    assert extension.synthesize_audio_sample_width() == 2
    assert extension.metadatas == {}
    assert extension.request_states == {}
    assert extension.leftover_bytes == b""
    assert extension.current_audio_request_id is None
    assert extension._processing_request_id is None


@pytest.mark.parametrize(
    ("shape", "given", "full"),
    [
        (
            TTSTextInput,
            {"request_id": "r", "text": "t"},
            {"text_input_end": False, "metadata": {}},
        ),
        (
            TTSTextResult,
            {"request_id": "r", "text": "t", "start_ms": 1, "duration_ms": 2},
            {"words": None, "text_result_end": False, "metadata": {}},
        ),
        (TTSWord, {}, {"word": "", "start_ms": -1, "duration_ms": -1}),
        (TTSFlush, {"flush_id": "f"}, {"metadata": {}}),
        (
            ModuleError,
            {},
            {
                "id": "",
                "module": "",
                "code": 0,
                "message": "",
                "vendor_info": None,
                "metadata": {},
            },
        ),
        (ModuleErrorVendorInfo, {}, {"vendor": "", "code": "", "message": ""}),
    ],
)
def test_a_shape_has_these_defaults(
    shape: Any, given: dict[str, Any], full: dict[str, Any]
) -> None:
    assert shape(**given).model_dump() == {**given, **full}


@pytest.mark.parametrize(
    ("shape", "given"),
    [
        (TTSTextInput, {"request_id": "r"}),
        (TTSTextInput, {"text": "t"}),
        (TTSTextResult, {"request_id": "r", "text": "t", "start_ms": 1}),
        (TTSFlush, {}),
    ],
)
def test_a_shape_insists_on_its_required_fields(
    shape: Any, given: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        shape(**given)


def test_unknown_keys_are_ignored() -> None:
    text = '{"request_id": "r", "text": "t", "else": 1}'

    assert TTSTextInput.model_validate_json(text).text == "t"


def test_null_for_a_field_that_is_not_optional_is_invalid() -> None:
    text = '{"request_id": "r", "text": "t", "metadata": null}'

    with pytest.raises(ValidationError):
        TTSTextInput.model_validate_json(text)


@pytest.mark.parametrize(
    ("member", "value"),
    [("OK", "0"), ("FATAL_ERROR", "-1000"), ("NON_FATAL_ERROR", "1000")],
)
def test_an_error_code_is_a_text(member: str, value: str) -> None:
    assert ModuleErrorCode[member].value == value
    assert isinstance(ModuleErrorCode[member], str)


@pytest.mark.parametrize(
    "code", [ModuleErrorCode.FATAL_ERROR, ModuleErrorCode.FATAL_ERROR.value]
)
def test_an_error_makes_an_integer_of_its_code(code: Any) -> None:
    assert ModuleError(code=code).code == -1000


def test_a_vendors_code_must_be_a_text() -> None:
    with pytest.raises(ValidationError):
        ModuleErrorVendorInfo(code=401)  # type: ignore[arg-type,unused-ignore]


def test_a_vendor_exception_carries_what_the_vendor_said() -> None:
    said = ModuleErrorVendorInfo(vendor="v", code="1", message="m")

    assert ModuleVendorException(said).error is said


def test_end_reasons_are_1_2_3() -> None:
    names = ["REQUEST_END", "INTERRUPTED", "ERROR"]

    assert [int(TTSAudioEndReason[name]) for name in names] == [1, 2, 3]


def test_events_of_http_vendors_are_1_to_5() -> None:
    names = ["RESPONSE", "END", "ERROR", "INVALID_KEY_ERROR", "FLUSH"]
    found = [int(TTS2HttpResponseEventType[name].value) for name in names]

    assert found == [1, 2, 3, 4, 5]


def test_modules_and_metrics_have_their_names() -> None:
    assert ModuleType.TTS.value == "tts"
    assert ModuleMetricKey.TTS_TTFB.value == "ttfb"
    for name in ("ASR", "LLM", "MLLM", "AVATAR", "TURN"):
        assert hasattr(ModuleType, name)


def test_metrics_have_five_fields() -> None:
    fields = message.ModuleMetrics.model_fields

    assert set(fields) >= {"id", "module", "vendor", "metrics", "metadata"}


def test_tts2_gives_the_shapes_it_uses() -> None:
    assert tts2.TTSTextInput is struct.TTSTextInput
    assert tts2.RequestState.COMPLETED is not None


def test_http_names_are_there() -> None:
    from ten_ai_base.tts2_http import AsyncTTS2HttpExtension

    assert issubclass(AsyncTTS2HttpExtension, AsyncTTS2BaseExtension)
