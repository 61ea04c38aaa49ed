# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How one waits for a slot that others hold, on a machine and in a fleet."""

from __future__ import annotations

import asyncio

from ..core.errors import ConnectError, ErrorKind

# After a refusal of the vendor's, one session at a time is tried: when one of
# ours has ended, and every so often besides; until none was refused for long.
HOLD_S, TAUGHT_S = 0.5, 10.0
LEAST_WAIT_S = 0.001
# How much more seldom the last in a line looks than the first.
MOST_PATIENT = 25.0


async def pause(ahead: int, first_s: float, left_s: float) -> None:
    """Wait until it is time to look again, or to give up.

    Args:
        ahead: how many are before oneself in the line.
        first_s: when the first in the line looks again.
        left_s: until one gives up.
    """
    next_s = first_s * min(1 + ahead / 2, MOST_PATIENT)
    await asyncio.sleep(max(LEAST_WAIT_S, min(next_s, left_s)))


def none_was_free(waited_s: float) -> ConnectError:
    """Say that the wait was in vain."""
    return ConnectError(
        f"no session of this key was free for {waited_s:.1f} s",
        ErrorKind.CAPACITY,
    )
