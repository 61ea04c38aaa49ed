# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Commands: messages that are answered by a `CmdResult`."""

from __future__ import annotations

from .msg import Body, Msg, valid_name


class Cmd(Msg):
    @classmethod
    def create(cls, name: str) -> Cmd:
        return cls._wrap(Body(valid_name(name)))
