# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`python -m ten_host COMMAND …`; `./dev` calls it."""

from __future__ import annotations

import importlib
import sys

# As in TEN, the extension, the tester and the host each have a thread. One that
# is busy keeps the interpreter from the next for 5 ms by default, which would
# be most of what `speak` measures.
THREAD_SWITCH_S = 0.0005

# Each in a module whose `main` takes the arguments and gives the exit code.
COMMANDS = {
    "new": ("ten_host.new", "write a text-to-speech extension to begin with"),
    "host": ("ten_host.console", "run an extension, talk to it in JSON"),
    "speak": ("ten_host.speak", "speak a text into a WAV file"),
    "agent": ("ten_agent.__main__", "talk to a voice agent"),
    "package": ("ten_shipping.__main__", "build what TEN's registry ships"),
    "voices": ("ten_host.voices", "list who can speak"),
    "doctor": ("ten_host.doctor", "find out why it does not speak"),
    "replay": ("ten_host.replay", "play a recorded trace again"),
}


def main(arguments: list[str]) -> int:
    """Run one command; return the exit code."""
    name = arguments[0] if arguments else ""
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if name not in COMMANDS:
        print(_usage(), file=sys.stderr)
        return 2
    sys.setswitchinterval(THREAD_SWITCH_S)
    module = importlib.import_module(COMMANDS[name][0])
    given = arguments if name == "package" else arguments[1:]
    code: int = module.main(given)
    return code


def _usage() -> str:
    lines = [f"  {name:8} {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        ["usage: python -m ten_host COMMAND …  (COMMAND --help)", *lines]
    )


def run() -> None:
    """Be the command `ten-host`."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
