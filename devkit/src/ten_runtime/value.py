# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A JSON-like value with an explicit type, as `fields` of a log call."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any


class ValueType(IntEnum):
    INVALID = 0
    BOOL = 1
    INT = 2
    FLOAT = 3
    STRING = 4
    BYTES = 5
    ARRAY = 6
    OBJECT = 7
    JSON_STRING = 8


class Value:
    """Holds one Python value and says what it is."""

    def __init__(self, value_type: ValueType, value: Any) -> None:
        self._type = value_type
        self._value = value

    @classmethod
    def from_bool(cls, value: bool) -> Value:
        return cls(ValueType.BOOL, bool(value))

    @classmethod
    def from_int(cls, value: int) -> Value:
        return cls(ValueType.INT, int(value))

    @classmethod
    def from_float(cls, value: float) -> Value:
        return cls(ValueType.FLOAT, float(value))

    @classmethod
    def from_string(cls, value: str) -> Value:
        return cls(ValueType.STRING, str(value))

    @classmethod
    def from_bytes(cls, value: bytes) -> Value:
        return cls(ValueType.BYTES, bytes(value))

    @classmethod
    def from_json_string(cls, value: str) -> Value:
        return cls(ValueType.JSON_STRING, str(value))

    @classmethod
    def from_array(cls, value: list[Any]) -> Value:
        return cls(ValueType.ARRAY, [cls.from_object(v) for v in value])

    @classmethod
    def from_object(cls, value: Any) -> Value:
        """Wrap any JSON-like value; raises TypeError for anything else."""
        if isinstance(value, Value):
            return value
        if isinstance(value, dict):
            members = {str(k): cls.from_object(v) for k, v in value.items()}
            return cls(ValueType.OBJECT, members)
        if isinstance(value, list | tuple):
            return cls.from_array(list(value))
        for python_type, value_type in _SCALARS:
            if isinstance(value, python_type):
                return cls(value_type, value)
        raise TypeError(f"no TEN value for {type(value).__name__}")

    def get_type(self) -> ValueType:
        return self._type

    @property
    def type(self) -> ValueType:
        return self._type

    def to_python(self) -> Any:
        """Return the plain Python value."""
        if self._type is ValueType.OBJECT:
            return {k: v.to_python() for k, v in self._value.items()}
        if self._type is ValueType.ARRAY:
            return [v.to_python() for v in self._value]
        if self._type is ValueType.JSON_STRING:
            return json.loads(self._value)
        return self._value

    def __repr__(self) -> str:
        return f"Value({self._type.name}, {self.to_python()!r})"


_SCALARS: tuple[tuple[type, ValueType], ...] = (
    (bool, ValueType.BOOL),
    (int, ValueType.INT),
    (float, ValueType.FLOAT),
    (str, ValueType.STRING),
    (bytes, ValueType.BYTES),
    (bytearray, ValueType.BYTES),
)
