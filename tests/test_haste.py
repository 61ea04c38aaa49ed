# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How many sockets are held ahead, for which turns."""

from __future__ import annotations

from typing import Union

import pytest

from gradium_tts_python.core.errors import ConnectError, ErrorKind
from gradium_tts_python.core.haste import HASTE_S, MOST_RESERVES, Haste
from gradium_tts_python.core.pace import Pace

pytestmark = pytest.mark.fast_turns

# A request asks, and so many sockets are open behind it; or what happened.
Turn = Union[int, str]
OPENS_S = 0.3
CUT, NO = "interrupted", "refused"


def after(*turns: tuple[float, Turn]) -> Haste:
    haste = Haste()
    haste.opened(OPENS_S)
    for now, turn in turns:
        if isinstance(turn, int):
            haste.asked(turn, now)
        else:
            getattr(haste, turn)(now)
    return haste


@pytest.mark.parametrize(
    ("turns", "wanted"),
    [
        ([], 1),
        ([(0.0, 0)], 1),
        # Slower than sockets open.
        ([(0.0, 0), (0.6, 0), (1.2, 0)], 1),
        ([(0.0, 0), (0.1, 0)], 2),
        ([(0.0, 0), (0.1, 0), (0.2, 0)], 3),
        ([(0.0, 0), (0.1, 0), (0.2, 0), (0.3, 0), (0.4, 0)], MOST_RESERVES),
        # What is held is enough.
        ([(0.0, 1), (0.1, 1), (0.2, 1)], 1),
        ([(0.0, 0), (0.1, 0), (0.2, 1), (0.3, 2)], 2),
        ([(0.0, CUT)], 2),
        ([(0.0, CUT), (1.0, CUT), (2.0, CUT)], 2),
        ([(0.0, 0), (0.1, 0), (0.2, 0), (0.3, CUT)], 3),
        ([(0.0, CUT), (0.1, NO)], 1),
        # Nor for a while after it.
        ([(0.0, NO), (0.1, CUT), (0.2, 0), (0.3, 0)], 1),
    ],
)
def test_more_sockets_are_held_for_turns_that_come_fast(
    turns: list[tuple[float, Turn]], wanted: int
) -> None:
    last_s = turns[-1][0] if turns else 0.0

    assert after(*turns).wanted(MOST_RESERVES, last_s) == wanted


@pytest.mark.parametrize("most", range(MOST_RESERVES + 1))
def test_no_more_are_held_than_the_settings_allow(most: int) -> None:
    haste = after(*[(each / 10, 0) for each in range(10)])

    assert haste.wanted(most, 1.0) == most


def test_one_is_held_again_a_while_after_the_last_fast_turn() -> None:
    haste = after((0.0, CUT), (10.0, 1), (10.1, 1))

    assert haste.wanted(4, 10.0 + HASTE_S) == 2
    assert haste.wanted(4, 10.2 + HASTE_S) == 1
    # And it begins at one, not where it had been.
    haste.interrupted(11.0 + HASTE_S)
    assert haste.wanted(4, 11.0 + HASTE_S) == 2


def test_a_refusal_is_forgotten_after_a_while() -> None:
    haste = after((0.0, NO), (HASTE_S, CUT))

    assert haste.wanted(4, HASTE_S) == 2


@pytest.mark.parametrize("trouble", ["failed", "lost", "given_up", "refused"])
def test_one_socket_is_enough_to_ask_a_server_in_trouble(trouble: str) -> None:
    pace = Pace(lambda: 0.0)
    pace.answered()
    pace.haste.interrupted(0.0)
    assert pace.reserves(4, 1.0) == 2
    told = [ConnectError("no", ErrorKind.AUTH)] if trouble == "refused" else []

    getattr(pace, trouble)(*told, 1.0)
    pace.answered()

    assert pace.reserves(4, 1.0) == 1


def test_how_fast_is_fast_depends_on_how_far_the_server_is() -> None:
    haste = after((0.0, 0))
    haste.opened(0.01)

    haste.asked(0, 0.1)

    assert haste.wanted(4, 0.1) == 1


def test_a_server_that_may_refuse_the_key_is_asked_once() -> None:
    pace = Pace(lambda: 0.0)
    pace.haste.interrupted(0.0)

    assert pace.reserves(4, 0.0) == 1
    assert pace.reserves(0, 0.0) == 0
