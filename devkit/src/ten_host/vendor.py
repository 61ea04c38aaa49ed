# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A vendor on this machine, named on a command line: `FILE.py:NAME`.

`NAME` is a context manager without arguments, which runs the vendor and gives
the environment variables with which the extension's properties find it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


class VendorError(ValueError):
    """The vendor cannot be had; one sentence says why."""


def load_vendor(reference: str) -> Any:
    """Return what a reference `FILE.py:NAME` names.

    Raises:
        VendorError: there is no such file, or it has no such name.
    """
    file, colon, name = reference.rpartition(":")
    path = Path(file)
    if not colon or not name.isidentifier() or path.suffix != ".py":
        raise VendorError(
            f"a vendor must look like FILE.py:NAME, not {reference}"
        )
    if not path.is_file():
        raise VendorError(f"there is no file {path} of a vendor")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, name):
        raise VendorError(f"{path} has no {name}")
    return getattr(module, name)


@contextlib.contextmanager
def running_vendor(reference: str | None) -> Iterator[Mapping[str, str]]:
    """Run a vendor for as long as the block, its variables in our environment.

    Without a reference nothing runs.
    """
    if reference is None:
        yield {}
        return
    with load_vendor(reference)() as variables, _environment(variables):
        yield variables


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
