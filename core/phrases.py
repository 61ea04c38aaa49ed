# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Speech that is said again and again, as values: its key and its bytes.

A phrase is what the vendor said in one session, message by message, so that
saying it again takes the same way to the graph as the first time.

    magic │ digest of all that follows, and of the key │ length │ JSON │ audio

The JSON lists the messages in their order; the audio is their chunks in one.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from typing import Any, Union

from .protocol import Audio, Setup, Word

Said = Union[Audio, Word]

# With another layout, or another meaning of it, nothing of before fits.
_MAGIC = b"gradium phrase 1\n"
_DIGEST_BYTES = 32
_LENGTH = struct.Struct(">I")
_HEAD_BYTES = len(_MAGIC) + _DIGEST_BYTES + _LENGTH.size
# What Python keeps of a message besides its audio, roughly.
_MESSAGE_BYTES = 200


@dataclass(frozen=True)
class Phrase:
    """What one session said, in its order and in its format.

    Attributes:
        spoken_at: when it was, in seconds of Unix time.
    """

    said: tuple[Said, ...]
    spoken_at: float

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return sum(map(size_of, self.said))

    def is_old(self, now: float, ttl_s: float) -> bool:
        """Whether it is not to be said any more; 0 is never."""
        return 0 < ttl_s < now - self.spoken_at


class DamagedPhrase(Exception):
    """These bytes are not those that were written for this key."""


def size_of(said: Said) -> int:
    """Return about how many bytes of memory a message takes."""
    sound = said.chunk if isinstance(said, Audio) else b""
    return _MESSAGE_BYTES + len(sound)


def phrase_key(url: str, setup: Setup, text: str) -> str:
    """Return the name of a phrase: 64 hexadecimal digits, which tell nothing.

    Args:
        url: of the endpoint.
        setup: what the session is opened with. How long the server may look
            for a worker is no part of the phrase.
        text: what the vendor is sent, all of it.
    """
    # `asdict` copies all that is in it, which takes longer than the rest.
    wanted = {**vars(setup), "retry_for_s": None}
    name = json.dumps([_MAGIC.decode(), url, wanted, text], sort_keys=True)
    return hashlib.sha256(name.encode()).hexdigest()


def encode_phrase(key: str, phrase: Phrase) -> bytes:
    """Return the bytes that `decode_phrase` reads with the same key."""
    entries = [_entry(said) for said in phrase.said]
    head = json.dumps([phrase.spoken_at, entries]).encode()
    audio = (said.chunk for said in phrase.said if isinstance(said, Audio))
    body = b"".join((_LENGTH.pack(len(head)), head, *audio))
    return _MAGIC + _digest(key, body) + body


def decode_phrase(key: str, blob: bytes) -> Phrase:
    """Read what was written for a key.

    Raises:
        DamagedPhrase: a bit is another one, something is missing or too
            much, or it was written for another key; nothing else is raised.
    """
    found = blob[len(_MAGIC) : len(_MAGIC) + _DIGEST_BYTES]
    body = blob[len(_MAGIC) + _DIGEST_BYTES :]
    is_whole = len(blob) >= _HEAD_BYTES and blob.startswith(_MAGIC)
    if not is_whole or found != _digest(key, body):
        raise DamagedPhrase("it is not what was written")
    try:
        return _read(body)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        # Written by somebody else, who counts otherwise.
        raise DamagedPhrase(f"it is no phrase: {error}") from None


def _digest(key: str, body: bytes) -> bytes:
    digest = hashlib.blake2b(key.encode(), digest_size=_DIGEST_BYTES)
    digest.update(body)
    return digest.digest()


def _entry(said: Said) -> list[Any]:
    what = len(said.chunk) if isinstance(said, Audio) else said.text
    return [what, said.start_s, said.stop_s]


def _read(body: bytes) -> Phrase:
    (head_bytes,) = _LENGTH.unpack_from(body)
    at = _LENGTH.size + head_bytes
    said: list[Said] = []
    spoken_at, entries = json.loads(body[_LENGTH.size : at])
    for what, start_s, stop_s in entries:
        times = float(start_s), float(stop_s)
        if isinstance(what, str):
            said.append(Word(what, *times))
            continue
        chunk = body[at : at + what]
        if len(chunk) != what:
            raise ValueError("audio is missing")
        said.append(Audio(chunk, *times))
        at += what
    if at != len(body):
        raise ValueError("there is more than its audio")
    return Phrase(tuple(said), float(spoken_at))
