# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Texts of a request that come one by one, and the request after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenario_kit import (
    COMPLETE,
    END,
    FRAME,
    METRICS,
    START,
    STATUS,
    Load,
    heard,
)

from ten_host.conformance.test_order import (
    METADATA,
    TURNS,
    AppendTester,
    AtOnceTester,
)


@pytest.mark.parametrize("tester_class", [AppendTester, AtOnceTester])
def test_every_text_of_every_turn_is_spoken(
    tester_class: type[AppendTester], load: Load, tmp_path: Path
) -> None:
    tester = tester_class()

    tester.play(load("dump"))

    assert tester.names(METRICS, STATUS) == [START, FRAME, END] * 2
    for turn, texts in TURNS.items():
        expected = [word for words in texts for word in words]
        assert [w.rstrip(".") for w in heard(tester, turn)] == expected
        assert tester.reason(turn) == COMPLETE
        assert tester.one(START, turn).metadata == METADATA[turn]
    dumps = {path.read_bytes() for path in (tmp_path / "dump").iterdir()}
    assert dumps == {tester.pcm(turn) for turn in TURNS}
