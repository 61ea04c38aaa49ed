# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Several ways to a socket: the first that is open is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Optional

from .transport import Transport

# A connect takes a few round trips; one that takes longer may hang for ever.
STAGGER_S = 1.0

Way = Callable[[], Coroutine[Any, Any, Optional[Transport]]]
Attempt = asyncio.Task[Optional[Transport]]


async def first_open(
    ways: Sequence[Way], abandon: Callable[[Attempt], None]
) -> Transport:
    """Go the first way, and after `STAGGER_S` the next one beside it.

    A way that leads nowhere makes room for the next at once. One that fails
    is not replaced: trying again is the business of who asked.

    Args:
        ways: each opens a socket, or returns `None` where it leads nowhere;
            the last does not.
        abandon: takes what is under way when the race is over or cancelled.

    Raises:
        ConnectError: of the first way that failed.
    """
    left = list(ways)
    attempts: list[Attempt] = []
    failure: BaseException | None = None
    try:
        while True:
            if left:
                attempts.append(_start(left.pop(0)))
            await asyncio.wait(
                attempts,
                timeout=STAGGER_S if left else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in [each for each in attempts if each.done()]:
                attempts.remove(attempt)
                if attempt.exception():
                    failure = failure or attempt.exception()
                    left.clear()
                elif transport := attempt.result():
                    return transport
            if failure and not attempts:
                raise failure
    finally:
        for attempt in attempts:
            abandon(attempt)


def _start(way: Way) -> Attempt:
    return asyncio.create_task(way(), name="gradium:connect")
