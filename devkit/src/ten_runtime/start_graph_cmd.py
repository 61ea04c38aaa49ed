# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The command that asks an app for another graph; here only its shape."""

from __future__ import annotations

from .cmd import Cmd
from .error import TenError
from .msg import Body


class StartGraphCmd(Cmd):
    @classmethod
    def create(cls, name: str = "ten_start_graph") -> StartGraphCmd:
        return cls._wrap(Body(name))

    def set_predefined_graph_name(self, name: str) -> TenError | None:
        return self.set_property_string("predefined_graph_name", name)

    def set_graph_from_json(self, json_str: str) -> TenError | None:
        return self.set_property_from_json("graph", json_str)
