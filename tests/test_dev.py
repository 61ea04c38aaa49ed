# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The `./dev` script on machines that lack something, and with its tools.

Each test runs a copy of the script in a folder of its own, with a PATH that
has only what the test put there: this machine's environment stays untouched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What the script itself uses besides bash.
TOOLS = (
    "bash basename cat dirname env grep ln mkdir mv readlink rm sed sleep tail"
).split()

FILES = (
    "dev",
    "requirements.txt",
    "devkit/requirements.txt",
    "devkit/requirements-dev.txt",
    "devkit/requirements-play.txt",
    "devkit/requirements-plot.txt",
)


@dataclass
class Machine:
    """A folder with a copy of the script, and a PATH of its own."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def add_python(self, name: str, script: str) -> Path:
        """Put an interpreter on the PATH that is this shell script."""
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def add_tool(self, name: str) -> None:
        """Put one of this machine's programs on the PATH."""
        found = shutil.which(name)
        assert found is not None
        (self.folder / "bin" / name).symlink_to(found)

    def require(self, package: str) -> None:
        """Let the extension need one more package."""
        with (self.folder / "checkout" / "requirements.txt").open("a") as file:
            file.write(f"{package}\n")

    def dev(self, *arguments: str, **env: str) -> tuple[int, str, str]:
        """Run `./dev` and return its exit code, stdout and stderr."""
        done = subprocess.run(
            [str(self.folder / "checkout" / "dev"), *arguments],
            env={**self.env, **env},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    @property
    def venv(self) -> Path:
        return self.folder / "checkout" / ".venv"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with bash and nothing else."""
    for name in FILES:
        target = tmp_path / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    (tmp_path / "bin").mkdir()
    env = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}
    bare = Machine(tmp_path, env)
    for tool in TOOLS:
        bare.add_tool(tool)
    return bare


def test_help_needs_nothing_but_bash(machine: Machine) -> None:
    code, out, err = machine.dev("help")

    assert (code, err) == (0, "")
    for command in ("speak", "test", "check", "sim", "python"):
        assert f"./dev {command}" in out


@pytest.mark.parametrize("name", ["nonsense", "main", "--version", "need"])
def test_an_unknown_command_ends_in_one_sentence(
    machine: Machine, name: str
) -> None:
    code, _, err = machine.dev(name)

    assert code == 2
    assert err == f"dev: there is no command '{name}'; type: ./dev help\n"


def test_a_machine_without_python_is_told_what_to_type(
    machine: Machine,
) -> None:
    code, _, err = machine.dev("speak", "Hi.")

    assert code == 1
    assert err.startswith("dev: no Python was found; type: sudo apt install")
    assert err.count("\n") == 1


def test_an_old_python_is_named(machine: Machine) -> None:
    path = machine.add_python("python3", "echo 3.8")

    code, _, err = machine.dev("speak", "Hi.")

    assert code == 1
    assert f"Python 3.10 or newer is needed, but {path} is Python 3.8" in err


def test_a_shim_that_does_not_run_is_passed_over(machine: Machine) -> None:
    machine.add_python("python3.10", "echo not installed >&2; exit 127")
    path = machine.add_python("python3", "echo 3.9")

    _, _, err = machine.dev("speak", "Hi.")

    assert f"{path} is Python 3.9" in err


def test_a_python_without_the_venv_module_is_told_what_to_type(
    machine: Machine,
) -> None:
    machine.add_python(
        "python3", 'case "$2" in *ensurepip*) exit 1;; esac; echo 3.11'
    )

    code, _, err = machine.dev("speak", "Hi.")

    assert code == 1
    assert "has no venv module; type: sudo apt install python3.11-venv" in err


def test_a_chosen_python_that_does_not_run_is_named(machine: Machine) -> None:
    code, _, err = machine.dev("speak", "Hi.", PYTHON="/nowhere/python3")

    assert code == 1
    assert "PYTHON=/nowhere/python3 does not run" in err


# A Python whose environments have this one's pip, so that none is installed.
WITH_REAL_PIP = f"""
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin" "$3/lib/python3.10/site-packages"
             cat "$0" >"$3/bin/python"; chmod +x "$3/bin/python" ;;
  *) exec "{sys.executable}" "$@" ;;
esac
"""


def test_a_machine_without_network_is_told_what_to_type(
    machine: Machine,
) -> None:
    machine.add_tool("chmod")
    machine.add_python("python3", WITH_REAL_PIP)
    machine.require("a-package-that-has-to-be-downloaded")

    code, _, err = machine.dev(
        "speak",
        "Hi.",
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_CONFIG_FILE=os.devnull,
    )

    assert code == 1
    assert "could not be downloaded; connect this machine to the network" in err
    assert "Traceback" not in err


def test_a_package_that_does_not_exist_is_named(machine: Machine) -> None:
    machine.add_tool("chmod")
    machine.add_python("python3", WITH_REAL_PIP)
    machine.require("a-package-that-does-not-exist")

    code, _, err = machine.dev(
        "speak", "Hi.", PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull
    )

    assert code == 1
    assert "could not be installed" in err
    assert "a-package-that-does-not-exist" in err
    assert str(machine.venv.parent / ".venv-setup" / ".venv.log") in err


def test_a_foreign_environment_is_left_alone(machine: Machine) -> None:
    machine.add_python("python3", f'exec "{_real_python()}" "$@"')
    machine.venv.mkdir()
    (machine.venv / "precious").write_text("data")

    code, _, err = machine.dev("speak", "Hi.")

    assert code == 1
    assert "was not made by ./dev; type: mv .venv .venv.old" in err
    assert (machine.venv / "precious").read_text() == "data"


# A Python whose `-m venv` makes a folder with a copy of itself, and whose
# `-m pip` notes that it was called.
FAKE_PYTHON = """
case "$*" in
  "-c import ensurepip, venv") exit 0 ;;
  "-c import sys; print"*) echo 3.10 ;;
  -c*) shift 2; echo "ran $*" ;;
  "-m venv "*) mkdir -p "$3/bin" "$3/lib/python3.10/site-packages"
               cat "$0" >"$3/bin/python"; chmod +x "$3/bin/python" ;;
  "-m pip "*) echo pip >>"$LOG"; sleep "${PIP_TAKES_S:-0}" ;;
  *) echo "ran $*" ;;
esac
"""


@pytest.fixture
def fake(machine: Machine, tmp_path: Path) -> Machine:
    """A machine whose Python only pretends, so that set-up takes no time."""
    machine.add_tool("chmod")
    machine.add_python("python3", FAKE_PYTHON)
    machine.env["LOG"] = str(tmp_path / "log")
    (tmp_path / "log").write_text("")
    return machine


def installs(machine: Machine) -> int:
    return Path(machine.env["LOG"]).read_text().count("pip")


def test_the_environment_is_made_once_and_quietly(fake: Machine) -> None:
    first = fake.dev("speak", "Hi.")
    second = fake.dev("speak", "Hi.")

    assert first == (
        0,
        "ran ten_host speak Hi.\n",
        "dev: making .venv (once; half a minute) …\n",
    )
    assert second == (0, "ran ten_host speak Hi.\n", "")
    assert installs(fake) == 1


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("speak", "ten_host speak"),
        ("replay", "ten_host replay"),
        ("voices", "ten_host voices"),
        ("doctor", "ten_host doctor"),
        ("timeline", "trace_timeline"),
        ("sim", "gradium_sim"),
        ("agent", "ten_agent"),
    ],
)
def test_a_command_is_a_module_with_the_same_arguments(
    fake: Machine, command: str, module: str
) -> None:
    code, out, _ = fake.dev(command, "--port", "0", "--help")

    assert (code, out) == (0, f"ran {module} --port 0 --help\n")


def test_a_changed_requirements_file_is_installed_again(fake: Machine) -> None:
    fake.dev("speak", "Hi.")
    fake.require("another")

    code, _, err = fake.dev("speak", "Hi.")

    assert (code, err) == (0, "")
    assert installs(fake) == 2


@pytest.mark.parametrize(
    ("told", "where"), [("1", ".venv/bytecode"), ("", None)]
)
def test_a_test_run_keeps_its_bytecode_out_of_the_tree(
    fake: Machine, told: str, where: str | None
) -> None:
    # In the place of what starts the tests, with the environment it gets.
    start = fake.folder / "checkout" / "tests" / "bin" / "start"
    start.parent.mkdir(parents=True)
    start.write_text("#!/bin/sh\nenv\n")
    start.chmod(0o755)
    of_a_test = fake.venv / "bytecode" / "tmp" / "pytest-of-me" / "a.pyc"
    of_a_module = fake.venv / "bytecode" / "tmp" / "b.pyc"
    fake.dev("speak", "Hi.")
    for path in (of_a_test, of_a_module):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    code, out, _ = fake.dev("test", PYTHONDONTWRITEBYTECODE=told)

    kept = dict(line.split("=", 1) for line in out.splitlines())
    folder = kept.get("PYTHONPYCACHEPREFIX")
    assert code == 0
    assert kept.get("PYTHONDONTWRITEBYTECODE", "") == ""
    assert folder == (where and str(fake.folder / "checkout" / where))
    assert (of_a_test.exists(), of_a_module.exists()) == (not told, True)


def test_speaking_does_not_install_the_test_tools(fake: Machine) -> None:
    fake.dev("speak", "Hi.")

    stamps = {path.name for path in fake.venv.glob(".installed-*")}
    assert stamps == {".installed-speak"}


@pytest.mark.parametrize("command", ["speak", "agent"])
def test_a_timeline_installs_what_it_draws_with(
    fake: Machine, command: str
) -> None:
    fake.dev(command, "--timeline", "a.png")

    stamps = {path.name for path in fake.venv.glob(".installed-*")}
    assert stamps == {".installed-speak", ".installed-plot"}


def test_an_interrupted_set_up_starts_from_the_beginning(
    fake: Machine,
) -> None:
    fake.dev("speak", "Hi.")
    (fake.venv / ".unfinished").touch()
    (fake.venv / "rest").touch()

    code, _, err = fake.dev("speak", "Hi.")

    assert (code, err) == (0, "dev: making .venv (once; half a minute) …\n")
    assert not (fake.venv / "rest").exists()
    assert installs(fake) == 2


def test_another_python_behind_the_environment_makes_a_new_one(
    fake: Machine,
) -> None:
    fake.dev("speak", "Hi.")
    (fake.venv / ".python").write_text("3.9\n")

    code, _, err = fake.dev("speak", "Hi.")

    assert (code, err) == (0, "dev: making .venv (once; half a minute) …\n")


def test_two_at_once_set_up_only_once(fake: Machine) -> None:
    command = [str(fake.folder / "checkout" / "dev"), "speak", "Hi."]
    env = {**fake.env, "PIP_TAKES_S": "0.5"}

    both = [
        subprocess.Popen(
            command,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(2)
    ]
    outs = [process.communicate(timeout=240)[0] for process in both]

    assert outs == ["ran ten_host speak Hi.\n"] * 2
    assert installs(fake) == 1


def test_a_lock_whose_owner_died_is_taken_over(fake: Machine) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    folder = fake.venv.parent / ".venv-setup"
    folder.mkdir()
    (folder / ".venv.lock").symlink_to(f"pid={dead.pid}")

    code, _, _ = fake.dev("speak", "Hi.")

    assert code == 0
    assert [path.name for path in folder.iterdir()] == [".venv.log"]


def test_the_environment_can_stand_elsewhere(
    fake: Machine, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere" / "env"

    code, _, _ = fake.dev("speak", "Hi.", GRADIUM_DEV_VENV=str(elsewhere))

    assert code == 0
    assert (elsewhere / ".installed-speak").exists()
    assert not fake.venv.exists()
    link = elsewhere / "packages" / "gradium_tts_python"
    assert link.resolve() == (tmp_path / "checkout").resolve()


def test_the_real_ten_comes_first_on_the_path(fake: Machine) -> None:
    system = (
        fake.folder / "checkout" / ".ten" / "app" / "ten_packages" / "system"
    )
    system.mkdir(parents=True)
    fake.add_python("python3", FAKE_PYTHON.replace("ran $*", "$PYTHONPATH"))

    _, out, _ = fake.dev("speak", "Hi.", PYTHONPATH="/mine")

    assert out.strip().split(":") == [
        str(fake.folder / "checkout" / ".ten" / "app"),
        str(system / "ten_runtime_python" / "lib"),
        str(system / "ten_runtime_python" / "interface"),
        str(system / "ten_ai_base" / "interface"),
        "/mine",
    ]


def test_the_agent_says_that_it_does_not_use_the_real_ten(
    fake: Machine,
) -> None:
    app = fake.folder / "checkout" / ".ten" / "app"
    (app / "ten_packages" / "system").mkdir(parents=True)
    fake.add_python("python3", FAKE_PYTHON.replace("ran $*", "$PYTHONPATH"))
    fake.dev("speak", "Hi.")

    code, out, err = fake.dev("agent", PYTHONPATH="/mine")

    kit = fake.folder / "checkout" / "devkit" / "src"
    assert (code, out) == (0, f"{kit}:/mine\n")
    assert err == (
        "dev: the agent runs on the stand-in, not on the TEN in .ten/app,"
        " which speak, replay, test and python use\n"
    )


def test_the_stand_ins_come_last_on_the_path() -> None:
    site_packages = next(p for p in sys.path if p.endswith("site-packages"))
    kit = str(ROOT / "devkit" / "src")
    if not any(Path(p).samefile(kit) for p in sys.path if Path(p).exists()):
        pytest.skip("this Python was not set up by ./dev")

    resolved = [str(Path(p).resolve()) for p in sys.path]

    assert resolved.index(kit) > sys.path.index(site_packages)


def _real_python() -> str:
    """The interpreter behind this environment, which has the venv module."""
    return os.path.realpath(sys.executable)
