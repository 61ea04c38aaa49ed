# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How long text waits before it leaves, and which words that saves.

    ./dev python bench/held_back.py

200 replies in five languages, cut as TEN's `main_python` cuts them and as a
model's tokens, at 20, 50 and 100 tokens a second. In ms: from the first
fragment's arrival until the first message leaves, and from the arrival of each
fragment until the last of it that is heard leaves; then how many fragments
wait at all, and how many words arrive in parts. "At once" is a client that
forwards whatever comes: no delay, and what that breaks. Below, the words broken
by the assembler, and why what TEN cuts still waits.

The time is one of its own, so the figures are the same on every machine.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from replies import Floor, as_ten_cuts, as_tokens, measure, why_it_waits

# The clients of other benches have modules of the same names.
sys.path.pop()
from rows import Row

from gradium_tts_python.core.text import TextAssembler

if TYPE_CHECKING:
    from lab import Lab

NAME = "held_back"
CLIENTS = {"assembler": TextAssembler, "at once": Floor}
CUTS = {"TEN": as_ten_cuts, "tokens": as_tokens}
RATES = (20, 50, 100)


# What the bench of clients calls them.
NAMES = {"assembler": "extension", "at once": "floor"}


def run(lab: Lab) -> Iterator[Row]:
    """Measure as `main` prints, in rows for the pictures."""
    replies = lab.plan.replies
    for cut, cut_reply in CUTS.items():
        for rate in RATES:
            for name, client in CLIENTS.items():
                found = measure(cut_reply, rate, client, most=replies)
                who, at = NAMES[name], f"{rate} a second"
                for what, values in (
                    ("the first message waits", found.first_s),
                    ("all that is written waits", found.all_s),
                ):
                    chart = f"{what}, cut as {cut}"
                    ms = [value * 1000 for value in values]
                    yield Row(NAME, chart, who, at, "ms", ms)
                broken = [float(len(found.broken))]
                chart = f"words broken, cut as {cut}"
                yield Row(NAME, chart, who, at, "words", broken)


def p95(values: list[float]) -> float:
    """The value that 95 % do not exceed."""
    return sorted(values)[int(len(values) * 0.95)]


def main() -> int:
    """Print the table; 1 if a first message waits, as TEN cuts it, at p95."""
    print(
        f"{'cut':7} {'a second':>8} {'client':10} {'first p50':>9}"
        f" {'p95':>6} {'all p50':>8} {'p95':>6} {'waiting':>13}"
        f" {'broken':>6}"
    )
    broken: dict[str, None] = {}
    is_late = False
    for cut, cut_reply in CUTS.items():
        for rate in RATES:
            for name, client in CLIENTS.items():
                found = measure(cut_reply, rate, client)
                first, every = (
                    [value * 1000 for value in values]
                    for values in (found.first_s, found.all_s)
                )
                print(
                    f"{cut:7} {rate:8} {name:10} {median(first):9.0f}"
                    f" {p95(first):6.0f} {median(every):8.0f}"
                    f" {p95(every):6.0f}"
                    f" {len(found.waiting):5} of {len(every):4}"
                    f" {len(found.broken):6}"
                )
                if client is TextAssembler:
                    broken |= dict.fromkeys(found.broken)
                    is_late |= cut == "TEN" and p95(first) > 0
    print("broken by the assembler:", ", ".join(broken) or "none")
    waiting = Counter(map(why_it_waits, measure(as_ten_cuts, 50).waiting))
    print("what TEN's pieces wait for, as they may be a part of it:")
    for reason, count in waiting.most_common():
        print(f"{count:5} {reason}")
    return int(is_late)


if __name__ == "__main__":
    sys.exit(main())
