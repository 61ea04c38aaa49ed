# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The vendor of the kit's conformance scenarios: `--ten-vendor` names it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from gradium_sim import SimThread

KEY = "conformance-key"
# A multiple of real time: something is left to interrupt, and nobody waits.
SPEED = 20.0


@contextlib.contextmanager
def local_server() -> Iterator[Mapping[str, str]]:
    """Run the local server, and tell where tests/configs look for it."""
    with SimThread(voice="tones", api_keys=(KEY,), speed=SPEED) as sim:
        yield {"GRADIUM_TTS_URL": sim.url, "GRADIUM_API_KEY": KEY}
