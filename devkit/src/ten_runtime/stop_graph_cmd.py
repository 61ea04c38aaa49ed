# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The command that ends a graph; here only its shape."""

from __future__ import annotations

from .cmd import Cmd
from .error import TenError
from .msg import Body


class StopGraphCmd(Cmd):
    @classmethod
    def create(cls, name: str = "ten_stop_graph") -> StopGraphCmd:
        return cls._wrap(Body(name))

    def set_graph_id(self, graph_id: str) -> TenError | None:
        return self.set_property_string("graph_id", graph_id)
