# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The settings of the scenarios."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ten_host.testing.plugin import path_setting, setting

from .kit import Load, Settings


@pytest.fixture(scope="session")
def config_folder(pytestconfig: pytest.Config) -> Path:
    """The folder of `--ten-config`."""
    folder = path_setting(pytestconfig, "ten_config")
    if folder is None:
        pytest.fail("--ten-config DIR is needed", pytrace=False)
    if not folder.is_dir():
        pytest.fail(f"--ten-config: there is no folder {folder}", pytrace=False)
    return folder


@pytest.fixture
def load(
    pytestconfig: pytest.Config,
    config_folder: Path,
    ten_host_app: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Load:
    """Reads settings; relative folders in them are below `tmp_path`."""
    addon = setting(pytestconfig, "ten_addon")
    if addon is None:
        pytest.fail("--ten-addon NAME is needed", pytrace=False)
    monkeypatch.chdir(tmp_path)

    def load_settings(name: str, **changes: Any) -> Settings:
        path = config_folder / f"property_{name}.json"
        if not path.is_file():
            pytest.skip(f"there is no {path.name} in --ten-config")
        properties: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return Settings(addon, {**properties, **changes})

    return load_settings


@pytest.fixture
def dump_folder(load: Load) -> Path:
    """The folder into which the settings `dump` have everything written."""
    text = str(load("dump").properties.get("dump_path") or "./")
    folder = Path(os.path.expandvars(text)).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
