# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What masking costs: milliseconds for a text that somebody else has written.

    ./dev python bench/redact.py

Each row is one pattern, repeated. Masking a whole text must be linear: the
last column says how many times longer eight times the text took. The budget
is 20 ms for 100 kB, of the CPU. A log line is looked at no further than where
it is cut, so it costs the same however long the text is. The last table is
the daily bread: lines as the extension writes them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import cycle, islice
from time import process_time

from gradium_tts_python.core.redact import Masker

BUDGET_MS = 20.0
SIZE, GROWN = 100_000, 800_000

KEY = "gsk_0123456789abcdefghijklmnopqrstuvwxyz"
MASKER = Masker([KEY, "Bearer " + KEY, "me:pass@word", "pass@word"])

PATTERNS = (
    *(
        "a",
        " ",
        "\n",
        "\x1b[2J",
        "。",
        "你好",
        "é",
        "😀",
        "key",
        "token",
        "sig",
    ),
    *("?", "&", ";", "=", "@", "/", ":", "://", "a.", "a+", "#", "'", '"'),
    *("?key", "&key", "?key=", "&key=", "?key=a", "&key=a", "&key=a&", "key="),
    *("&a", "&a=", "&a=key", "&a&b&c&d=key", "?a?b=", "?token?", "&&&key=a "),
    *("a://", "a://b", "a://@", "a://b@", "://key=", "a://b:c@d/?token=e "),
    *("request=r1 text=?key", "key=value; ", KEY, KEY[:-1], "g", "gsk_", "pas"),
)
LINES = {
    "receive_audio": "receive_audio: 3840 bytes of request_id: r7, 80 ms",
    "a request": "request=r7 connected in 38 ms (warm), 12 characters sent",
    "a reason": "wss://api.gradium.ai/api/speech/tts?voice=a closed with 1011",
    "chinese": "send_text_to_tts_server: " + "你好，我是小明。" * 6,
    "a newline": "request=r7\n2026-01-01 ERROR all is lost",
}


def cpu_ms(function: Callable[[str], object], text: str, times: int) -> float:
    """Milliseconds for one call, the best of five measurements."""
    best = float("inf")
    for _ in range(5):
        started = process_time()
        for _ in range(times):
            function(text)
        best = min(best, (process_time() - started) / times)
    return best * 1e3


def repeated(pattern: str, size: int) -> str:
    return "".join(islice(cycle(pattern), size))


def main() -> int:
    """Print the tables; 1 if a pattern is above the budget."""
    worst = 0.0
    print(f"{'pattern':24} {'mask ms':>9} {'log line ms':>12} {'8 x text':>9}")
    for pattern in PATTERNS:
        text = repeated(pattern, SIZE)
        once = cpu_ms(MASKER.mask, text, 1)
        grown = cpu_ms(MASKER.mask, repeated(pattern, GROWN), 1)
        line = cpu_ms(MASKER.log_line, text, 20)
        worst = max(worst, once)
        shown = ascii(pattern)[1:-1][:24]
        ratio = grown / once if once else 0.0
        print(f"{shown:24} {once:9.3f} {line:12.4f} {ratio:9.1f}")
    print(f"worst: {worst:.1f} ms for 100 kB (budget {BUDGET_MS:g})\n")
    print(f"{'line':24} {'log line µs':>12}")
    for name, text in LINES.items():
        print(f"{name:24} {cpu_ms(MASKER.log_line, text, 2000) * 1e3:12.2f}")
    return int(worst > BUDGET_MS)


if __name__ == "__main__":
    sys.exit(main())
