# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Address of an extension."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Loc:
    """Where a message comes from or goes to; `None` means unspecified."""

    app_uri: str | None = None
    graph_id: str | None = None
    extension_name: str | None = None
