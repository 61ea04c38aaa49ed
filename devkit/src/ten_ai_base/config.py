# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A configuration that reads itself from an extension's properties."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TypeVar

from ten_runtime import AsyncTenEnv, TenEnv

_C = TypeVar("_C", bound="BaseConfig")


@dataclass
class BaseConfig:
    """Subclass it as a dataclass; every field is a property of its name."""

    @classmethod
    def create(cls: type[_C], ten_env: TenEnv) -> _C:
        config = cls()
        config._take(ten_env.get_property_to_json("")[0])
        return config

    @classmethod
    async def create_async(cls: type[_C], ten_env: AsyncTenEnv) -> _C:
        config = cls()
        config._take((await ten_env.get_property_to_json(""))[0])
        return config

    def _take(self, text: str) -> None:
        properties = json.loads(text or "{}")
        for field in fields(self):
            if field.name in properties:
                setattr(self, field.name, properties[field.name])
