# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`python -m ten_host new NAME`: a text-to-speech extension to begin with.

It is complete: it speaks, with a vendor on this machine that its tests run,
and passes the scenarios of `ten_host.conformance`.
"""

from __future__ import annotations

import argparse
import importlib.util
import keyword
import re
import sys
from pathlib import Path
from typing import NoReturn

TEMPLATES = Path(__file__).parent / "templates" / "tts"
SUFFIX = ".tmpl"

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# What an extension's name ends with, and its vendor's does not.
_ENDINGS = re.compile(r"(_tts\d*|_python)+$")


class NameProblem(ValueError):
    """A name cannot be taken; one sentence says why."""


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code."""
    parser = _Parser(prog="python -m ten_host new", description=__doc__)
    parser.add_argument("name", help="of the extension, like my_tts")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="the folder to write it to (default: NAME in this folder)",
    )
    order = parser.parse_args(arguments)
    folder = order.output or Path(order.name)
    try:
        paths = write_extension(order.name, folder)
    except (NameProblem, OSError) as error:
        print(f"new: {error}", file=sys.stderr)
        return 2 if isinstance(error, NameProblem) else 1
    for path in paths:
        print(f"  {folder / path}")
    print(
        f"next: cd {folder}; pytest; pytest --pyargs ten_host.conformance",
    )
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"new: {message} (--help lists the options)", file=sys.stderr)
        sys.exit(2)


def write_extension(name: str, folder: Path) -> list[Path]:
    """Write the files of an extension; return their paths in its folder.

    Raises:
        NameProblem: it cannot be called so, or there is something already.
        OSError: the files cannot be written.
    """
    words = words_for(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NameProblem(f"{folder} is there already")
    written = []
    for template in sorted(TEMPLATES.rglob(f"*{SUFFIX}")):
        relative = template.relative_to(TEMPLATES).as_posix()
        path = Path(_filled(relative.removesuffix(SUFFIX), words))
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        text = template.read_text("utf-8")
        target.write_text(_filled(text, words), "utf-8")
        if text.startswith("#!"):
            target.chmod(0o755)
        written.append(path)
    return written


def words_for(name: str) -> dict[str, str]:
    """Return what stands in the templates, and what takes its place.

    Raises:
        NameProblem: no package can be called so.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise NameProblem(
            "a name has small letters, digits and _, and begins with a letter,"
            f" like my_tts; not {name!r}"
        )
    if name in sys.stdlib_module_names or importlib.util.find_spec(name):
        raise NameProblem(f"there is a package {name} already")
    vendor = _ENDINGS.sub("", name) or name
    return {
        "my_tts": name,
        "my-tts": name.replace("_", "-"),
        "MY_TTS": name.upper(),
        "MyTTS": "".join(map(str.capitalize, vendor.split("_"))) + "TTS",
        "my_vendor": vendor,
    }


def _filled(text: str, words: dict[str, str]) -> str:
    pattern = "|".join(map(re.escape, words))
    return re.sub(pattern, lambda found: words[found[0]], text)
