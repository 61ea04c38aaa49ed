# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The environment of asynchronous extensions."""

from __future__ import annotations

from ._host import property_tree as rules
from ._host.node_properties import NodeProperties
from ._host.sends import AsyncSends
from .error import TenError


class AsyncTenEnv(AsyncSends):
    """As `TenEnv`, with coroutines; none of the property calls suspends."""

    @property
    def _properties(self) -> NodeProperties:
        return NodeProperties(self._node)

    async def get_property_int(self, path: str) -> tuple[int, TenError | None]:
        return self._properties.read(0, lambda tree: tree.get_int(path))

    async def get_property_float(
        self, path: str
    ) -> tuple[float, TenError | None]:
        return self._properties.read(0.0, lambda tree: tree.get_float(path))

    async def get_property_bool(
        self, path: str
    ) -> tuple[bool, TenError | None]:
        return self._properties.read(False, lambda tree: tree.get_bool(path))

    async def get_property_string(
        self, path: str
    ) -> tuple[str, TenError | None]:
        return self._properties.read("", lambda tree: tree.get_string(path))

    async def get_property_to_json(
        self, path: str | None = None
    ) -> tuple[str, TenError | None]:
        return self._properties.read("", lambda tree: tree.get_json(path))

    async def is_property_exist(
        self, path: str
    ) -> tuple[bool, TenError | None]:
        return self._properties.read(False, lambda tree: (tree.has(path), None))

    async def set_property_int(self, path: str, value: int) -> TenError | None:
        return self._properties.write(path, rules.checked_int(value))

    async def set_property_float(
        self, path: str, value: float
    ) -> TenError | None:
        return self._properties.write(path, rules.checked_float(value))

    async def set_property_bool(
        self, path: str, value: bool
    ) -> TenError | None:
        return self._properties.write(path, rules.checked_bool(value))

    async def set_property_string(
        self, path: str, value: str
    ) -> TenError | None:
        return self._properties.write(path, rules.checked_string(value))

    async def set_property_from_json(
        self, path: str, json_str: str
    ) -> TenError | None:
        return self._properties.write_json(path, json_str)

    async def init_property_from_json(self, json_str: str) -> TenError | None:
        """Takes the place of property.json; only during `on_configure`."""
        return self._properties.init(json_str)
