# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A TCP proxy with a distance, faults, and a log of what was on the wire.

    async with FaultProxy(sim.host, sim.port, rtt_s=0.1) as proxy:
        ...  # connect a client to proxy.url_for(sim.url)

See `proxy.FaultProxy` for what is modelled and what is not.
"""

from __future__ import annotations

from .log import Direction, Kind, Packet, WireLog
from .proxy import FaultProxy

__all__ = ["Direction", "FaultProxy", "Kind", "Packet", "WireLog"]
