# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`python -m ten_host COMMAND …`; `./dev` calls it."""

from __future__ import annotations

import sys

# As in TEN, the extension, the tester and the host each have a thread. One that
# is busy keeps the interpreter from the next for 5 ms by default, which would
# be most of what `speak` measures.
THREAD_SWITCH_S = 0.0005


def main(arguments: list[str]) -> int:
    """Run one command; return the exit code."""
    sys.setswitchinterval(THREAD_SWITCH_S)
    if arguments[:1] == ["speak"]:
        from .speak import main as speak

        return speak(arguments[1:])
    if arguments[:1] == ["replay"]:
        from .replay import main as replay

        return replay(arguments[1:])
    if arguments[:1] == ["voices"]:
        from .voices import main as voices

        return voices(arguments[1:])
    if arguments[:1] == ["doctor"]:
        from .doctor import main as doctor

        return doctor(arguments[1:])
    print(
        "usage: python -m ten_host speak|replay|voices|doctor …",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
