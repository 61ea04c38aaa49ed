# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Addresses of the web: their host's name is spoken, the rest is not.

Pure. `https://www.example.com/a?b=c` becomes `example.com`. Only what says
that it is an address is one: a scheme, or `www.`.
"""

from __future__ import annotations

import re
from typing import Final

# So much of the rest of an address is kept while it comes, for the marks that
# follow it.
_MOST_REST: Final = 64
# Where the address of a host's name is looked for.
_MOST_BEFORE: Final = 280
_MOST_LENGTH: Final = 2048

_END = '\\s<>"“”„«»。，、！？；（）【】「」'  # not in an address
_URL = re.compile(
    r"(?<![A-Za-z0-9_@])"
    r"(?:(?i:https?|wss?|ftp)://(?:[^\s/@<>]{0,256}@)?(?i:www\.)?"
    r"|(?i:www\.)(?=\w))"
    rf"(?P<host>\w[\w.-]{{0,253}})(?P<rest>(?::\d{{1,5}})?(?:[/?#][^{_END}]*)?)"
)
_MARKS = ".,;:!?…)]}'’*_~`"


def with_hosts(text: str) -> str:
    """Put the host's name in the place of each address.

    Args:
        text: whole words. Marks after an address stay.
    """
    if "//" not in text and "ww." not in text and "WW." not in text:
        return text
    return _URL.sub(_host_of, text)


def _host_of(url: re.Match[str]) -> str:
    host, rest = url["host"], url["rest"]
    name = host.rstrip(".-_")
    if rest:
        path = rest.rstrip(_MARKS)
        # What the address itself has opened does not stay.
        own = path.count("(") - path.count(")")
        return name + rest[len(path) :].replace(")", "", max(own, 0))
    return host if host.endswith(".") else name + host[len(name) :]


def end_of_url(text: str, host_at: int) -> int:
    """Return where an address ends whose host's name starts at a place.

    Its marks do not belong to it. The place, if there is no address.
    """
    near = (max(host_at - _MOST_BEFORE, 0), host_at + _MOST_LENGTH)
    for url in _URL.finditer(text, *near):
        if url.start("host") == host_at:
            return host_at + len(url[0][host_at - url.start() :].rstrip(_MARKS))
    return host_at


def without_long_rest(word: str) -> str:
    """Shorten an address that is still to come to its end.

    Of a rest that will not be spoken only the end is kept, so that an
    address of any length is one word.
    """
    url = _URL.match(word)
    if url is None or url.end() < len(word) or url["rest"][:1] not in "/?#":
        return word
    rest_at = url.start("rest") + 1
    return word[:rest_at] + word[rest_at:][-_MOST_REST:]
