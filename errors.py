"""What can go wrong with a session, with the facts and not only the words."""

from __future__ import annotations

from collections.abc import Callable

from .protocol import ErrorKind


class GradiumError(Exception):
    """A session failed.

    Attributes:
        kind: what it means for the caller.
        code: the vendor's code as text (HTTP status, close code, in-band
            code), empty where there is none.
        vendor_message: the vendor's own words, empty where there are none.
    """

    def __init__(
        self,
        message: str,
        kind: ErrorKind,
        code: str = "",
        vendor_message: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code
        self.vendor_message = vendor_message

    def masked(self, mask: Callable[[str], str]) -> GradiumError:
        """Give the same error without what `mask` takes out."""
        return type(self)(
            mask(str(self)), self.kind, self.code, mask(self.vendor_message)
        )


class ConnectError(GradiumError):
    """No socket could be opened."""


class ConnectionLost(GradiumError):
    """The socket closed or broke before the end of the stream."""


class SynthesisError(GradiumError):
    """The server refused the session, or answered nonsense."""


class StallError(GradiumError):
    """The server owed something and kept silent."""
