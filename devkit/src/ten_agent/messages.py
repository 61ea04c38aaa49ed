# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Makes and reads the graph's messages."""

from __future__ import annotations

import json
from typing import Any

from ten_runtime import AsyncTenEnv, Data, Loc

from .finish import seen


async def send(
    ten_env: AsyncTenEnv, name: str, *, to: str | None = None, **fields: Any
) -> None:
    """Send a data message; `to` names its receiver past the connections."""
    data = Data.create(name)
    data.set_property_from_json(None, json.dumps(fields))
    if to == "tts":
        seen.sent(name, fields)
    if to is not None:
        data.set_dests([Loc("", "", to)])
    await ten_env.send_data(data)


def fields_of(data: Data) -> dict[str, Any]:
    """Return the properties of a message."""
    text, _ = data.get_property_to_json(None)
    return dict(json.loads(text or "{}"))


async def properties_of(ten_env: AsyncTenEnv) -> dict[str, Any]:
    """Return the properties of the node."""
    text, _ = await ten_env.get_property_to_json("")
    return dict(json.loads(text or "{}"))
