# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The server and the settings of the scenarios.

* `server`: a local Gradium server in a thread; `@pytest.mark.sim(...)` gives
  its options.
* `load`: reads a file of tests/configs, pointed at that server.
* `pause_s`: how long a scenario blocks or waits; longer with --thorough.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from key_scan import KEY

from gradium_sim import SimThread

sys.path.insert(0, str(Path(__file__).parent))

from scenario_kit import ADDON, Load, Settings

CONFIGS = Path(__file__).resolve().parent.parent / "configs"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[SimThread]:
    options: dict[str, Any] = {"voice": "tones", "api_keys": (KEY,)}
    for marker in reversed(list(request.node.iter_markers("sim"))):
        options.update(marker.kwargs)
    with SimThread(**options) as running:
        yield running


@pytest.fixture
def load(
    server: SimThread, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Load:
    """`load("basic_audio_setting1", dump=True)`: the file's settings.

    The good key is in the environment, relative folders are below
    `tmp_path`; further arguments are top-level properties.
    """
    monkeypatch.setenv("GRADIUM_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)

    def load_config(name: str, **changes: Any) -> Settings:
        text = (CONFIGS / f"property_{name}.json").read_text()
        properties: dict[str, Any] = json.loads(text)
        properties["params"]["url"] = server.url
        return Settings(ADDON, {**properties, **changes})

    return load_config


@pytest.fixture
def pause_s(is_thorough: bool) -> float:
    return 5.0 if is_thorough else 0.5
