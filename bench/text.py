# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What reassembling text costs: microseconds for each character.

    ./dev python bench/text.py

Each row is a text in fragments of one size; the last column is the slowest
single `push()`. The budget is 5 µs for a character, of the CPU; a hostile
text, where nearly every character may end a word, costs more in fragments of
one character, but not more with its length.
"""

from __future__ import annotations

import sys
from itertools import cycle, islice
from time import perf_counter, process_time

from gradium_tts_python.core.replacements import replacements_of
from gradium_tts_python.core.spoken_form import TextOptions
from gradium_tts_python.core.text import TextAssembler

BUDGET_US = 5.0
ALL_ON = TextOptions(
    allow_tags=True,
    clean_thoughts=True,
    clean_code=True,
    clean_markdown=True,
    clean_tables=True,
    clean_urls=True,
    clean_emoji=True,
    replacements=replacements_of({"TEN": "ten", "a a a a a b": "c"}),
)

PROSE = (
    "Sure, here is what I found: the train at 10:30 costs $1,250.75, e.g. "
    'from example.com. "Is it far?" she asked. No… not really! '
)
TEXTS = {
    "prose": PROSE,
    "markdown": "## A **bold** [link](http://a.b/c_d) to\n- `code` *here*, ok\n",
    "tags": 'so <b>it</b> is <break time="1s" /> and <flush> then, a < b. ',
    "emoji": "Great 😀, thanks 👍🏽! 🇫🇷 1️⃣ ",
    "chinese": "你好，我是小明。今天下午三点我们见面，可以吗？“好，”他说。",
    "no space": "a",
}
HOSTILE_TEXTS = {
    "dense chinese": "你好，我是小明。“今天，”他说：“是10：30！”",
    "commas": "a,",
    "marks": "!)",
    "spaced marks": "x - ) ",
    "quoted marks": "“. ",
    "open tags": "<a b",
    "open links": "[a b](",
    "stops": "。",
    "alternating": "a。!",
    "accents": "e\u0301",
    "skin tones": "👍🏽🏽",
    "empty tags": "<b>",
    "underscores": "_",
}


def measure(text: str, size: int) -> tuple[float, float]:
    """Returns µs: for each character (best of 3 runs), and slowest push."""
    fragments = [text[at : at + size] for at in range(0, len(text), size)]
    best = slowest = float("inf")
    for _ in range(3):
        assembler = TextAssembler(ALL_ON)
        started = process_time()
        for fragment in fragments:
            assembler.push(fragment)
        assembler.flush()
        best = min(best, process_time() - started)

        assembler, longest = TextAssembler(ALL_ON), 0.0
        for fragment in fragments:
            started = perf_counter()
            assembler.push(fragment)
            longest = max(longest, perf_counter() - started)
        slowest = min(slowest, longest)
    return best / len(text) * 1e6, slowest * 1e6


def main() -> int:
    """Print the table; 1 if a row is above the budget."""
    worst = 0.0
    print(f"{'text':14} {'size':>6} {'chars':>7} {'µs/char':>8} {'max µs':>9}")
    for name, pattern in (TEXTS | HOSTILE_TEXTS).items():
        for count in (10_000, 100_000):
            text = "".join(islice(cycle(pattern), count))
            for size in (1, 5, count):
                cost, slowest = measure(text, size)
                if name in TEXTS:
                    worst = max(worst, cost)
                print(
                    f"{name:14} {size:6} {count:7} {cost:8.2f} {slowest:9.0f}"
                )
    print(f"worst: {worst:.2f} µs a character (budget {BUDGET_US:g})")
    return int(worst > BUDGET_US)


if __name__ == "__main__":
    sys.exit(main())
