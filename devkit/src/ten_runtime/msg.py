# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What all messages share: name, addresses, properties, consumption."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeVar

from ._host import property_tree as tree_rules
from ._host.absent import Complete
from ._host.property_tree import PropertyTree
from .error import TenError
from .loc import Loc

_M = TypeVar("_M", bound="Msg")


@dataclass
class Body:
    """The content that travels; a message object is a handle on it."""

    name: str
    tree: PropertyTree = field(default_factory=PropertyTree)
    source: Loc = field(default_factory=Loc)
    dests: list[Loc] = field(default_factory=list)
    buffer: bytearray | None = None
    locked: memoryview | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    command_id: str = ""
    status: int = 0
    is_final: bool = True
    is_completed: bool = False

    def copy(self) -> Body:
        buffer = None if self.buffer is None else bytearray(self.buffer)
        return replace(
            self,
            tree=self.tree.copy(),
            dests=list(self.dests),
            buffer=buffer,
            locked=None,
            numbers=dict(self.numbers),
        )


class Msg(Complete):
    """A handle on a message. A successful send leaves it an empty shell."""

    _content: Body | None

    def __init__(self, *_args: object) -> None:
        name = type(self).__name__
        raise NotImplementedError(f"use {name}.create(...)")

    @classmethod
    def _wrap(cls: type[_M], body: Body) -> _M:
        message = cls.__new__(cls)
        message._content = body
        return message

    @property
    def _body(self) -> Body:
        if self._content is None:
            raise ValueError("Msg is invalidated.")
        return self._content

    def _take(self) -> Body:
        """Hand the content over; the handle is dead afterwards."""
        body = self._body
        self._content = None
        return body

    def clone(self: _M) -> _M:
        """Return an independent message with the same content."""
        return type(self)._wrap(self._body.copy())

    # -- name and addresses ------------------------------------------------

    def get_name(self) -> str:
        return self._body.name

    def set_name(self, name: str) -> None:
        """Any text will do; TEN does not ask for an identifier here."""
        self._body.name = valid_name(name)

    def get_source(self) -> Loc:
        return replace(self._body.source)

    def set_dests(self, dests: list[Loc]) -> TenError | None:
        """Send to these extensions, whatever the graph's connections say."""
        self._body.dests = [replace(loc) for loc in dests]
        return None

    # -- properties --------------------------------------------------------

    def get_property_int(self, path: str) -> tuple[int, TenError | None]:
        return self._tree(path).get_int(path)

    def get_property_float(self, path: str) -> tuple[float, TenError | None]:
        return self._tree(path).get_float(path)

    def get_property_bool(self, path: str) -> tuple[bool, TenError | None]:
        return self._tree(path).get_bool(path)

    def get_property_string(self, path: str) -> tuple[str, TenError | None]:
        return self._tree(path).get_string(path)

    def get_property_buf(self, path: str) -> tuple[bytearray, TenError | None]:
        return self._tree(path).get_buf(path)

    def get_property_to_json(
        self, path: str | None = None
    ) -> tuple[str, TenError | None]:
        return self._tree(path).get_json(path)

    def set_property_int(self, path: str, value: int) -> TenError | None:
        return self._tree(path).put(path, tree_rules.checked_int(value))

    def set_property_float(self, path: str, value: float) -> TenError | None:
        return self._tree(path).put(path, tree_rules.checked_float(value))

    def set_property_bool(self, path: str, value: bool) -> TenError | None:
        return self._tree(path).put(path, tree_rules.checked_bool(value))

    def set_property_string(self, path: str, value: str) -> TenError | None:
        return self._tree(path).put(path, tree_rules.checked_string(value))

    def set_property_buf(self, path: str, value: bytes) -> TenError | None:
        return self._tree(path).put(path, tree_rules.checked_buf(value))

    def set_property_from_json(
        self, path: str | None, json_str: str
    ) -> TenError | None:
        """With the root as path the whole user tree is replaced."""
        return self._tree(path).put_json(path, json_str)

    def _tree(self, path: str | None) -> PropertyTree:
        body = self._body
        if path is not None and not isinstance(path, str):
            raise TypeError(f"path must be str, not {type(path).__name__}")
        body.tree.reserved["name"] = body.name
        return body.tree


def valid_name(name: str) -> str:
    """Raises ValueError when `name` is not a text."""
    if not isinstance(name, str):
        raise ValueError(f"invalid message name: {name!r}")
    return name
