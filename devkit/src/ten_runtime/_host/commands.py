# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Commands that wait for their results."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

from ..cmd_result import CmdResult, StatusCode
from ..error import TenError
from ..msg import Body
from .node import Node

OnResult = Callable[[CmdResult | None, TenError | None], None]


class PendingCommand:
    """A command on its way: who asked, and how many answers are missing."""

    def __init__(
        self,
        sender: Node,
        name: str,
        on_result: OnResult,
        receivers: int,
        wants_all: bool,
    ) -> None:
        self.command_id = uuid.uuid4().hex
        self.sender = sender
        self.name = name
        self.receivers = receivers
        self._missing = receivers
        self._on_result = on_result
        self._wants_all = wants_all

    def take(self, body: Body) -> bool:
        """Account for one result; True when the command is completed.

        Without `wants_all` the sender sees one final result: the first
        error, or else the last success; partial results are passed on only
        to senders that want all.
        """
        if body.is_final:
            self._missing -= 1
        is_error = body.status == StatusCode.ERROR
        ends_early = is_error and body.is_final and not self._wants_all
        body.is_completed = self._missing == 0 or ends_early
        if self._wants_all or body.is_completed:
            result = CmdResult._wrap(body)
            self.sender.runner.post(lambda: self._on_result(result, None))
        return body.is_completed


class CommandTable:
    """The pending commands of a run, by their id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[str, PendingCommand] = {}

    def add(self, command: PendingCommand) -> None:
        with self._lock:
            self._pending[command.command_id] = command

    def answer(self, body: Body) -> None:
        """Pass a result to the asker; one that nobody awaits is dropped."""
        with self._lock:
            command = self._pending.get(body.command_id)
            if command is not None and command.take(body):
                del self._pending[body.command_id]

    def answer_with_error(self, command_id: str, detail: str) -> None:
        """The automatic answer for a command that no handler will see."""
        with self._lock:
            command = self._pending.get(command_id)
        if command is not None:
            body = Body(command.name, status=1, command_id=command_id)
            body.tree.put("detail", detail)
            self.answer(body)

    def unanswered(self) -> list[str]:
        with self._lock:
            return [
                f"{command.name} from {command.sender.name}"
                for command in self._pending.values()
            ]
