# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a node asks of the graph, or the app, that it lives in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ..error import TenError
from ..msg import Body

if TYPE_CHECKING:
    from .commands import CommandTable
    from .node import Node, Stage


class NodeHost(Protocol):
    graph_id: str

    @property
    def commands(self) -> CommandTable: ...

    def post(self, action: Callable[[], None]) -> None: ...

    def stop(self, error: TenError | None = None) -> None: ...

    def stage_done(self, node: Node, stage: Stage) -> None: ...

    def callback_failed(
        self, node: Node, callback: str, error: BaseException
    ) -> None: ...

    def fail(self, text: str) -> None: ...

    def refused(
        self, node: Node, kind: str, body: Body, error: TenError
    ) -> None: ...

    def receivers(self, sender: Node, kind: str, body: Body) -> list[Node]: ...

    def instance_created(self, node: Node, instance: Any) -> None: ...
