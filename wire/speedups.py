# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Faster readers of frames, where the extra `fast` is installed.

What they refuse the standard library is asked again: it says what is wrong,
and reads what only it can, such as NaN.
"""

from __future__ import annotations

import json
from typing import Any

from ..core.codec import STANDARD, Codec, decode_base64

try:
    # pylint: disable-next=import-error
    import orjson

    # pylint: disable-next=import-error
    import pybase64
except ImportError:
    FASTEST = STANDARD
else:

    def _parse_json(raw: str) -> Any:
        try:
            # Made in C, where the linter cannot look.
            return orjson.loads(raw)  # pylint: disable=no-member
        except ValueError:
            return json.loads(raw)

    def _decode_base64(encoded: str) -> bytes:
        try:
            return pybase64.b64decode(encoded, validate=True)
        except ValueError:
            return decode_base64(encoded)

    FASTEST = Codec(_parse_json, _decode_base64)
