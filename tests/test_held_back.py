# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How much of 200 replies waits for what comes next, and what that saves.

`bench/held_back.py` prints the same with the delays. The numbers here are
those of the rules as they are: one that changes them is measured first.
"""

from __future__ import annotations

from collections import Counter

from replies import (
    Floor,
    as_ten_cuts,
    as_tokens,
    measure,
    replies,
    why_it_waits,
)

# A name at the beginning of a reply that goes on after a full stop, which
# nobody could tell from `Sure.`; once for each reply that has it there.
NAMES = [
    *("Amazon.|com", "Doctolib.|fr", "Zalando.|de", "Idealista.|com"),
    "Globo.|com",
]
IN_FIRST_PIECES = {"Node.|js": 5, "Wikipedia.|org.": 5, "config.|yaml,": 4}


def test_there_are_two_hundred_replies() -> None:
    assert len(set(replies())) == 200


def test_the_first_message_of_a_reply_as_ten_cuts_it_does_not_wait() -> None:
    first_s = measure(as_ten_cuts, 50).first_s

    late = sum(delay_s > 0 for delay_s in first_s)
    # `J.` and the like; less than 5 %.
    assert late == 6


def test_ten_cuts_break_only_names_at_the_beginning() -> None:
    found = measure(as_ten_cuts, 50)

    assert len(found.all_s) == 845
    assert Counter(map(why_it_waits, found.waiting)) == {
        "a number": 162,
        "a name with a dot": 128,
        "an initial": 37,
        "an address": 20,
        "something else": 10,
    }
    assert Counter(found.broken) == Counter(NAMES) + Counter(
        {**IN_FIRST_PIECES, "résumé.|pdf,": 1}
    )


def test_tokens_break_only_names_at_the_beginning() -> None:
    found = measure(as_tokens, 50)

    assert found.broken == NAMES
    # The next token shows whether a word is over; never more than a word.
    assert max(found.first_s) <= 0.2


def test_forwarding_at_once_would_break_hundreds_of_words() -> None:
    ten, tokens = (measure(cut, 50, Floor) for cut in (as_ten_cuts, as_tokens))

    assert (len(ten.broken), len(tokens.broken)) == (101, 546)
    assert not ten.waiting and not tokens.waiting
