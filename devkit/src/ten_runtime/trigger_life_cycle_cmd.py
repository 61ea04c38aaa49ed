# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The command that triggers a life cycle stage; here only its shape."""

from __future__ import annotations

from .cmd import Cmd
from .error import TenError
from .msg import Body


class TriggerLifeCycleCmd(Cmd):
    @classmethod
    def create(
        cls, name: str = "ten_trigger_life_cycle"
    ) -> TriggerLifeCycleCmd:
        return cls._wrap(Body(name))

    def set_stage(self, stage: str) -> TenError | None:
        return self.set_property_string("stage", stage)
