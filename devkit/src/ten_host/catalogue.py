# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The voices that can speak: the vendor's, over HTTP, or the local server's."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from urllib.parse import urlsplit

HTTP_URL = "https://api.gradium.ai"
VOICES_PATH = "/api/voices/"
_PATIENCE_S = 10.0
# All in one page; without the first, only the voices that the user made.
_QUERY = {"include_catalog": "true", "limit": "1000"}

Voice = dict[str, str]
"""`id`, `name` and `language`, which may be empty."""


class CatalogueError(Exception):
    """There is no list of voices; one sentence says why."""


async def voices_of(url: str, key: str) -> list[Voice]:
    """Return the vendor's voices.

    Args:
        url: of the vendor, without a path.

    Raises:
        CatalogueError: it does not tell them.
    """
    # An extra, which only the vendor's own list needs.
    import httpx

    try:
        async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
            response = await client.get(
                f"{url}{VOICES_PATH}",
                params=_QUERY,
                headers={"x-api-key": key},
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
    except httpx.HTTPStatusError as error:
        reason = f"HTTP {error.response.status_code}"
        if error.response.status_code in (401, 403):
            reason += ", the key is refused"
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        reason = str(error) or type(error).__name__
    raise CatalogueError(f"no list of voices from {url}: {reason}")


def local_voices() -> list[Voice]:
    """Return the voices of the local server."""
    from gradium_sim.voice_ids import CATALOGUE

    return [
        {"id": one.voice_id, "name": one.name, "language": one.language}
        for one in CATALOGUE
    ]


def http_url_of(url: str) -> str:
    """Return where the HTTP interface beside a websocket is."""
    parts = urlsplit(url)
    scheme = "https" if parts.scheme == "wss" else "http"
    return f"{scheme}://{parts.netloc.rpartition('@')[2]}"


def id_of(name: str, voices: Sequence[Voice]) -> str:
    """Return the id of a voice by its name, in upper or lower case.

    Raises:
        CatalogueError: there is none of that name.
    """
    by_name = {voice["name"].casefold(): voice for voice in voices}
    found = by_name.get(name.casefold())
    if found:
        return found["id"]
    close = get_close_matches(name.casefold(), by_name, n=1)
    hint = f"; did you mean {by_name[close[0]]['name']}?" if close else ""
    raise CatalogueError(
        f"there is no voice {name}{hint} (./dev voices lists them)"
    )
