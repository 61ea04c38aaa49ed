# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Makes `contract_kit` importable, and gives every test its `ten`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from contract_kit import Ten

from ten_host.testing.runs import KINDS

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every run here end as it ends: the test looks at how."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.ten_expects(*KINDS))


@pytest.fixture
def ten(tmp_path: Path) -> Ten:
    return Ten(tmp_path)
