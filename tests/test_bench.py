# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev bench`, with sizes that measure nothing: all of it still runs.

No time is asserted here. What is computed from times is tested with times
that are given.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lab import OURS
from rows import Results, Row, charts
from scale import carried, lateness_ms
from table import as_markdown, as_text, tables

ROOT = Path(__file__).resolve().parent.parent

BENCHES = {
    "first_audio",
    "interruption",
    "held_back",
    "phrases",
    "cost",
    "scale",
    "long",
    "slots",
}
TURNS = {
    "first request",
    "next",
    "after 0.05 s idle",
    "300 ms after an interruption",
    "at once after an interruption",
    "at once after an early interruption",
    "back to back",
}


def bench(
    *arguments: str | Path, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command, in the environment that the tests have."""
    return subprocess.run(
        [sys.executable, str(ROOT / "bench"), *map(str, arguments)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def row(client: str, values: list[float], **fields: object) -> Row:
    place = {"bench": "b", "chart": "c", "name": "n", "unit": "ms"}
    return Row(client=client, values=values, **{**place, **fields})  # type: ignore[arg-type]


def results(*rows: Row) -> Results:
    about = {"date": "2026-01-01", "machine": "one", "versions": {}}
    return Results(about, list(rows))


# ------------------------------------------------------------- it all runs


@pytest.mark.parametrize(
    "benches", [["interruption"], pytest.param([], marks=pytest.mark.thorough)]
)
def test_every_bench_runs_and_has_its_tables_and_pictures(
    tmp_path: Path, benches: list[str]
) -> None:
    done = bench("--tiny", "--clients", "floor", *benches, "-o", tmp_path)

    assert done.returncode == 0, done.stderr
    found = Results.load(tmp_path / "results.jsonl")
    assert set(found.benches) >= set(benches or BENCHES)
    if not benches:
        assert {r.name for r in found.of_bench("first_audio")} == TURNS
    pages = (tmp_path / "tables.md").read_text()
    for name in found.benches:
        assert (tmp_path / f"{name}.png").read_bytes()[1:4] == b"PNG"
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()
        for chart, _ in charts(found.of_bench(name)):
            assert f"### {chart}" in pages
            assert f"{name}: {chart}" in done.stdout


@pytest.mark.thorough
def test_every_client_of_ours_is_in_every_bench(tmp_path: Path) -> None:
    done = bench("--tiny", "-o", tmp_path)

    assert done.returncode == 0, done.stderr
    found = Results.load(tmp_path / "results.jsonl")
    for name in ("first_audio", "interruption"):
        assert {r.client for r in found.of_bench(name)} == set(OURS)
    # Threads and messages of the kit are no cost of the extension.
    loaded = {"floor", "client", "extension"}
    for name in ("cost", "scale", "long"):
        assert {r.client for r in found.of_bench(name)} >= loaded
    assert any(
        r.client == "extension" and "by part" in r.chart
        for r in found.of_bench("cost")
    )


@pytest.mark.thorough
def test_pictures_are_drawn_again_from_the_results(tmp_path: Path) -> None:
    measured = bench("--tiny", "--clients", "floor", "long", "-o", tmp_path)
    assert measured.returncode == 0, measured.stderr

    again = tmp_path / "again"
    drawn = bench("long", "--draw", tmp_path / "results.jsonl", "-o", again)

    assert drawn.returncode == 0, drawn.stderr
    assert {path.name for path in again.iterdir()} == {
        "long.png",
        "long.svg",
        "tables.md",
    }
    svg = (again / "long.svg").read_text()
    assert svg == (tmp_path / "long.svg").read_text()


@pytest.mark.thorough
def test_a_peer_that_cannot_be_installed_is_one_sentence_and_no_more(
    tmp_path: Path,
) -> None:
    done = bench(
        *("interruption", "--tiny", "--clients", "floor,sdk", "-o", tmp_path),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(tmp_path),
    )

    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("bench: sdk cannot be installed: ")
    assert last.endswith("; the rest goes on without sdk")
    found = Results.load(tmp_path / "results.jsonl")
    assert {r.client for r in found.rows} == {"floor"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["latency"], "latency is none of first_audio, "),
        (["--clients", "floor,tortoise"], "tortoise is none of floor, "),
        (["--draw", "nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_what_it_does_not_know_is_told_in_one_sentence(
    arguments: list[str], complaint: str, tmp_path: Path
) -> None:
    done = bench(*arguments, "-o", tmp_path)

    assert done.returncode != 0
    assert complaint in done.stderr.splitlines()[-1]


# -------------------------------------------------- what is made of the times


def test_a_ratio_is_to_the_floor_in_the_same_place() -> None:
    floor = row("floor", [10.0, 30.0, 20.0])
    other = row("floor", [1.0], name="elsewhere")
    ours = row("extension", [50.0])
    alone = row("extension", [5.0], name="nowhere")
    found = results(floor, other, ours, alone)

    assert [found.ratio(r) for r in found.rows] == [1.0, 1.0, 2.5, None]


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [row("floor", [1.0, 2.0]), row("client", [3.0], x=4.0)]
    written = results(*rows)

    written.save(tmp_path / "results.jsonl")
    read = Results.load(tmp_path / "results.jsonl")

    assert (read.about, read.rows) == (written.about, rows)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text('{"a": 1}\n')

    with pytest.raises(ValueError, match="holds no results"):
        Results.load(tmp_path / "results.jsonl")


def test_tables_show_median_spread_and_ratio() -> None:
    found = results(
        row("floor", [10.0, 10.0, 10.0]),
        row("client", [12.0, 10.0, 11.0, 14.0, 13.0]),
    )

    ((title, table),) = tables(found, "b")

    assert title == "c"
    assert table == [
        ["", "client", "median", "middle half", "n", "floor ×"],
        ["n (ms)", "floor", "10.0", "10.0 – 10.0", "3", "1.00"],
        ["", "client", "12.0", "11.0 – 13.0", "5", "1.20"],
    ]
    assert "| n (ms) | floor | 10.0 |" in as_markdown(table)
    assert as_text(table).splitlines()[3].split() == [
        *("client", "12.0", "11.0", "–", "13.0", "5", "1.20")
    ]


def test_a_table_of_curves_has_a_column_for_each_client() -> None:
    found = results(
        row("floor", [1.0], x=1.0),
        row("client", [2.0], x=1.0),
        row("floor", [3.0], x=2000.0),
    )

    ((_, table),) = tables(found, "b")

    assert table == [
        ["", "unit", "floor", "client"],
        ["1 n", "ms", "1.00", "2.00"],
        ["2,000 n", "ms", "3.00", ""],
    ]


@pytest.mark.parametrize(
    ("curve", "sessions"),
    [
        ([(1, 1.0), (100, 10.0)], (100.0, False)),
        ([(1, 1.0), (100, 40.0), (200, 60.0)], (150.0, True)),
        ([(10, 100.0)], (5.0, True)),
    ],
)
def test_the_sessions_that_a_core_carries_are_where_the_curve_crosses(
    curve: list[tuple[int, float]], sessions: tuple[float, bool]
) -> None:
    assert carried(curve) == sessions


def test_a_chunk_is_as_late_as_its_last_byte() -> None:
    result = {
        "begin_s": 1.0,
        "end_s": 2.0,
        # The second chunk comes in two parts, the fourth not at all.
        "arrivals": [[[1.0, 7680], [1.1, 10_000], [1.25, 23_040]]],
    }
    sent = {"session0": [0.9, 1.0, 1.2, 1.5, 2.5]}

    late_ms = [round(ms) for ms in lateness_ms(result, sent)]

    # The first was sent before the window, the last after it.
    assert late_ms == [250, 50, 500]
