# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Takes a message from its sender to its receivers, on the sender's thread."""

from __future__ import annotations

from dataclasses import dataclass

from ..cmd import Cmd
from ..cmd_result import CmdResult
from ..error import TenError, TenErrorCode
from ..loc import Loc
from ..msg import Body, Msg
from ..start_graph_cmd import StartGraphCmd
from ..stop_graph_cmd import StopGraphCmd
from ..trigger_life_cycle_cmd import TriggerLifeCycleCmd
from . import log_sinks
from .absent import CannotBeSent
from .commands import OnResult, PendingCommand
from .node import Node, NodeHost, kind_of_message
from .schema import adjust, problem_with

APP_URI = "localhost"
FOR_THE_APP = (StartGraphCmd, StopGraphCmd, TriggerLifeCycleCmd)


@dataclass
class Refusal(Exception):
    """A message that does not reach anybody."""

    error: TenError


def closed_error() -> TenError:
    code = TenErrorCode.ErrorCodeTenIsClosed
    return TenError.create(code, "the environment is closed")


def send(sender: Node, message: Msg, is_strict: bool) -> TenError | None:
    """Hand a data message or a frame over; never suspends.

    Args:
        is_strict: the caller wants refusals as an error, and then keeps the
            message. Otherwise a refused message is consumed and logged.
    """
    kind = kind_of_message(message)[0]
    if error := _unsendable(sender, message):
        return error
    try:
        receivers = _receivers(sender, kind, message._body)
    except Refusal as refusal:
        if is_strict:
            return refusal.error
        body = message._take()
        sender.run.refused(sender, kind, body, refusal.error)
        return None
    _hand_over(sender, kind, type(message), message._take(), receivers)
    return None


def send_command(
    sender: Node, command: Cmd, on_result: OnResult, wants_all: bool
) -> TenError | None:
    """Hand a command over; its results come to `on_result` later.

    `on_result` is called where the sender's callbacks run.

    Raises:
        CannotBeSent: TEN's app would answer it, and there is none here.
    """
    if isinstance(command, FOR_THE_APP):
        problem = CannotBeSent(type(command).__name__)
        # The caller may catch whatever a send raises, and wait on.
        sender.run.fail(f"{sender.name}: {problem}")
        raise problem
    if error := _unsendable(sender, command):
        return error
    try:
        receivers = _receivers(sender, "cmd", command._body)
    except Refusal as refusal:
        return refusal.error
    body = command._take()
    pending = PendingCommand(
        body.name,
        sender.name,
        sender.runner,
        on_result,
        [receiver.name for receiver in receivers],
        wants_all,
    )
    body.command_id = pending.command_id
    sender.run.commands.add(pending)
    _hand_over(sender, "cmd", type(command), body, receivers)
    return None


def return_result(sender: Node, result: CmdResult) -> TenError | None:
    """Send the answer to a command back to its asker."""
    if error := _unsendable(sender, result):
        return error
    body = result._take()
    body.source = _loc(sender.run, sender)
    declaration = sender.schema.results["cmd_in"].get(body.name)
    if declaration is not None:
        adjust(body.tree.root, declaration)
        if problem := problem_with(body.tree.root, declaration):
            error = _schema_error(problem)
            sender.run.refused(sender, "result", body, error)
            sender.run.commands.answer_with_error(body.command_id, problem)
            return None
    sender.run.commands.answer(body)
    return None


def _unsendable(sender: Node, message: Msg) -> TenError | None:
    body = message._body
    if sender.is_gone:
        return closed_error()
    if body.locked is not None:
        code = TenErrorCode.ErrorCodeGeneric
        text = f"{body.name} of {sender.name} is sent with its buffer locked"
        sender.run.fail(f"{text} (TEN aborts the process)")
        return TenError.create(code, text)
    return None


def _receivers(sender: Node, kind: str, body: Body) -> list[Node]:
    """Return where it goes; raise Refusal where TEN refuses it."""
    declaration = sender.schema.messages[f"{kind}_out"].get(body.name)
    if declaration is not None:
        adjust(body.tree.root, declaration)
        if problem := problem_with(body.tree.root, declaration):
            raise Refusal(_schema_error(problem))
    receivers = sender.run.receivers(sender, kind, body)
    if not receivers:
        code = TenErrorCode.ErrorCodeMsgNotConnected
        text = f"{kind} {body.name} of {sender.name} is not connected"
        raise Refusal(TenError.create(code, text))
    return receivers


def _hand_over(
    sender: Node,
    kind: str,
    message_type: type[Msg],
    body: Body,
    receivers: list[Node],
) -> None:
    body.source = _loc(sender.run, sender)
    last = len(receivers) - 1
    for index, receiver in enumerate(receivers):
        own = body if index == last else body.copy()
        # A received message can be sent on, and then follows the graph.
        own.dests = []
        if problem := _incoming_problem(receiver, kind, own):
            sender.run.refused(receiver, kind, own, _schema_error(problem))
            sender.run.commands.answer_with_error(own.command_id, problem)
        elif not receiver.deliver(message_type._wrap(own)):
            detail = f"{receiver.name} has ended"
            log_sinks.absent(sender.name, kind, own.name, receiver.name)
            sender.run.commands.answer_with_error(own.command_id, detail)


def _incoming_problem(receiver: Node, kind: str, body: Body) -> str | None:
    declaration = receiver.schema.messages[f"{kind}_in"].get(body.name)
    if declaration is None:
        return None
    adjust(body.tree.root, declaration)
    return problem_with(body.tree.root, declaration)


def _schema_error(problem: str) -> TenError:
    code = TenErrorCode.ErrorCodeGeneric
    return TenError.create(code, f"against the schema: {problem}")


def _loc(run: NodeHost, node: Node) -> Loc:
    return Loc(APP_URI, run.graph_id, node.name)
