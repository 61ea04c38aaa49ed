# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Options of one asynchronous send."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class SendOptions:
    """With `wait_for_result` a send reports refusals, not only closing."""

    wait_for_result: bool = False


DefaultSendOptions = SendOptions()
