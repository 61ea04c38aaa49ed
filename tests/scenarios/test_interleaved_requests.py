# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Texts of several requests that come mixed."""

from __future__ import annotations

from pathlib import Path

from heard import WORDS
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

from ten_host.conformance.test_order import IDS, ROUNDS, InterleavedTester


def words_of(n: int) -> list[str]:
    """The words of a request: two of each round."""
    firsts = range(2 * n, 2 * len(IDS) * ROUNDS, 2 * len(IDS))
    return [word for at in firsts for word in WORDS[at : at + 2]]


def test_requests_are_spoken_one_after_the_other(
    load: Load, tmp_path: Path
) -> None:
    tester = InterleavedTester()

    tester.play(load("dump"))

    assert tester.names(METRICS, STATUS) == [START, FRAME, END] * len(IDS)
    assert [end.request_id for end in tester.named(END)] == IDS
    for n, request_id in enumerate(IDS):
        assert heard(tester, request_id) == words_of(n)
        assert tester.reason(request_id) == COMPLETE
        assert tester.one(START, request_id).metadata["turn_id"] == n
    dumps = {path.read_bytes() for path in (tmp_path / "dump").iterdir()}
    assert dumps == {tester.pcm(request_id) for request_id in IDS}
