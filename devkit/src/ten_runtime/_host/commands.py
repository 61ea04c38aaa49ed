# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Commands that wait for their results."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable

from ..cmd_result import CmdResult, StatusCode
from ..error import TenError
from ..msg import Body
from .runners import Runner

OnResult = Callable[[CmdResult | None, TenError | None], None]


class PendingCommand:
    """A command on its way.

    Args:
        name: the command's.
        asker: the name of the node that sent it.
        runner: where that node's callbacks run.
        on_result: called there with each result.
        receivers: the names of the nodes that will answer.
        wants_all: whether the asker wants partial results, too.
    """

    def __init__(
        self,
        name: str,
        asker: str,
        runner: Runner,
        on_result: OnResult,
        receivers: list[str],
        wants_all: bool,
    ) -> None:
        self.command_id = uuid.uuid4().hex
        self.name = name
        self.asker = asker
        self._runner = runner
        self.receivers = receivers
        self.since_s = time.monotonic()
        self._missing = len(receivers)
        self._on_result = on_result
        self._wants_all = wants_all

    def take(self, body: Body) -> bool:
        """Account for one result; return whether the command is completed.

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
            self._runner.post(lambda: self._on_result(result, None))
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
        """Pass a result to the asker; drop it when the command is completed."""
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

    def pending(self) -> list[PendingCommand]:
        """Return the commands that have not got all their results."""
        with self._lock:
            return list(self._pending.values())
