# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev timeline`: the picture of a trace."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from .files import SUFFIXES, SuffixError, check_suffix, write
from .tail import lines_of, marks_of


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(
            f"timeline: {message} (--help lists the options)", file=sys.stderr
        )
        sys.exit(2)


def main(arguments: list[str]) -> int:
    """Run the command; 0 is done, 1 is not, 2 is not understood."""
    options = _parser().parse_args(arguments)
    trace, output = options.trace, options.output
    try:
        check_suffix(output)
        marks = marks_of(lines_of(trace.read_text("utf-8")))
        if not marks:
            raise ValueError("there is nothing to draw in it")
    except OSError as error:
        return _fail(f"cannot read {trace}: {error.strerror}", 1)
    except SuffixError as error:
        return _fail(str(error), 2)
    except (ValueError, TypeError, AttributeError) as error:
        return _fail(f"{trace} is no trace: {error}", 1)
    try:
        write(marks, output, trace.name)
    except OSError as error:
        return _fail(f"cannot write {output}: {error.strerror}", 1)
    print(f"{output} shows it")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="./dev timeline",
        allow_abbrev=False,
        description="Draw a trace (GRADIUM_TTS_TRACE): its lanes on one clock.",
    )
    parser.add_argument("trace", type=Path, metavar="TRACE.jsonl")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("timeline.png"),
        metavar="FILE",
        help=f"{', '.join(SUFFIXES)} (default: timeline.png)",
    )
    return parser


def _fail(message: str, code: int) -> int:
    print(f"timeline: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
