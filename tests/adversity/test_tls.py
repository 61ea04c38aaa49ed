# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What goes wrong below the websocket: only certificates are the user's."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import struct
import warnings
from pathlib import Path

import pytest
import trustme

from gradium_tts_python.config import Endpoint
from gradium_tts_python.core.errors import ConnectError, ErrorKind
from gradium_tts_python.wire.transport import open_websocket

from .raw_server import Answer, page, serving, upgrade

CONFIG, TRANSIENT = ErrorKind.CONFIG, ErrorKind.TRANSIENT

HANDSHAKE_FAILURE, PROTOCOL_VERSION, INTERNAL_ERROR = 40, 70, 80
UNRECOGNIZED_NAME, USER_CANCELED = 112, 90


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority of our own."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> str:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def server_tls(
    certificate: trustme.LeafCert,
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


async def failure(port: int, ca_file: str | None = None) -> ConnectError:
    """The error of a connect that must fail."""
    endpoint = Endpoint(
        f"wss://127.0.0.1:{port}/tts", {"x-api-key": "k"}, None, ca_file
    )
    with pytest.raises(ConnectError) as caught:
        await open_websocket(endpoint, 5.0)
    return caught.value


def said(error: ConnectError, port: int) -> str:
    """The reason, which is not empty, behind the place, which is right."""
    place = f"cannot connect to 127.0.0.1:{port}: "
    assert str(error).startswith(place)
    reason = str(error)[len(place) :]
    assert any(c.isalpha() for c in reason.rpartition(": ")[2])
    # Words, and no names of our libraries' classes and files.
    assert "_ssl.c" not in reason and "Error" not in reason
    return reason


# --------------------------------------------------------------- certificates

PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("unknown authority", "unable to get local issuer certificate"),
        ("another host", "IP address mismatch"),
        ("expired", "certificate has expired"),
        ("another authority", "certificate verify failed"),
    ],
)
async def test_a_certificate_that_is_not_trusted_is_for_the_user(
    fault: str, why: str, authority: trustme.CA, ca_file: str
) -> None:
    certificate = authority.issue_cert("127.0.0.1")
    trusted: str | None = ca_file
    if fault == "unknown authority":
        trusted = None
    elif fault == "another host":
        certificate = authority.issue_cert("10.1.2.3")
    elif fault == "expired":
        certificate = authority.issue_cert("127.0.0.1", not_after=PAST)
    else:
        certificate = trustme.CA().issue_cert("127.0.0.1")

    async with serving(upgrade, server_tls(certificate)) as port:
        error = await failure(port, trusted)

    assert why in said(error, port)
    assert error.kind is CONFIG


async def test_a_certificate_of_the_users_authority_is_trusted(
    authority: trustme.CA, ca_file: str
) -> None:
    tls = server_tls(authority.issue_cert("127.0.0.1"))
    async with serving(upgrade, tls) as port:
        url = f"wss://127.0.0.1:{port}/tts"
        transport = await open_websocket(Endpoint(url, {}, None, ca_file), 5.0)

        assert transport.is_open
        transport.abort()
        await transport.aclose()


# --------------------------------------------------------- all other failures


def alert(description: int) -> bytes:
    """A fatal alert, as every version of TLS understands it."""
    return struct.pack("!BHHBB", 21, 0x0303, 2, 2, description)


def saying(answer: bytes, *, is_reset: bool = False) -> Answer:
    """Answer to the first bytes with these, whatever they were."""

    async def talk(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(4096)
        writer.write(answer)
        if is_reset:
            writer.transport.abort()

    return talk


# A TLS 1.1 server's hello: version, time and randomness, no session, one
# cipher suite, no compression.
OLD_HELLO = b"\x03\x02" + bytes(32) + b"\x00" + b"\xc0\x13" + b"\x00"
OLD_SERVER = b"".join(
    (
        struct.pack("!BHH", 22, 0x0302, 4 + len(OLD_HELLO)),
        b"\x02" + len(OLD_HELLO).to_bytes(3, "big"),
        OLD_HELLO,
    )
)


@pytest.mark.parametrize(
    "answer",
    [
        saying(alert(HANDSHAKE_FAILURE)),
        saying(alert(PROTOCOL_VERSION)),
        saying(alert(INTERNAL_ERROR)),
        saying(alert(UNRECOGNIZED_NAME)),
        saying(alert(USER_CANCELED)),
        saying(b""),
        saying(b"", is_reset=True),
        saying(alert(HANDSHAKE_FAILURE)[:3]),
        saying(OLD_SERVER),
        saying(OLD_SERVER[:20]),
        saying(page("400 Bad Request", b"plain HTTP, sorry")),
        saying(page("503 Service Unavailable", b"<html>")),
        saying(b"SSH-2.0-OpenSSH_9.6\r\n"),
        saying(bytes(500)),
        saying(b"\xff" * 500),
    ],
    ids=[
        "handshake failure",
        "protocol version",
        "internal error",
        "unrecognized name",
        "user canceled",
        "end",
        "reset",
        "half an alert",
        "tls 1.1",
        "half a hello",
        "plain http",
        "plain http of a proxy",
        "ssh",
        "zeros",
        "ones",
    ],
)
async def test_a_handshake_that_fails_is_tried_again(answer: Answer) -> None:
    async with serving(answer) as port:
        error = await failure(port)

    said(error, port)
    assert (error.kind, error.code) == (TRANSIENT, "")


@pytest.mark.skipif(not ssl.HAS_TLSv1_1, reason="this OpenSSL knows no TLS 1.1")
async def test_a_server_that_speaks_old_tls_only_is_tried_again(
    authority: trustme.CA, ca_file: str
) -> None:
    tls = server_tls(authority.issue_cert("127.0.0.1"))
    # The system's policy may forbid it, and the client's must.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tls.minimum_version = ssl.TLSVersion.TLSv1
        tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")

    async with serving(upgrade, tls) as port:
        error = await failure(port, ca_file)

    said(error, port)
    assert error.kind is TRANSIENT


async def test_a_server_that_wants_a_certificate_of_ours_is_tried_again(
    authority: trustme.CA, ca_file: str
) -> None:
    """With TLS 1.3 the alert comes when the handshake is done for us."""
    tls = server_tls(authority.issue_cert("127.0.0.1"))
    tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(tls)

    async with serving(upgrade, tls) as port:
        error = await failure(port, ca_file)

    said(error, port)
    assert error.kind is TRANSIENT


async def test_an_authority_that_cannot_be_read_is_for_the_user(
    tmp_path: Path,
) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")

    error = await failure(1, str(broken))

    assert str(broken) in str(error)
    assert not str(error).endswith(": ")
    assert error.kind is CONFIG
