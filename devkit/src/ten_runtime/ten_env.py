# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The environment of synchronous extensions, add-ons and apps."""

from __future__ import annotations

from typing import Any

from ._host import property_tree as rules
from ._host.node import Stage
from ._host.node_properties import NodeProperties
from ._host.sends import SyncSends
from .error import TenError


class TenEnv(SyncSends):
    """Getters give `(value, error)`, all else gives the error or None."""

    ends_stages_on_return = False

    @property
    def _properties(self) -> NodeProperties:
        return NodeProperties(self._node)

    def get_property_int(self, path: str) -> tuple[int, TenError | None]:
        return self._properties.read(0, lambda tree: tree.get_int(path))

    def get_property_float(self, path: str) -> tuple[float, TenError | None]:
        return self._properties.read(0.0, lambda tree: tree.get_float(path))

    def get_property_bool(self, path: str) -> tuple[bool, TenError | None]:
        return self._properties.read(False, lambda tree: tree.get_bool(path))

    def get_property_string(self, path: str) -> tuple[str, TenError | None]:
        return self._properties.read("", lambda tree: tree.get_string(path))

    def get_property_to_json(
        self, path: str | None = None
    ) -> tuple[str, TenError | None]:
        return self._properties.read("", lambda tree: tree.get_json(path))

    def is_property_exist(self, path: str) -> tuple[bool, TenError | None]:
        return self._properties.read(False, lambda tree: (tree.has(path), None))

    def set_property_int(self, path: str, value: int) -> TenError | None:
        return self._properties.write(path, rules.checked_int(value))

    def set_property_float(self, path: str, value: float) -> TenError | None:
        return self._properties.write(path, rules.checked_float(value))

    def set_property_bool(self, path: str, value: bool) -> TenError | None:
        return self._properties.write(path, rules.checked_bool(value))

    def set_property_string(self, path: str, value: str) -> TenError | None:
        return self._properties.write(path, rules.checked_string(value))

    def set_property_from_json(
        self, path: str, json_str: str
    ) -> TenError | None:
        return self._properties.write_json(path, json_str)

    def init_property_from_json(self, json_str: str) -> TenError | None:
        """Takes the place of property.json; only during `on_configure`."""
        return self._properties.init(json_str)

    def on_create_instance_done(self, instance: Any, context: Any) -> None:
        """Give the runtime the extension that an add-on has made."""
        self._node.run.instance_created(self._node, instance)

    def on_configure_done(self) -> None:
        self._node.stage_done(Stage.CONFIGURE)

    def on_init_done(self) -> None:
        self._node.stage_done(Stage.INIT)

    def on_start_done(self) -> None:
        self._node.stage_done(Stage.START)

    def on_stop_done(self) -> None:
        self._node.stage_done(Stage.STOP)

    def on_deinit_done(self) -> None:
        self._node.stage_done(Stage.DEINIT)
