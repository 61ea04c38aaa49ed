"""How the graph tells the main thread that the conversation is over."""

import threading

finished = threading.Event()
