# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The property calls of extensions, on the tree of their node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..error import TenError, TenErrorCode
from .dispatch import closed_error
from .node import Node, Stage
from .property_tree import Json, PropertyTree, copy_json, parse_json
from .schema import adjust, problem_with

_T = TypeVar("_T")


class NodeProperties:
    """Refuses everything once the node is gone."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def read(
        self,
        absent: _T,
        getter: Callable[[PropertyTree], tuple[_T, TenError | None]],
    ) -> tuple[_T, TenError | None]:
        if self._node.is_gone:
            return absent, closed_error()
        return getter(self._node.tree)

    def write(self, path: str, value: Json) -> TenError | None:
        """Set a value unless the manifest declares another type."""
        if self._node.is_gone:
            return closed_error()
        return self._replace(lambda tree: tree.put(path, value))

    def write_json(self, path: str, text: str) -> TenError | None:
        if self._node.is_gone:
            return closed_error()
        return self._replace(lambda tree: tree.put_json(path, text))

    def init(self, text: str) -> TenError | None:
        value, error = parse_json(text)
        if error is None and self._node.stage is not Stage.CONFIGURE:
            error = _generic("init_property_from_json: only in on_configure")
        if error is None and not isinstance(value, dict):
            error = _generic("init_property_from_json: an object is needed")
        if error is None:
            self._node.configured_property = PropertyTree(value)
        return error

    def _replace(
        self, change: Callable[[PropertyTree], TenError | None]
    ) -> TenError | None:
        tree = PropertyTree(copy_json(self._node.tree.root))
        error = change(tree)
        declared = {
            "type": "object",
            "properties": self._node.schema.properties,
        }
        adjust(tree.root, declared)
        problem = problem_with(tree.root, declared)
        if error is None and problem is not None:
            error = _generic(f"against the schema: {problem}")
        if error is None:
            self._node.tree = tree
        return error


def _generic(text: str) -> TenError:
    return TenError.create(TenErrorCode.ErrorCodeGeneric, text)
