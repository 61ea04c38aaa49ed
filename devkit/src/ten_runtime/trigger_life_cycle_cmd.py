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
