# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a word costs as a request grows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from time import process_time

from lab import Lab
from rows import Row

from gradium_tts_python.core.protocol import Word
from gradium_tts_python.core.request import Ledger

NAME = "long"
CALLS = "one call of the ledger, when so many words have been spoken"
WORD_S = 0.32


def run(lab: Lab) -> Iterator[Row]:
    """Speak longer and longer texts, whole and word by word."""
    plan = lab.plan
    with lab.servers() as servers:
        target = servers.lean(is_paced=False)
        for words in plan.long_words:
            found: dict[tuple[str, str], list[float]] = defaultdict(list)
            lab.say(f"long: {words} words")
            for name in lab.rounds(lab.names(is_load=True), plan.long_rounds):
                for is_split in (False, True):
                    result = lab.play(
                        name,
                        "long_text",
                        target,
                        words=words,
                        is_split=is_split,
                    )
                    if result is None:
                        break
                    how = "word by word" if is_split else "in one piece"
                    us = result["cpu_s"] / words * 1e6
                    found[how, name].append(us)
            for (how, name), values in found.items():
                chart = f"CPU for each word of a text that comes {how}"
                yield Row(NAME, chart, name, "words", "µs", values, words)
    for words in plan.long_words:
        yield from _calls(words)


def _calls(words: int) -> Iterator[Row]:
    """Time what the ledger is asked in mid-request, and at its end."""
    ledger = Ledger("r1", sample_rate_hz=48_000, with_words=True)
    ledger.asked(0.0)
    chunk = bytes(round(WORD_S * 96_000))
    for number in range(words):
        ledger.script.push(f"word{number}")
        ledger.audio_received(chunk, 0.0)
        ledger.word_received(_word(number))
    ledger.script.push("last")
    for name, call in (
        ("word_received", lambda: ledger.word_received(_word(words))),
        ("next_word", ledger.next_word),
        ("undelivered_text", ledger.undelivered_text),
    ):
        began_s = process_time()
        call()
        took_us = (process_time() - began_s) * 1e6
        yield Row(NAME, CALLS, name, "words", "µs", [took_us], words)


def _word(number: int) -> Word:
    return Word(f"word{number}", number * WORD_S, (number + 1) * WORD_S)
