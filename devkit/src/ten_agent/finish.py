# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How the graph tells the main thread that the conversation is over."""

import threading

finished = threading.Event()
"""The agent's graph is done."""

failures: list[str] = []
"""What went wrong in it, a sentence each; the command fails then."""
