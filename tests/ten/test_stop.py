# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A run that ends early ends well."""

from __future__ import annotations

import json

from listener import ADDON, FRAME, Listener, Properties, play
from local_vendor import LocalVendor

from ten_runtime import AsyncExtensionTester, AsyncTenEnvTester


class _Hasty(AsyncExtensionTester):
    """Stops before the extension can have been initialised."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        ten_env_tester.stop_test()


def test_a_stop_before_the_extension_is_ready_ends_well(
    properties: Properties,
) -> None:
    tester = _Hasty()
    tester.set_test_mode_single(ADDON, json.dumps(properties()))

    assert tester.run() is None


def test_a_stop_in_the_middle_of_speech_ends_well(
    vendor: LocalVendor, properties: Properties
) -> None:
    vendor.hold_after = 1

    async def leave_early(ten: Listener) -> None:
        await ten.say("r1", "one two three", is_end=True)
        await ten.until(FRAME)

    ten = play(properties(), leave_early)

    assert vendor.heard_words(ten.pcm("r1")) == ["one"]
    assert not vendor.sessions[0].is_complete


def test_a_run_after_a_run_starts_anew(
    vendor: LocalVendor, properties: Properties
) -> None:
    async def speak(ten: Listener) -> None:
        await ten.say("r1", "again", is_end=True)
        await ten.until("tts_audio_end")

    for _ in range(3):
        play(properties(), speak)

    assert [session.words for session in vendor.sessions] == [["again"]] * 3
