"""`python -m ten_host COMMAND …`; `./dev` calls it."""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    if arguments[:1] == ["speak"]:
        from .speak import main as speak

        return speak(arguments[1:])
    if arguments[:1] == ["sim"]:
        from .serve import main as serve

        return serve(arguments[1:])
    print("usage: python -m ten_host speak|sim …", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
