# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Answers to commands."""

from __future__ import annotations

from enum import IntEnum

from .cmd import Cmd
from .error import TenError
from .msg import Body, Msg

RESULT_NAME = "ten:result"


class StatusCode(IntEnum):
    OK = 0
    ERROR = 1


class CmdResult(Msg):
    """One answer; a command may have several, the last one is final."""

    def __init__(self, *args: object) -> None:
        # Unlike the other messages' constructors, TEN's looks at these.
        if len(args) == 1:
            raise ValueError("use CmdResult.create(status_code, target_cmd)")
        super().__init__(*args)

    @classmethod
    def create(cls, status_code: StatusCode, target_cmd: Cmd) -> CmdResult:
        target = target_cmd._body
        return cls._wrap(
            Body(
                target.name,
                status=int(StatusCode(status_code)),
                command_id=target.command_id,
            )
        )

    def get_name(self) -> str:
        """Return the same name for all results, not the command's."""
        super().get_name()  # raises once it is sent
        return RESULT_NAME

    def get_status_code(self) -> StatusCode:
        return StatusCode(self._body.status)

    def set_final(self, is_final: bool) -> TenError | None:
        """False makes it a partial answer: more will follow."""
        self._body.is_final = bool(is_final)
        return None

    def is_final(self) -> bool:
        return self._body.is_final

    def is_completed(self) -> bool:
        """True when no further answer will come from anyone."""
        return self._body.is_completed
