# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A TEN checkout gets the extension, keeps its edits, and is given back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ten_shipping import InstallError, apply, plan_install, plan_remove
from ten_shipping.checkout import Change
from ten_shipping.install import Plan
from ten_tree import (
    FOLDER,
    MANIFEST,
    NAME,
    PROPERTY,
    README,
    VARIABLES,
    WEBSOCKET,
    git,
    make_checkout,
    make_extension,
    refusals,
    schema_validators,
    snapshot,
)

ROOT = Path(__file__).resolve().parent.parent
RECORD = Path(".ten_shipping") / NAME / "record.json"


@pytest.fixture
def agents(tmp_path: Path) -> Path:
    """`ai_agents` of a checkout under git, without the extension."""
    return make_checkout(tmp_path / "ten", has_older=False, under_git=True)


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The same with an older version of the extension and its graph."""
    return make_checkout(tmp_path / "ten", has_older=True, under_git=True)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A small extension."""
    return make_extension(tmp_path / "small")


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Its next version."""
    return make_extension(tmp_path / "newer", 2)


def install(root: Path, checkout: Path, *, force: bool = False) -> Plan:
    return done(plan_install(root, checkout, force=force))


def take_out(root: Path, checkout: Path, *, force: bool = False) -> Plan:
    return done(plan_remove(root, checkout, force=force))


def done(plan: Plan) -> Plan:
    apply(plan.checkout.base, plan.changes)
    return plan


def tree_of(agents: Path, path: Path = PROPERTY) -> Any:
    return json.loads((agents / path).read_text())


def graphs(agents: Path, path: Path = PROPERTY) -> dict[str, Any]:
    return {
        g["name"]: g for g in tree_of(agents, path)["ten"]["predefined_graphs"]
    }


def tts_of(graph: dict[str, Any]) -> dict[str, Any]:
    (node,) = (n for n in graph["graph"]["nodes"] if n["name"] == "tts")
    return dict(node)


def edit(place: Path, change: Callable[[Any], None]) -> None:
    """Write a file as TEN's Designer does: all of it, in its own way."""
    tree = json.loads(place.read_text())
    change(tree)
    place.write_text(json.dumps(tree, indent=2))


def edit_graph(agents: Path, change: Callable[[Any], None]) -> None:
    def in_tree(tree: Any) -> None:
        (graph,) = (
            g
            for g in tree["ten"]["predefined_graphs"]
            if g["name"] == "voice_assistant_small"
        )
        change(graph)

    edit(agents / PROPERTY, in_tree)


def set_voice(graph: Any) -> None:
    graph["graph"]["nodes"][2]["property"]["params"]["voice_id"] = "mine"


# ------------------------------------------------------------- what is put in


def test_all_elements_are_put_in(agents: Path, small: Path) -> None:
    before = snapshot(agents)

    install(small, agents.parent)

    after = snapshot(agents)
    assert {path for path in after if path not in before} == {
        f"{FOLDER}/{path}"
        for path in (
            "manifest.json",
            "extension.py",
            "config.py",
            "core/rules_1.py",
            "tests/bin/start",
        )
    } | {RECORD.as_posix(), f".ten_shipping/{NAME}/.gitignore"}
    assert (agents / FOLDER / "tests/bin/start").stat().st_mode & 0o111
    assert list(graphs(agents)) == ["voice_assistant", "voice_assistant_small"]
    dependency = {"path": f"../../../ten_packages/extension/{NAME}"}
    assert tree_of(agents, MANIFEST)["dependencies"][-1] == dependency
    assert (agents / README).read_text().count("## Gradium's voices\n") == 1
    assert (agents / VARIABLES).read_text().endswith("\nGRADIUM_API_KEY=\n")
    assert refusals(agents) == []


def test_what_was_in_the_files_stays_to_the_byte(
    agents: Path, small: Path
) -> None:
    before = snapshot(agents)

    plan = install(small, agents)

    for change in plan.edited:
        lines = change.diff(Path()).splitlines()[2:]
        gone = [line for line in lines if line.startswith("-")]
        # A comma is added behind the last element.
        assert [line for line in gone if line.strip("- ") not in "}]"] == []
    assert set(before) <= set(snapshot(agents))


def test_messages_are_named_as_the_file_names_them(
    agents: Path, small: Path
) -> None:
    # Here the file has `name` only, our graph has `names`.
    install(small, agents)

    (control, _) = graphs(agents)["voice_assistant_small"]["graph"][
        "connections"
    ]
    source = [{"extension": "tts"}]
    assert control["data"] == [
        {"name": "tts_audio_start", "source": source},
        {"name": "tts_audio_end", "source": source},
    ]


def test_the_second_example_gets_its_own_graph_with_another_voice(
    agents: Path, small: Path
) -> None:
    place = WEBSOCKET / "tenapp/property.json"
    theirs = graphs(agents, place)["by_websocket"]

    install(small, agents)

    ours = graphs(agents, place)["by_websocket_gradium"]
    assert ours["auto_start"] is False
    tts = tts_of(ours)
    assert tts["addon"] == NAME
    # The rate of the node that was there, told as `pcm_16000`.
    assert tts["property"]["params"]["sample_rate"] == 16000
    others = [n for n in ours["graph"]["nodes"] if n["name"] != "tts"]
    assert others == [n for n in theirs["graph"]["nodes"] if n["name"] != "tts"]
    told = json.dumps(ours["graph"]["connections"])
    assert told.count("tts_audio_") == 2


def test_an_example_without_a_voice_is_left_alone(
    agents: Path, small: Path
) -> None:
    place = WEBSOCKET / "tenapp/property.json"
    edit(agents / place, lambda tree: tree["ten"]["predefined_graphs"].clear())

    plan = install(small, agents)

    assert graphs(agents, place) == {}
    (note,) = [note for note in plan.notes if "websocket-example" in note]
    assert note.endswith("no graph was put in: no graph there has a node `tts`")


def test_a_second_run_changes_nothing(older: Path, small: Path) -> None:
    install(small, older)
    before = snapshot(older)

    plan = install(small, older)

    assert plan.changes == []
    assert snapshot(older) == before


def test_git_sees_the_elements_and_not_the_record(
    agents: Path, small: Path
) -> None:
    install(small, agents)

    seen = git(agents, "status", "--porcelain", "-uall")

    assert FOLDER.as_posix() in seen
    assert ".ten_shipping" not in seen


def test_the_record_is_small_and_private(older: Path, small: Path) -> None:
    install(small, older)

    folder = (older / RECORD).parent
    assert sum(len(c) for c in snapshot(folder).values()) < 16_000
    assert (older / RECORD).stat().st_mode & 0o777 == 0o600


# ----------------------------------------------- what the checkout has already


def test_a_graph_that_ten_has_keeps_greeting_and_voice(
    older: Path, small: Path
) -> None:
    theirs = graphs(older)["voice_assistant_small"]

    plan = install(small, older)

    now = graphs(older)["voice_assistant_small"]
    assert now["graph"]["nodes"] == theirs["graph"]["nodes"]
    links = json.dumps(now["graph"]["connections"])
    assert (links.count("tts_audio_start"), links.count("tts_audio_end")) == (
        1,
        1,
    )
    assert plan.notes == [
        f"{PROPERTY}: the graph voice_assistant_small was there: its greeting,"
        " its voice and all other settings stay; 2 missing links were added"
    ]


def test_force_takes_our_greeting_and_voice_and_later_runs_leave_them(
    older: Path, small: Path
) -> None:
    before = snapshot(older)

    install(small, older, force=True)
    plan = install(small, older)

    params = tts_of(graphs(older)["voice_assistant_small"])["property"][
        "params"
    ]
    assert params["voice_id"] == "voice 1"
    assert plan.changes == []
    take_out(small, older)
    assert snapshot(older) == before


def test_an_older_version_goes_and_comes_back_from_git(
    older: Path, small: Path
) -> None:
    before = snapshot(older)

    install(small, older)

    assert not (older / FOLDER / "tests/test_old.py").exists()
    assert not (older / RECORD).with_name("before").exists()
    take_out(small, older)
    assert snapshot(older) == before


def test_what_git_does_not_hold_of_it_comes_back_from_a_copy(
    older: Path, small: Path
) -> None:
    (older / FOLDER / "extension.py").write_text("# edited, not committed\n")
    (older / FOLDER / "mine.py").write_text("# never committed\n")
    before = snapshot(older)

    plan = install(small, older)

    assert plan.notes[:2] == [
        f"replaced {FOLDER}/extension.py, which git does not hold as it was:"
        " --remove gives it back",
        f"kept {FOLDER}/mine.py: none of ours",
    ]
    take_out(small, older)
    assert snapshot(older) == before


def test_a_tree_that_is_not_under_git_comes_back_too(
    tmp_path: Path, small: Path
) -> None:
    agents = make_checkout(tmp_path / "ten", has_older=True, under_git=False)
    before = snapshot(agents)

    install(small, agents)
    take_out(small, agents)

    assert snapshot(agents) == before


# ------------------------------------------------------------------ the edits


def test_a_changed_voice_survives_an_update(
    agents: Path, small: Path, newer: Path
) -> None:
    install(small, agents)
    edit_graph(agents, set_voice)

    plan = install(newer, agents)

    params = tts_of(graphs(agents)["voice_assistant_small"])["property"][
        "params"
    ]
    assert params["voice_id"] == "mine"
    assert (agents / FOLDER / "extension.py").read_text() == "# version 2\n"
    assert plan.notes == [
        f"{PROPERTY}: kept your edit in the graph voice_assistant_small:"
        " tts.property.params.voice_id"
    ]


def test_what_nobody_edited_is_brought_up_to_date(
    agents: Path, small: Path, newer: Path
) -> None:
    install(small, agents)
    edit(agents / PROPERTY, lambda tree: tree["ten"].pop("uri"))

    plan = install(newer, agents)

    params = tts_of(graphs(agents)["voice_assistant_small"])["property"][
        "params"
    ]
    assert params["voice_id"] == "voice 2"
    assert not (agents / FOLDER / "core/rules_1.py").exists()
    assert plan.notes == []


def test_a_renamed_graph_is_found_and_stays_renamed(
    agents: Path, small: Path, newer: Path
) -> None:
    install(small, agents)
    edit_graph(agents, lambda graph: graph.update(name="my_assistant"))

    plan = install(newer, agents)

    assert list(graphs(agents)) == ["voice_assistant", "my_assistant"]
    params = tts_of(graphs(agents)["my_assistant"])["property"]["params"]
    assert params["voice_id"] == "voice 2"
    assert "my_assistant" in plan.graphs.values()


def test_order_and_writing_are_no_edits(agents: Path, small: Path) -> None:
    def rewrite(graph: Any) -> None:
        graph["graph"]["nodes"].reverse()
        control, rtc = graph["graph"]["connections"]
        # Both messages in one entry, and the other at the other end.
        control["data"][0] = {
            "names": ["tts_audio_end", "tts_audio_start"],
            "source": [{"extension": "tts"}],
        }
        del control["data"][1]
        rtc["extension"] = "tts"
        rtc["audio_frame"] = [
            {"name": "pcm_frame", "dest": [{"extension": "agora_rtc"}]}
        ]

    install(small, agents)
    edit_graph(agents, rewrite)

    assert install(small, agents).notes == []
    assert take_out(small, agents).notes == []
    assert list(graphs(agents)) == ["voice_assistant"]


@pytest.mark.parametrize(
    ("path", "old", "new", "note"),
    [
        (README, "set `GR", "export `GR", "edit of the section on Gradium"),
        (README, "## Gradium's voices", "## Speech", "removal of the section"),
        (VARIABLES, "API_KEY=", "API_KEY=secret", "edit of GRADIUM_API_KEY"),
        (VARIABLES, "GRADIUM", "MY", "removal of GRADIUM_API_KEY"),
        (
            MANIFEST,
            f'"path": "../../../ten_packages/extension/{NAME}"',
            f'"type": "extension", "name": "{NAME}", "version": "0.1"',
            f"form of the dependency {NAME}",
        ),
        (
            FOLDER / "extension.py",
            "version 1",
            "my version",
            f"edit of {FOLDER}/extension.py",
        ),
    ],
)
def test_an_edit_is_kept_by_installing_and_by_removing(
    agents: Path, small: Path, path: Path, old: str, new: str, note: str
) -> None:
    install(small, agents)
    place = agents / path
    edited = place.read_text().replace(old, new)
    assert edited != place.read_text()
    place.write_text(edited)

    plan = install(small, agents)

    assert place.read_text() == edited
    assert [n for n in plan.notes if f"kept your {note}" in n] == plan.notes
    assert len(plan.notes) == 1
    take_out(small, agents)
    assert new in place.read_text()


def test_what_the_user_took_out_stays_out_until_force(
    agents: Path, small: Path
) -> None:
    before = snapshot(agents)
    install(small, agents)
    for path in (PROPERTY, MANIFEST, README, VARIABLES):
        (agents / path).write_bytes(before[path.as_posix()])
    (agents / FOLDER / "config.py").unlink()

    plan = install(small, agents)

    assert [
        note.partition("kept your removal of ")[2] for note in plan.notes
    ] == [
        f"{FOLDER}/config.py (--force puts it in again)",
        "the graph voice_assistant_small (--force puts it in again)",
        f"the dependency {NAME} (--force puts it in again)",
        "the section on Gradium (--force takes ours)",
        "GRADIUM_API_KEY (--force takes ours)",
    ]
    assert len(plan.changes) == 1  # the record

    assert install(small, agents, force=True).notes == []
    assert (agents / FOLDER / "config.py").exists()
    assert "voice_assistant_small" in graphs(agents)
    assert install(small, agents).changes == []


def test_force_takes_ours_but_no_key_that_was_filled_in(
    agents: Path, small: Path
) -> None:
    install(small, agents)
    edit_graph(agents, set_voice)
    (agents / FOLDER / "extension.py").write_text("# mine\n")
    variables = agents / VARIABLES
    variables.write_text(variables.read_text().replace("KEY=", "KEY=secret"))

    plan = install(small, agents, force=True)

    params = tts_of(graphs(agents)["voice_assistant_small"])["property"][
        "params"
    ]
    assert params["voice_id"] == "voice 1"
    assert (agents / FOLDER / "extension.py").read_text() == "# version 1\n"
    assert "KEY=secret" in variables.read_text()
    assert plan.notes == [f"{VARIABLES}: kept your edit of GRADIUM_API_KEY"]


def test_a_folder_that_is_gone_is_put_in_again(
    agents: Path, small: Path
) -> None:
    install(small, agents)
    after = snapshot(agents)
    for path in sorted((agents / FOLDER).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    install(small, agents)

    assert snapshot(agents) == after


# -------------------------------------------------------------------- removing


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", [None, 1, 4, "\t"])
def test_removing_gives_back_every_byte(
    older: Path, small: Path, newer: Path, indent: Any, line_end: str
) -> None:
    for path in (PROPERTY, MANIFEST):
        text = json.dumps(tree_of(older, path), indent=indent)
        (older / path).write_bytes(text.replace("\n", line_end).encode())
    readme = (older / README).read_text().strip().replace("\n", line_end)
    (older / README).write_bytes(readme.encode())
    before = snapshot(older)

    install(small, older)
    install(newer, older)
    take_out(newer, older)

    assert snapshot(older) == before


def test_removing_leaves_what_was_edited_and_says_so(
    agents: Path, small: Path
) -> None:
    before = snapshot(agents)
    install(small, agents)
    edit_graph(agents, set_voice)
    (agents / FOLDER / "config.py").write_text("# mine\n")

    plan = take_out(small, agents)

    assert plan.notes == [
        f"left {FOLDER}/config.py: you changed it",
        f"{PROPERTY}: left the graph voice_assistant_small: you changed it",
    ]
    assert [p.name for p in (agents / FOLDER).iterdir()] == ["config.py"]
    take_out(small, agents, force=True)
    left = snapshot(agents)
    assert tree_of(agents) == json.loads(before[PROPERTY.as_posix()])
    del left[PROPERTY.as_posix()], before[PROPERTY.as_posix()]
    assert left == before


def test_removing_takes_elements_out_of_files_that_were_edited(
    agents: Path, small: Path
) -> None:
    install(small, agents)
    place = agents / README
    head, _, section = place.read_text().partition("## Gradium's voices")
    # The section was moved to the top, and TEN's part goes on.
    place.write_text(f"## Gradium's voices{section}\n{head}Mine.\n")
    variables = agents / VARIABLES
    variables.write_text(variables.read_text() + "\nMINE=1\n")
    edit(agents / MANIFEST, lambda tree: tree["dependencies"].reverse())

    plan = take_out(small, agents)

    assert plan.notes == []
    assert place.read_text() == f"\n{head}Mine.\n"
    assert variables.read_text() == "# Agora\nAGORA_APP_ID=\n\nMINE=1\n"
    assert NAME not in (agents / MANIFEST).read_text()


def test_removing_from_a_broken_file_leaves_it(
    agents: Path, small: Path
) -> None:
    install(small, agents)
    (agents / PROPERTY).write_text("{")

    plan = take_out(small, agents)

    (note,) = plan.notes
    assert note.startswith(f"left {PROPERTY}, which cannot be read: ")
    assert (agents / PROPERTY).read_text() == "{"
    assert not (agents / FOLDER).exists()


def test_ten_would_refuse_nothing_after_an_installation(
    older: Path, small: Path
) -> None:
    if not schema_validators():
        pytest.skip("TEN's schemas, or jsonschema and json5, are not here")

    install(small, older)

    assert refusals(older) == []


# -------------------------------------------------------------- all or nothing


@pytest.mark.parametrize("failing_at", range(6))
def test_a_failure_leaves_the_checkout_as_it_was(
    older: Path, small: Path, failing_at: int
) -> None:
    before = snapshot(older)
    plan = plan_install(small, older)
    calls: list[Path] = []

    def rename(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 2 * failing_at + 1:
            raise OSError(28, "No space left on device", str(target))
        os.replace(source, target)

    with pytest.raises(
        InstallError, match="No space left.*nothing was changed"
    ):
        apply(plan.checkout.base, plan.changes, rename)

    assert snapshot(older) == before


def test_a_folder_in_the_place_of_a_file_is_a_sentence(
    agents: Path, small: Path
) -> None:
    (agents / FOLDER / "config.py").mkdir(parents=True)
    before = snapshot(agents)
    plan = plan_install(small, agents)

    with pytest.raises(InstallError, match="config.py: is a folder; nothing"):
        apply(plan.checkout.base, plan.changes)

    assert snapshot(agents) == before


def test_an_attempt_that_was_killed_is_completed_and_given_back(
    older: Path, small: Path
) -> None:
    before = snapshot(older)
    plan = plan_install(small, older)
    # All renames were done but those of the elements and of the record.
    apply(older, [c for c in plan.files if c.after is not None])

    install(small, older)
    take_out(small, older)

    assert snapshot(older) == before


# ------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("path", "content", "sentence"),
    [
        (PROPERTY, b"{", "is not as expected: Expecting property name"),
        (
            PROPERTY,
            b'{"ten": {}}',
            "as expected: it has no list ten.predefined",
        ),
        (PROPERTY, b"[]", "as expected: it has no list ten.predefined"),
        (
            MANIFEST,
            b'{"dependencies": {}}',
            "as expected: it has no list dependencies",
        ),
        (README, b"\xff", "is not UTF-8: invalid start byte"),
        (RECORD, b"[]", "cannot be read"),
        (RECORD, b'{"version": 9}', "cannot be read.*version 9.*--force"),
    ],
)
def test_a_broken_file_is_a_sentence(
    agents: Path, small: Path, path: Path, content: bytes, sentence: str
) -> None:
    (agents / path).parent.mkdir(parents=True, exist_ok=True)
    (agents / path).write_bytes(content)

    with pytest.raises(InstallError, match=sentence):
        plan_install(small, agents)


@pytest.mark.parametrize(
    "graph",
    [1, {}, {"name": "voice_assistant_small"}, {"name": 5, "graph": []}]
    + [
        {"name": "voice_assistant_small", "graph": graph}
        for graph in (None, [], {"nodes": 1}, {"nodes": [{"addon": NAME}]})
    ]
    + [
        {
            "name": "voice_assistant_small",
            "graph": {
                "nodes": [{"name": "tts", "addon": NAME}],
                "connections": connections,
            },
        }
        for connections in (
            [1],
            [{"extension": "a", "cmd": 1}],
            [{"extension": "a", "cmd": [{"name": "x", "dest": [1]}]}],
            [{"extension": "a", "cmd": [{"dest": [{"extension": []}]}]}],
            [{"extension": [], "cmd": [{"name": [], "dest": [{}]}]}],
        )
    ],
)
def test_graphs_of_any_kind_are_left_as_they_are(
    agents: Path, small: Path, newer: Path, graph: Any
) -> None:
    edit(
        agents / PROPERTY,
        lambda tree: tree["ten"]["predefined_graphs"].append(graph),
    )

    install(small, agents)
    install(newer, agents)

    assert graph in tree_of(agents)["ten"]["predefined_graphs"]
    take_out(small, agents)
    assert graph in tree_of(agents)["ten"]["predefined_graphs"]


def test_a_link_to_the_extension_itself_is_refused(
    agents: Path, small: Path
) -> None:
    (agents / FOLDER).symlink_to(small)
    before = snapshot(small)

    with pytest.raises(InstallError, match="would be overwritten"):
        plan_install(small, agents)

    assert snapshot(small) == before


def test_links_and_caches_in_the_folder_are_left_alone(
    agents: Path, small: Path, tmp_path: Path
) -> None:
    install(small, agents)
    (agents / FOLDER / "loop").symlink_to(agents / FOLDER)
    (agents / FOLDER / "nowhere").symlink_to(tmp_path / "nowhere")
    (agents / FOLDER / ".pytest_cache").mkdir()
    (agents / FOLDER / ".pytest_cache/x").write_text("x")

    assert install(small, agents).notes == [
        f"kept {FOLDER}/nowhere: none of ours"
    ]
    take_out(small, agents)

    assert sorted(p.name for p in (agents / FOLDER).iterdir()) == [
        ".pytest_cache",
        "loop",
        "nowhere",
    ]


def test_a_diff_shows_no_secret() -> None:
    before = b'{"a": 1, "api_key": "s3cret",\n "token": "${env:T}"}\n'
    in_json = Change(Path("property.json"), before, before + b" ")
    variables = Change(Path(".env.example"), b"A=s3cret\n", b"A=s3cret\nB=\n")

    shown = in_json.diff(Path()) + variables.diff(Path())

    assert "s3cret" not in shown
    assert '"api_key": "…"' in shown and "${env:T}" in shown
    assert " A=…\n+B=\n" in shown


# ----------------------------------------------------------------- the command


def run(checkout: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    if not Path(sys.prefix, ".installed-speak").exists():
        pytest.skip("this Python was not set up by ./dev")
    return subprocess.run(
        [str(ROOT / "dev"), "install-into", str(checkout), *flags],
        # The environment that runs this test, rather than a new one.
        env={**os.environ, "GRADIUM_DEV_VENV": sys.prefix},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_command_installs_this_extension_and_says_what_to_do(
    agents: Path,
) -> None:
    before = snapshot(agents)

    done = run(agents.parent)

    assert (done.returncode, done.stderr) == (0, "")
    app = agents / "agents/examples/voice-assistant"
    assert f"set GRADIUM_API_KEY in {agents / '.env'}\n" in done.stdout
    assert f"in {app}: task install, then task run\n" in done.stdout
    assert "http://localhost:3000/?graph=voice_assistant_gradium" in done.stdout
    target = agents / FOLDER.with_name("gradium_tts_python")
    for path in ("extension.py", "core/protocol.py", "wire/stream.py"):
        assert (target / path).read_bytes() == (ROOT / path).read_bytes()
    assert not (target / "devkit").exists()

    assert run(agents).stdout == "nothing to do\n"
    assert run(agents, "--remove").returncode == 0
    assert snapshot(agents) == before


def test_a_dry_run_shows_edited_files_and_counts_the_others(
    agents: Path,
) -> None:
    before = snapshot(agents.parent)

    done = run(agents.parent, "--dry-run")

    assert done.returncode == 0
    assert f"+++ b/ai_agents/{PROPERTY}\n" in done.stdout
    assert '+                "name": "voice_assistant_gradium",' in done.stdout
    assert "+GRADIUM_API_KEY=\n" in done.stdout
    assert "files in ai_agents/agents/ten_packages/extension/gradium" in (
        done.stdout
    )
    assert "speech.py" not in done.stdout
    assert snapshot(agents.parent) == before


@pytest.mark.parametrize(
    ("flags", "code", "sentence"),
    [
        ((), 1, "is no TEN checkout: it has neither ai_agents/agents/ten_pack"),
        (("--remove",), 1, "is no TEN checkout"),
        (("--no-such-option",), 2, "unrecognized arguments"),
    ],
)
def test_an_unknown_tree_or_option_is_refused(
    tmp_path: Path, flags: tuple[str, ...], code: int, sentence: str
) -> None:
    done = run(tmp_path, *flags)

    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr
    assert code == 2 or done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_removing_what_was_not_installed_is_refused(agents: Path) -> None:
    done = run(agents, "--remove")

    assert done.returncode == 1
    assert "gradium_tts_python was not installed into" in done.stderr
