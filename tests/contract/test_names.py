# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§1.1: the names, the enumerations and the small values."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from enum import IntEnum

import pytest

import ten_runtime
from ten_runtime import (
    AsyncExtension,
    AudioFrameDataFmt,
    CmdResult,
    Data,
    DefaultLogOption,
    Extension,
    Loc,
    LogLevel,
    LogOption,
    SendOptions,
    StatusCode,
    TenError,
    TenErrorCode,
)

ROOT = """
Addon register_addon_as_extension _AddonManager App TenEnv AsyncTenEnv
TenEnvTester AsyncTenEnvTester Extension AsyncExtension ExtensionTester
AsyncExtensionTester Cmd CmdResult StatusCode Data AudioFrame
AudioFrameDataFmt VideoFrame PixelFmt StartGraphCmd StopGraphCmd
TriggerLifeCycleCmd TenError TenErrorCode LogLevel LogOption DefaultLogOption
SendOptions Loc Value ValueType
""".split()

SUBMODULES = {
    "async_ten_env": "AsyncTenEnv",
    "audio_frame": "AudioFrame AudioFrameDataFmt",
    "cmd": "Cmd",
    "cmd_result": "CmdResult StatusCode",
    "data": "Data",
    "video_frame": "VideoFrame",
    "ten_env": "TenEnv",
    "error": "TenError TenErrorCode",
    "loc": "Loc",
    "test": "ExtensionTester TenEnvTester",
    "async_test": "AsyncExtensionTester AsyncTenEnvTester",
    "addon": "Addon",
    "app": "App",
    "extension": "Extension",
    "async_extension": "AsyncExtension",
    "log_level": "LogLevel",
    "log_option": "LogOption",
    "send_options": "SendOptions",
}


@pytest.mark.parametrize("name", ROOT)
def test_a_name_is_importable_from_the_package_root(name: str) -> None:
    assert hasattr(ten_runtime, name)


@pytest.mark.parametrize("module", SUBMODULES)
def test_a_submodule_gives_the_same_object_as_the_root(module: str) -> None:
    found = importlib.import_module(f"ten_runtime.{module}")

    for name in SUBMODULES[module].split():
        assert getattr(found, name) is getattr(ten_runtime, name)


@pytest.mark.parametrize(
    ("enum", "members"),
    [
        (StatusCode, {"OK": 0, "ERROR": 1}),
        (
            LogLevel,
            {"INVALID": 0, "DEBUG": 1, "INFO": 2, "WARN": 3, "ERROR": 4},
        ),
        (AudioFrameDataFmt, {"INTERLEAVE": 1, "NON_INTERLEAVE": 2}),
        (
            TenErrorCode,
            {
                "ErrorCodeGeneric": 1,
                "ErrorCodeInvalidJSON": 2,
                "ErrorCodeInvalidArgument": 3,
                "ErrorCodeInvalidType": 4,
                "ErrorCodeInvalidGraph": 5,
                "ErrorCodeTenIsClosed": 6,
                "ErrorCodeMsgNotConnected": 7,
                "ErrorCodeTimeout": 8,
            },
        ),
    ],
)
def test_enumerations_are_integers_with_these_members(
    enum: type[IntEnum], members: dict[str, int]
) -> None:
    assert issubclass(enum, IntEnum)
    assert {name: enum[name].value for name in members} == members


def test_an_error_has_a_code_and_a_message() -> None:
    error = TenError.create(TenErrorCode.ErrorCodeTimeout, "too late")

    assert error.error_code() == 8
    assert error.error_message() == "too late"
    assert str(error) == "error_code: 8, error_message: too late"


def test_an_error_can_have_no_message() -> None:
    assert not TenError.create(TenErrorCode.ErrorCodeGeneric).error_message()


def test_the_constructor_of_an_error_is_not_implemented() -> None:
    with pytest.raises(NotImplementedError):
        TenError(1, "x")  # type: ignore[call-arg,unused-ignore]


def test_log_options_skip_two_frames_and_are_not_synchronous() -> None:
    assert (LogOption().skip, LogOption().sync) == (2, False)
    assert isinstance(DefaultLogOption, LogOption)


def test_sends_do_not_wait_for_their_result_by_default() -> None:
    assert SendOptions().wait_for_result is False
    assert SendOptions(wait_for_result=True).wait_for_result is True


def test_a_location_has_three_optional_parts() -> None:
    assert vars_of(Loc()) == (None, None, None)
    assert vars_of(Loc("app", "graph", "tts")) == ("app", "graph", "tts")


def vars_of(loc: Loc) -> tuple[str | None, str | None, str | None]:
    return loc.app_uri, loc.graph_id, loc.extension_name


@pytest.mark.parametrize("name", ["Cmd", "Data", "AudioFrame", "VideoFrame"])
def test_the_constructor_of_a_message_is_not_implemented(name: str) -> None:
    with pytest.raises(NotImplementedError):
        getattr(ten_runtime, name)("x")


def test_the_constructor_of_a_result_refuses_its_argument() -> None:
    with pytest.raises(ValueError):
        CmdResult("x")


@pytest.mark.parametrize("name", ["world", "no identifier", "a-b", "1"])
def test_a_message_name_may_be_any_text(name: str) -> None:
    data = Data.create("hello")

    data.set_name(name)

    assert data.get_name() == name
    assert Data.create(name).get_name() == name


@pytest.mark.parametrize("kind", [AsyncExtension, Extension])
def test_an_extension_takes_its_name_and_nothing_else(kind: type) -> None:
    class Greedy(kind):  # type: ignore[misc,valid-type,unused-ignore]
        def __init__(self, name: str, more: int = 0) -> None:
            super().__init__(name)
            self.more = more

    assert Greedy("x").name == "x"
    with pytest.raises(TypeError):
        Greedy("x", more=1)


@pytest.mark.parametrize("kind", [AsyncExtension, Extension])
def test_a_class_with_missing_methods_has_instances(kind: type) -> None:
    class Incomplete(kind, ABC):  # type: ignore[misc,valid-type,unused-ignore]
        @abstractmethod
        def missing(self) -> None:
            """Nobody supplies it."""

    made = Incomplete("x")

    assert type(made) is Incomplete
    assert made.name == "x"
