# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the graph tells the main thread: how it went, and that it is over."""

import threading

from ten_host.seen import Seen

finished = threading.Event()
"""The agent's graph is done."""

failures: list[str] = []
"""What went wrong in it, a sentence each; the command fails then."""

seen = Seen(is_wanted=False)
"""What the TTS was sent, and what came of it, where it is to be drawn."""
