# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Which life of its id a text belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from gradium_tts_python.core.admission import Admission, Segment, Verdict


def text_of(
    request_id: str = "a",
    *,
    is_speakable: bool = True,
    is_last: bool = False,
    metadata: dict[str, Any] | None = None,
) -> Segment:
    return Segment(
        request_id,
        "text" if is_speakable else " ",
        is_speakable=is_speakable,
        is_last=is_last,
        metadata=metadata or {},
    )


def end(
    admission: Admission,
    request_id: str = "a",
    *,
    is_complete: bool = True,
    owes_end: bool = False,
    metadata: dict[str, Any] | None = None,
) -> None:
    """Let a request begin and end."""
    admission.admit(text_of(request_id, is_last=is_complete, metadata=metadata))
    admission.ended(owes_end=owes_end)


@pytest.mark.parametrize("is_speakable", [True, False])
@pytest.mark.parametrize("is_last", [True, False])
def test_an_id_never_seen_is_new(is_speakable: bool, is_last: bool) -> None:
    text = text_of(is_speakable=is_speakable, is_last=is_last)

    assert Admission().admit(text) is Verdict.NEW


def test_texts_of_the_running_request_go_on_with_it_up_to_its_last() -> None:
    admission = Admission()

    verdicts = [
        admission.admit(text_of()),
        admission.admit(text_of(is_speakable=False)),
        admission.admit(text_of(is_last=True)),
        admission.admit(text_of(is_speakable=False, is_last=True)),
        admission.admit(text_of()),
        admission.admit(text_of(is_speakable=False, is_last=True)),
    ]

    assert verdicts == [
        Verdict.NEW,
        Verdict.NEXT,
        Verdict.NEXT,
        Verdict.LATE,
        Verdict.NEXT_LIFE,
        Verdict.NEXT_LIFE,
    ]


@pytest.mark.parametrize(
    ("is_speakable", "is_last", "verdict"),
    [
        (False, False, Verdict.LATE),
        (False, True, Verdict.LATE),
        (True, False, Verdict.NEW),
        (True, True, Verdict.NEW),
    ],
)
def test_after_a_complete_request_only_speakable_text_is_new(
    is_speakable: bool, is_last: bool, verdict: Verdict
) -> None:
    admission = Admission()
    end(admission)

    text = text_of(is_speakable=is_speakable, is_last=is_last)

    assert admission.admit(text) is verdict


@pytest.mark.parametrize("is_speakable", [False, True])
@pytest.mark.parametrize(
    ("owes_end", "last"),
    [(False, Verdict.LATE), (True, Verdict.LATE_LAST)],
)
def test_the_tail_of_a_cut_request_is_late_up_to_its_last_text(
    is_speakable: bool, owes_end: bool, last: Verdict
) -> None:
    admission = Admission()
    end(admission, is_complete=False, owes_end=owes_end)

    verdicts = [
        admission.admit(text_of(is_speakable=is_speakable)),
        admission.admit(text_of(is_speakable=is_speakable)),
        admission.admit(text_of(is_speakable=is_speakable, is_last=True)),
        admission.admit(text_of(is_speakable=False, is_last=True)),
        admission.admit(text_of()),
    ]

    assert verdicts == [
        Verdict.LATE,
        Verdict.LATE,
        last,
        Verdict.LATE,
        Verdict.NEW,
    ]


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ({"turn_id": 1}, {"turn_id": 1}, Verdict.LATE),
        ({"turn_id": 1}, {"turn_id": 2}, Verdict.NEW),
        ({"turn_id": 1}, {}, Verdict.LATE),
        ({}, {"turn_id": 2}, Verdict.LATE),
        ({}, {}, Verdict.LATE),
    ],
)
def test_another_turn_is_not_the_tail_of_a_cut_request(
    before: dict[str, int], after: dict[str, int], verdict: Verdict
) -> None:
    admission = Admission()
    end(admission, is_complete=False, metadata=before)

    assert admission.admit(text_of(metadata=after)) is verdict


def test_another_id_ends_the_tail_of_a_cut_request() -> None:
    admission = Admission()
    end(admission, is_complete=False, owes_end=True)

    verdicts = [admission.admit(text_of("b")), admission.admit(text_of("a"))]

    assert verdicts == [Verdict.NEW, Verdict.NEW]


def test_an_id_used_again_is_late_once_it_has_ended_again() -> None:
    admission = Admission()
    end(admission)
    end(admission)

    text = text_of(is_speakable=False, is_last=True)

    assert admission.admit(text) is Verdict.LATE


def test_an_end_without_a_request_changes_nothing() -> None:
    admission = Admission()
    admission.ended(owes_end=True)

    assert admission.admit(text_of()) is Verdict.NEW


def test_the_ids_that_ended_last_are_remembered() -> None:
    admission = Admission(most_remembered=2)
    for request_id in ("a", "b", "a", "c"):
        end(admission, request_id)

    verdicts = [
        admission.admit(text_of(request_id, is_speakable=False, is_last=True))
        for request_id in ("a", "b", "c")
    ]

    assert verdicts == [Verdict.LATE, Verdict.NEW, Verdict.LATE]


def test_after_a_flush_no_end_is_owed() -> None:
    admission = Admission()
    end(admission, is_complete=False, owes_end=True)
    admission.flushed()

    verdicts = [
        admission.admit(text_of()),
        admission.admit(text_of(is_last=True)),
    ]

    assert verdicts == [Verdict.LATE, Verdict.LATE]
