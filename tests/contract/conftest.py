"""Makes `contract_kit` importable, and gives every test its `ten`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from contract_kit import Ten


@pytest.fixture
def ten(tmp_path: Path) -> Ten:
    return Ten(tmp_path)
