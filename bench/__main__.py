# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev bench`: all clients side by side; tables, and a picture for each.

./dev bench                        everything, our own clients
./dev bench --short --peers        half an hour of it, with the peers
./dev bench --quick                a look at it
./dev bench cost scale -o FOLDER   two of them; pictures to a folder
./dev bench --draw results.jsonl   the pictures of an earlier run again
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.util
import os
import platform
import sys
from pathlib import Path
from time import monotonic

from lab import OURS, Lab
from partner import BenchError
from peers import PEERS
from plan import SIZES
from rows import Results
from table import as_markdown, as_text, tables

# Modules beside this one: each has `run(lab)`, which yields rows. One that is
# not there is left out.
BENCHES = (
    "first_audio",
    "interruption",
    "held_back",
    "phrases",
    "cost",
    "scale",
    "long",
    "slots",
)


def main() -> int:
    """Measure, print, draw; 1 where a client could not be measured."""
    options = _options()
    options.output.mkdir(parents=True, exist_ok=True)
    try:
        if options.draw:
            results, failures = Results.load(options.draw), []
            results.rows = [r for r in results.rows if r.bench in options.names]
        else:
            results, failures = _measured(options)
    except (BenchError, OSError, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    _show(results, options.output)
    for failure in failures:
        print(f"bench: {failure}", file=sys.stderr)
    return int(bool(failures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev bench",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=__doc__,
    )
    add = parser.add_argument
    present = [name for name in BENCHES if importlib.util.find_spec(name)]
    add(
        "names",
        metavar="NAME",
        nargs="*",
        help=f"which: {', '.join(present)} (default: all)",
    )
    add(
        "--peers",
        action="store_true",
        help=f"with {', '.join(PEERS)}, installed from PyPI when first used",
    )
    add(
        "-o",
        dest="output",
        type=Path,
        default=Path("bench-results"),
        metavar="FOLDER",
        help="for results and pictures (./bench-results)",
    )
    add(
        "--clients",
        type=lambda text: text.split(","),
        metavar="NAME,…",
        help=f"only these of {', '.join([*OURS, *PEERS])}",
    )
    sizes = parser.add_mutually_exclusive_group()
    for size, told in (
        ("quick", "small sizes: under two minutes"),
        ("short", "the middle: half an hour"),
        ("tiny", argparse.SUPPRESS),
    ):
        sizes.add_argument(
            f"--{size}",
            dest="size",
            action="store_const",
            const=size,
            default="full",
            help=told,
        )
    add(
        "--draw",
        type=Path,
        metavar="FILE",
        help="measure nothing; draw these results again, or some of them",
    )
    options = parser.parse_args()
    for given, known in (
        (options.names, present),
        (options.clients or [], [*OURS, *PEERS]),
    ):
        for name in given:
            if name not in known:
                parser.error(f"{name} is none of {', '.join(known)}")
    options.names = options.names or present
    return options


def _measured(options: argparse.Namespace) -> tuple[Results, list[str]]:
    """Run the benches, in order."""
    began_s = monotonic()

    def say(line: str) -> None:
        print(f"{monotonic() - began_s:6.0f} s  {line}", file=sys.stderr)

    clients = options.clients or [*OURS, *(PEERS if options.peers else [])]
    lab = Lab(SIZES[options.size], clients, say)
    results = Results({"size": options.size, "versions": lab.versions}, [])
    about = results.about
    about |= {"date": datetime.date.today().isoformat(), "machine": _machine()}
    load_before = _load()
    try:
        for name in options.names:
            say(f"== {name}")
            results.rows += importlib.import_module(name).run(lab)
            about["load"] = f"{load_before} before, {_load()} after"
            about["took_s"] = round(monotonic() - began_s)
            # What has been measured is kept, whatever becomes of the rest.
            results.save(options.output / "results.jsonl")
    finally:
        lab.close()
    return results, lab.failures


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()},"
        f" Python {platform.python_version()}"
    )


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "?"


def _show(results: Results, folder: Path) -> None:
    """Print tables, write them and the pictures."""
    # Not before: what was asked for may be wrong, and this takes a second.
    draw = importlib.import_module("picture").draw
    pages = ["# Tables", "", "Made by `./dev bench`.", "", _about(results), ""]
    for bench in results.benches:
        pages += [f"## {bench}", ""]
        for title, table in tables(results, bench):
            print(f"\n{bench}: {title}\n{as_text(table)}")
            pages += [f"### {title}", "", as_markdown(table), ""]
        draw(results, bench, folder)
    (folder / "tables.md").write_text("\n".join(pages), encoding="utf-8")
    print(f"\n{_about(results)}\nresults and pictures: {folder}")


def _about(results: Results) -> str:
    about = results.about
    versions = "; ".join(f"{k}: {v}" for k, v in about["versions"].items())
    return (
        f"Measured on {about['date']} ({about['machine']}; load"
        f" {about['load']}; {about['size']} sizes, {about['took_s']} s)."
        f" {versions}."
    )


if __name__ == "__main__":
    sys.exit(main())
