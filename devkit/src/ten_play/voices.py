# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The voices of a vendor, over HTTP."""

from __future__ import annotations

import httpx

VOICES_PATH = "/api/voices/"
_PATIENCE_S = 10.0


async def voices_of(url: str, key: str) -> list[dict[str, str]]:
    """Return the voices: id, name and language each; none if it fails.

    Args:
        url: of the vendor, without a path.
    """
    async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
        response = await client.get(
            f"{url}{VOICES_PATH}", headers={"x-api-key": key}
        )
        response.raise_for_status()
        return [
            {
                "id": str(one["uid"]),
                "name": str(one["name"]),
                "language": str(one.get("language") or ""),
            }
            for one in response.json()
        ]
