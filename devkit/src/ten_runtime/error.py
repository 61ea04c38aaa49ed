# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The error value that every TEN call returns instead of raising."""

from __future__ import annotations

from enum import IntEnum

VALUE_NOT_FOUND = 100000
"""Internal code that surfaces for absent properties; not in the enum."""


class TenErrorCode(IntEnum):
    ErrorCodeGeneric = 1
    ErrorCodeInvalidJSON = 2
    ErrorCodeInvalidArgument = 3
    ErrorCodeInvalidType = 4
    ErrorCodeInvalidGraph = 5
    ErrorCodeTenIsClosed = 6
    ErrorCodeMsgNotConnected = 7
    ErrorCodeTimeout = 8


class TenError:
    """A code and a text; made by `create`, never by the constructor."""

    _code: int
    _message: str

    def __init__(self, *_args: object) -> None:
        raise NotImplementedError("use TenError.create(code, message)")

    @classmethod
    def create(
        cls, error_code: TenErrorCode | int, error_message: str | None = None
    ) -> TenError:
        error = cls.__new__(cls)
        error._code = int(error_code)
        error._message = error_message or ""
        return error

    def error_code(self) -> int:
        return self._code

    def error_message(self) -> str:
        return self._message

    def __str__(self) -> str:
        return f"error_code: {self._code}, error_message: {self._message}"

    __repr__ = __str__
