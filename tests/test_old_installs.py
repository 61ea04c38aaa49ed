# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the first installer left behind is understood once."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from ten_shipping import InstallError, apply, plan_install, plan_remove
from ten_shipping.old_record import path_of
from ten_tree import (
    FOLDER,
    MANIFEST,
    NAME,
    PROPERTY,
    make_checkout,
    make_extension,
    snapshot,
)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return make_extension(tmp_path / "small")


@pytest.fixture(params=[True, False], ids=["git", "no git"])
def checkout(
    tmp_path: Path, small: Path, request: pytest.FixtureRequest
) -> tuple[Path, dict[str, bytes]]:
    """A checkout as the first installer left it, and what it was before."""
    agents = make_checkout(
        tmp_path / "ten", has_older=True, under_git=request.param
    )
    original = snapshot(agents)
    plan = plan_install(small, agents, force=True)
    known = {PROPERTY, MANIFEST}
    files = plan.files + [c for c in plan.edited if c.path in known]
    # That installer took out what was not its own, too.
    stray = FOLDER / "tests/test_old.py"
    (agents / stray).unlink()
    apply(agents, [c for c in files if c.path != stray])
    record = {
        f"ai_agents/{change.path}": {
            "before": encoded(change.before),
            "after": digest(change.after),
        }
        for change in files
    }
    record[f"ai_agents/{stray}"] = {
        "before": encoded(original[stray.as_posix()]),
        "after": None,
    }
    (agents / path_of(NAME)).write_text(json.dumps(record))
    return agents, original


def encoded(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


def test_what_it_put_in_is_taken_out_to_the_byte(
    checkout: tuple[Path, dict[str, bytes]], small: Path
) -> None:
    agents, original = checkout

    plan = plan_remove(small, agents)
    apply(agents, plan.changes)

    assert plan.notes == []
    assert snapshot(agents) == original


def test_an_installation_over_it_goes_on_from_there(
    checkout: tuple[Path, dict[str, bytes]], small: Path, tmp_path: Path
) -> None:
    agents, original = checkout
    newer = make_extension(tmp_path / "newer", 2)

    apply(agents, plan_install(newer, agents).changes)

    assert not (agents / path_of(NAME)).exists()
    assert "voice 2" in (agents / PROPERTY).read_text()
    apply(agents, plan_remove(newer, agents).changes)
    assert snapshot(agents) == original


def test_an_edit_since_then_is_kept(
    checkout: tuple[Path, dict[str, bytes]], small: Path
) -> None:
    agents, _ = checkout
    place = agents / PROPERTY
    place.write_text(place.read_text().replace("voice 1", "mine"))
    (agents / FOLDER / "config.py").write_text("# mine\n")

    apply(agents, plan_install(small, agents).changes)

    assert '"mine"' in place.read_text()
    assert (agents / FOLDER / "config.py").read_text() == "# mine\n"
    apply(agents, plan_remove(small, agents).changes)
    assert '"mine"' in place.read_text()


def test_a_broken_one_is_a_sentence(
    checkout: tuple[Path, dict[str, bytes]], small: Path
) -> None:
    agents, _ = checkout
    (agents / path_of(NAME)).write_text('{"x": 1}')

    with pytest.raises(InstallError, match="cannot be read.*--force goes on"):
        plan_install(small, agents)

    apply(agents, plan_install(small, agents, force=True).changes)
    assert not (agents / path_of(NAME)).exists()
