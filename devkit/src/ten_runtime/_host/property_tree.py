# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Typed access to a JSON tree: the rules of every property call.

Reading is strict: there is no conversion between integers, floats, texts and
booleans. Failures are returned, never raised; only a wrong *argument* type
raises.
"""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from typing import Any

from ..error import VALUE_NOT_FOUND, TenError, TenErrorCode

Json = Any
Path = str | None

INT64 = range(-(2**63), 2**63)
_UINT64_END = 2**64
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_RESERVED = "ten"


def parse_json(text: str) -> tuple[Json, TenError | None]:
    """Decode JSON as TEN does: no NaN, integers up to 64 bits."""
    if not isinstance(text, str):
        raise TypeError(f"JSON must be str, not {type(text).__name__}")
    try:
        return _DECODER.decode(text), None
    except (ValueError, RecursionError) as error:
        code = TenErrorCode.ErrorCodeInvalidJSON
        return None, TenError.create(code, f"invalid JSON: {error}")


def dump_json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def copy_json(value: Json) -> Json:
    """Return a deep copy of a tree; buffers are copied too."""
    if isinstance(value, dict):
        return {key: copy_json(member) for key, member in value.items()}
    if isinstance(value, list):
        return [copy_json(item) for item in value]
    return bytearray(value) if isinstance(value, bytearray) else value


def merge(base: Json, over: Json) -> Json:
    """Deep merge: objects member by member, anything else is replaced."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return copy_json(over)
    merged = copy_json(base)
    for key, value in over.items():
        merged[key] = merge(merged[key], value) if key in merged else value
    return merged


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _parse_int(text: str) -> int | float:
    number = int(text)
    return number if -(2**63) <= number < _UINT64_END else float(text)


# Made once: with options, `json.loads` makes one for each text.
_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=_parse_int
)


@lru_cache(maxsize=1024)
def _parse_path(path: str) -> tuple[str | int, ...] | None:
    """`a.b[0]` as steps, or None when it is not a path."""
    steps: list[str | int] = []
    position = 0
    for match in _STEP.finditer(path):
        if match.start() != position:
            return None
        position = match.end()
        name, index = match.groups()
        steps.append(name if index is None else int(index))
    return tuple(steps) if position == len(path) else None


class PropertyTree:
    """A JSON object and TEN's typed getters and setters on it."""

    def __init__(self, root: dict[str, Json] | None = None) -> None:
        self.root: dict[str, Json] = root or {}
        self.reserved: dict[str, Json] = {}

    def copy(self) -> PropertyTree:
        tree = PropertyTree(copy_json(self.root))
        tree.reserved = copy_json(self.reserved)
        return tree

    # -- reading ----------------------------------------------------------

    def has(self, path: Path) -> bool:
        return self.find(path)[1] is None

    def find(self, path: Path) -> tuple[Json, TenError | None]:
        if not path:
            return self.root, None
        here, steps = self._locate(path)
        for step in steps:
            if isinstance(here, dict) and isinstance(step, str):
                if step not in here:
                    return None, _not_found(path)
                here = here[step]
            elif isinstance(here, list) and isinstance(step, int):
                if step >= len(here):
                    return None, _not_found(path)
                here = here[step]
            else:
                return None, _not_found(path)
        return here, None

    def get_int(self, path: Path) -> tuple[int, TenError | None]:
        value, error = self.find(path)
        if error is not None:
            return 0, error
        if not isinstance(value, int) or isinstance(value, bool):
            return 0, _wrong_type(path, value, "int64")
        if value not in INT64:
            return 0, _wrong_type(path, value, "int64", "out of range")
        return value, None

    def get_float(self, path: Path) -> tuple[float, TenError | None]:
        value, error = self.find(path)
        if error is not None:
            return 0.0, error
        if not isinstance(value, float):
            return 0.0, _wrong_type(path, value, "float64")
        return value, None

    def get_bool(self, path: Path) -> tuple[bool, TenError | None]:
        value, error = self.find(path)
        if error is not None:
            return False, error
        if not isinstance(value, bool):
            return False, _wrong_type(path, value, "bool")
        return value, None

    def get_string(self, path: Path) -> tuple[str, TenError | None]:
        value, error = self.find(path)
        if error is not None:
            return "", error
        if not isinstance(value, str):
            code = TenErrorCode.ErrorCodeInvalidArgument
            return "", _wrong_type(path, value, "string", code=code)
        return value, None

    def get_buf(self, path: Path) -> tuple[bytearray, TenError | None]:
        value, error = self.find(path)
        if error is not None:
            return bytearray(), error
        if not isinstance(value, bytearray):
            code = TenErrorCode.ErrorCodeInvalidArgument
            return bytearray(), _wrong_type(path, value, "buf", code=code)
        return bytearray(value), None

    def get_json(self, path: Path) -> tuple[str, TenError | None]:
        """JSON of a property; a text comes quoted, an absent one as ""."""
        value, error = self.find(path)
        if error is not None:
            return "", error
        try:
            return dump_json(value), None
        except TypeError as problem:
            code = TenErrorCode.ErrorCodeGeneric
            return "", TenError.create(code, f"not JSON: {problem}")

    # -- writing ----------------------------------------------------------

    def put(self, path: Path, value: Json) -> TenError | None:
        """Set a value, making objects on the way where they are missing."""
        if not path:
            code = TenErrorCode.ErrorCodeInvalidArgument
            return TenError.create(code, "the root takes JSON objects only")
        here, steps = self._locate(path)
        if not steps:
            code = TenErrorCode.ErrorCodeInvalidArgument
            return TenError.create(code, f"invalid path: {path}")
        for step, following in zip(steps, steps[1:], strict=False):
            here = _descend(here, step, following)
        _store(here, steps[-1], value)
        return None

    def put_json(self, path: Path, text: str) -> TenError | None:
        value, error = parse_json(text)
        if error is not None:
            return error
        if path:
            return self.put(path, value)
        if not isinstance(value, dict):
            raise ValueError(
                "the root of a property tree takes a JSON object, not "
                f"{type(value).__name__} (TEN aborts the process here)"
            )
        self.reserved.update(_as_dict(value.pop(_RESERVED, {})))
        self.root = value
        return None

    def _locate(self, path: str) -> tuple[Json, tuple[str | int, ...]]:
        if not isinstance(path, str):
            raise TypeError(f"path must be str, not {type(path).__name__}")
        steps = _parse_path(path)
        if steps is None or isinstance(steps[0], int):
            return {}, ()
        if steps[0] == _RESERVED:
            return self.reserved, steps[1:]
        return self.root, steps


def checked_int(value: object) -> int:
    """Return the argument of a `set_…_int`: an integer of 64 bits."""
    # What is a plain one already need not be made one.
    number = value if type(value) is int else _int_of(value)
    if number not in INT64:
        raise ValueError(f"{value} does not fit in 64 bits")
    return number


def _int_of(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"an int is needed, not {type(value).__name__}")
    return int(value)


def checked_float(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"a float is needed, not {type(value).__name__}")
    return float(value)


def checked_bool(value: object) -> bool:
    """Booleans and whatever counts as an integer, by its truth."""
    if not hasattr(value, "__index__"):
        raise TypeError(f"a bool is needed, not {type(value).__name__}")
    return bool(value)


def checked_string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a str is needed, not {type(value).__name__}")
    if "\0" in value:
        # It crosses into C, where a NUL would end the text.
        raise ValueError("embedded null character")
    return value


def checked_buf(value: object) -> bytearray:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(f"bytes are needed, not {type(value).__name__}")
    if not len(value):
        raise ValueError("an empty buffer cannot be a property")
    return bytearray(value)


def kind_of(value: Json) -> str:
    """Return the TEN name of a value's type, for messages."""
    if value is None:
        return "null"
    if isinstance(value, float):
        return "float64" if math.isfinite(value) else "float64 (not finite)"
    names = {bool: "bool", int: "int64", str: "string", dict: "object"}
    return names.get(type(value)) or (
        "array" if isinstance(value, list) else "buf"
    )


def _as_dict(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _descend(here: Json, step: str | int, following: str | int) -> Json:
    """Return the container at `step`, replaced when it is of the wrong kind."""
    wanted = dict if isinstance(following, str) else list
    if isinstance(step, int):
        present = here[step] if step < len(here) else None
    else:
        present = here.get(step)
    if not isinstance(present, wanted):
        present = wanted()
        _store(here, step, present)
    return present


def _store(here: Json, step: str | int, value: Json) -> None:
    if isinstance(step, int):
        here.extend([None] * (step + 1 - len(here)))
    here[step] = value


def _not_found(path: Path) -> TenError:
    return TenError.create(VALUE_NOT_FOUND, f"Failed to find value: {path}")


def _wrong_type(
    path: Path,
    value: Json,
    wanted: str,
    why: str = "no conversion",
    code: TenErrorCode = TenErrorCode.ErrorCodeGeneric,
) -> TenError:
    text = f"{path} is {kind_of(value)}, not {wanted}: {why}"
    return TenError.create(code, text)
