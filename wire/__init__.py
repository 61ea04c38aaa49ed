"""Sockets and waits: imports `core`, the settings and libraries, never TEN."""
