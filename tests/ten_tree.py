# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A small checkout with the shape of TEN's, and a small extension to put in.

Only what is known about TEN's tree is in it: where files are, which nodes and
links its voice assistant has, and how its JSON is written. The names of the
second example are this test's own: nothing may depend on them.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ten_shipping.checkout import EXTENSIONS

NAME = "small_tts_python"
FOLDER = EXTENSIONS / NAME
ASSISTANT = Path("agents/examples/voice-assistant")
WEBSOCKET = Path("agents/examples/websocket-example")
PROPERTY = ASSISTANT / "tenapp/property.json"
MANIFEST = ASSISTANT / "tenapp/manifest.json"
README = ASSISTANT / "README.md"
VARIABLES = Path(".env.example")


def node(name: str, addon: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "extension",
        "name": name,
        "addon": addon,
        "extension_group": "default",
        "property": properties,
    }


def flow(name: str, **ends: str) -> dict[str, Any]:
    return {
        "name": name,
        **{side: [{"extension": end}] for side, end in ends.items()},
    }


def assistant(name: str, tts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A graph as the voice assistant has it, without what tells of audio."""
    greeting = "TEN says hello."
    return {
        "name": name,
        **fields,
        "graph": {
            "nodes": [
                node("agora_rtc", "agora_rtc", app_id="${env:AGORA_APP_ID}"),
                node("llm", "openai_llm2_python", greeting=greeting),
                tts,
                node("main_control", "main_python", greeting=greeting),
            ],
            "connections": [
                {
                    "extension": "main_control",
                    "cmd": [
                        flow("on_user_joined", source="agora_rtc"),
                        flow("on_user_left", source="agora_rtc"),
                    ],
                },
                {
                    "extension": "agora_rtc",
                    "audio_frame": [flow("pcm_frame", source="tts")],
                },
            ],
        },
    }


ELEVENLABS = node(
    "tts",
    "elevenlabs_tts2_python",
    params={"key": "${env:ELEVENLABS_TTS_KEY}", "output_format": "pcm_16000"},
)
OLDER = node(
    "tts",
    NAME,
    params={"api_key": "${env:GRADIUM_API_KEY}", "voice_id": "ten's voice"},
)


def property_of(*graphs: dict[str, Any]) -> str:
    tree = {"ten": {"uri": "ten:app", "predefined_graphs": graphs}}
    return json.dumps(tree, indent=4) + "\n"


def manifest_of(*names: str) -> str:
    extensions = [
        {"path": f"../../../ten_packages/extension/{n}"} for n in names
    ]
    system = {"type": "system", "name": "ten_ai_base", "version": "0.7"}
    tree = {
        "type": "app",
        "name": "an_app",
        "version": "0.1.0",
        "dependencies": [system, *extensions],
    }
    return json.dumps(tree, indent=2) + "\n"


def make_checkout(root: Path, *, has_older: bool, under_git: bool) -> Path:
    """Make a checkout; `has_older`: with a version of the extension in it.

    Returns:
        Its `ai_agents`.
    """
    graphs = [assistant("voice_assistant", ELEVENLABS, auto_start=True)]
    files = {
        README: "# Voice assistant\n\n## Run\n\n`task run`\n",
        VARIABLES: "# Agora\nAGORA_APP_ID=\n",
        MANIFEST: manifest_of("other_tts"),
        WEBSOCKET / "tenapp/manifest.json": manifest_of("other_tts"),
        WEBSOCKET / "tenapp/property.json": property_of(
            assistant("by_websocket", ELEVENLABS, auto_start=True)
        ),
        EXTENSIONS / "other_tts/manifest.json": manifest_of(),
    }
    if has_older:
        graphs.append(assistant("voice_assistant_small", OLDER))
        files[FOLDER / "extension.py"] = "# an older one\n"
        files[FOLDER / "tests/test_old.py"] = "# an older test\n"
    files[PROPERTY] = property_of(*graphs)
    agents = root / "ai_agents"
    write(agents, files)
    if under_git:
        shutil.copytree(committed(tuple(files.items())), root / ".git")
    return agents


def write(root: Path, files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


@functools.cache
def committed(files: tuple[tuple[Path, str], ...]) -> Path:
    """The `.git` of a checkout of these files, made once for all tests."""
    # Its maker removes the folder when the tests end.
    _folders.append(TemporaryDirectory())
    root = Path(_folders[-1].name)
    write(root / "ai_agents", dict(files))
    git(root, "init", "-q", "--template=")
    commit(root)
    return root / ".git"


_folders: list[TemporaryDirectory[str]] = []


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(
        ["git", *who, *arguments],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "feat: a tree")


def snapshot(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def make_extension(root: Path, version: int = 1) -> Path:
    """Make a small extension with the files that an installation needs.

    The second version has another voice, another module, and one less.
    """
    tts = node(
        "tts",
        NAME,
        params={
            "api_key": "${env:GRADIUM_API_KEY|}",
            "voice_id": f"voice {version}",
            "sample_rate": 24000,
        },
    )
    graph = assistant("voice_assistant_small", tts, auto_start=False)
    graph["graph"]["connections"][0]["data"] = [
        {
            "names": ["tts_audio_start", "tts_audio_end"],
            "source": [{"extension": "tts"}],
        }
    ]
    manifest = {
        "type": "extension",
        "name": NAME,
        "version": f"0.{version}.0",
        "package": {
            "include": [
                "manifest.json",
                "**.py",
                "core/**.py",
                "settings/**.py",
                "tests/bin/start",
            ]
        },
    }
    files = {
        "manifest.json": json.dumps(manifest) + "\n",
        "extension.py": f"# version {version}\n",
        "config.py": "# the settings\n",
        f"core/rules_{version}.py": "# the rules\n",
        "tests/bin/start": "#!/bin/sh\n",
        "examples/small/property.json": property_of(graph),
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "tests/bin/start").chmod(0o755)
    return root


SCHEMAS = Path(__file__).resolve().parents[2] / "shared/ten-schemas"


def refusals(folder: Path) -> list[str]:
    """Give the sentences with which TEN's own schemas refuse files below.

    Where the schemas or the libraries for them are absent, the files must
    only be JSON.
    """
    files = [
        path
        for path in sorted(folder.rglob("*.json"))
        if path.stem in ("manifest", "property") and ".git" not in path.parts
    ]
    trees = [(path, json.loads(path.read_text())) for path in files]
    validators = schema_validators()
    return [
        f"{path}: {error.message}"
        for path, tree in trees
        if path.stem in validators
        for error in validators[path.stem].iter_errors(tree)
    ]


@functools.lru_cache
def schema_validators() -> dict[str, Any]:
    """Load the validators of `check.py`; empty where they cannot be had."""
    if not (SCHEMAS / "check.py").exists():
        return {}
    spec = importlib.util.spec_from_file_location("check", SCHEMAS / "check.py")
    assert spec is not None and spec.loader is not None
    check = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(check)
    except ImportError:
        return {}
    return {name: check.validator(name) for name in ("manifest", "property")}
