# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The places in a session's life where a test can hold or break it."""

from __future__ import annotations

from enum import Enum


class Point(str, Enum):
    """In the order in which a session meets them."""

    UPGRADE = "upgrade"
    """The HTTP request was read; nothing was answered."""
    OPEN = "open"
    """The upgrade was answered; the client may not have sent anything."""
    SETUP = "setup"
    """`setup` was received and not yet looked at."""
    READY = "ready"
    """`setup` was accepted; `ready` did not go out."""
    FIRST_AUDIO = "first_audio"
    """Sound is there; none went out."""
    AUDIO = "audio"
    """An audio message went out (see `Fault.after_frames`)."""
    LAST_AUDIO = "last_audio"
    """All audio went out; the last word and end_of_stream did not."""
    LAST_WORD = "last_word"
    """All audio and words went out; end_of_stream did not."""
    CLOSE = "close"
    """end_of_stream went out; the socket is about to be closed."""
