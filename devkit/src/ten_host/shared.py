# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The way to the Redis of a fleet, as its extensions go it."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import unquote, urlsplit

from .way import PATIENCE_S, WayError

# What an extension waits for a connect, and for an answer.
CALL_S = 0.05
_CALLS = 5


def secret_of(url: object) -> str:
    """Return the password in a URL; empty without one."""
    try:
        return unquote(urlsplit(str(url)).password or "")
    except ValueError:
        return ""


async def ask(url: str) -> str:
    """Connect, and write something that is gone after a second.

    Raises:
        WayError: the machines of a fleet would share nothing over it.
    """
    try:
        import redis.asyncio
        import redis.asyncio.retry
        import redis.backoff
        import redis.exceptions
    except ImportError:
        raise WayError(
            "shared_url needs a package that is missing: pip install redis"
        ) from None
    try:
        once = redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), 0)
        client = redis.asyncio.Redis.from_url(url, protocol=2, retry=once)
        async with client:
            connect_s, call_s = await asyncio.wait_for(
                _times(client), PATIENCE_S
            )
    except asyncio.TimeoutError:
        why = f"no answer within {PATIENCE_S:g} s"
    except (redis.exceptions.RedisError, OSError, ValueError) as error:
        why = str(error)
    else:
        return _told(connect_s, call_s)
    raise WayError(
        f"{why}; each machine counts its sessions alone until it answers"
    )


async def _times(client: Any) -> tuple[float, float]:
    """Measure the first call, with its connect, and the best of the next."""
    took_s = []
    for _ in range(1 + _CALLS):
        began_s = time.monotonic()
        await client.set("gradium_tts:doctor", "1", px=1000)
        took_s.append(time.monotonic() - began_s)
    return took_s[0], min(took_s[1:])


def _told(connect_s: float, call_s: float) -> str:
    told = f"answers after {call_s * 1000:.1f} ms"
    if max(connect_s - call_s, call_s) <= CALL_S:
        return told
    raise WayError(
        f"{told}, the connect takes {(connect_s - call_s) * 1000:.0f} ms, and"
        f" speech waits {CALL_S * 1000:.0f} ms for either: take one that is"
        " nearer"
    )
