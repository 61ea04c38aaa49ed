# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The key of the tests, and a look for it in all that a test run prints.

As a pytest plugin (`tests/conftest.py` takes the hook over) it fails every
test whose captured output shows the key: log lines, prints and tracebacks on
stdout and stderr, of setup, call and teardown.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

# Like a real one, and like nothing else: what finds it has found the key.
KEY = "gsk_7Qx2vW9kLp4ZtR8mNc3Hy6Bd"


def shows_key(text: str) -> bool:
    """Whether a text holds the key, or an end of it that tells it."""
    return KEY in text or KEY[:10] in text or KEY[-10:] in text


_Wrapper = Generator[None, pytest.TestReport, pytest.TestReport]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> _Wrapper:
    """Fail what printed the key."""
    report = yield
    shown = [
        title
        for title, text in report.sections
        if title.endswith(report.when) and shows_key(text)
    ]
    if shown and report.passed:
        report.outcome = "failed"
        report.longrepr = f"the key is shown in: {', '.join(shown)}"
    return report


@pytest.fixture
def debug_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the runtime log all levels, so that the look goes over all."""
    monkeypatch.setenv("TEN_HOST_LOG", "debug")
