# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Text at the pace of a language model, in its small pieces."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

# A word, a mark, or a character of a script that has no spaces.
_WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_TOKEN = re.compile(rf"\s*(?:[{_WIDE}]|[^\W{_WIDE}]+|[^\w\s])")


def tokens_of(text: str) -> list[str]:
    """Cut a text as a language model would write it; nothing is lost but
    the space at its end."""
    return _TOKEN.findall(text)


async def written(text: str, tokens_per_s: float) -> AsyncIterator[str]:
    """Yield a text token by token, at this pace; in one piece at 0."""
    if not tokens_per_s:
        yield text
        return
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    for index, token in enumerate(tokens_of(text)):
        await asyncio.sleep(start_s + index / tokens_per_s - loop.time())
        yield token
