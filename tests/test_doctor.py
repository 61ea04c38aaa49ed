# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev doctor`: what is well, and one sentence for what is not."""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from fake_redis import FAULTS, fake_redis

from gradium_sim import SimThread
from gradium_tts_python.fleet.redis_link import CALL_S
from ten_host import shared
from ten_host.doctor import ADDON, main
from ten_host.property_file import PropertyFileError, settings_in
from ten_host.way import Way, WayError
from ten_play.remote_line import Tunnel

SECRET = "gsk_never_show_this_0123456789"


def doctor(folder: Path, *arguments: str) -> tuple[int, dict[str, str], str]:
    """Exit code, what is said of each part, and stderr."""
    env = {k: v for k, v in os.environ.items() if "PROXY" not in k.upper()}
    env.pop("GRADIUM_API_KEY", None)
    env["THE_KEY"] = SECRET
    done = subprocess.run(
        [sys.executable, "-m", "ten_host", "doctor", *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert SECRET not in done.stdout + done.stderr
    parts = re.findall(r"^(ok|FAIL) +(\w+(?: \w+)?)  +(.*)$", done.stdout, re.M)
    told = {part: f"{mark}: {text}" for mark, part, text in parts}
    return done.returncode, told, done.stderr


def settings(folder: Path, **params: Any) -> str:
    """A property.json with the key of the environment."""
    params = {"api_key": "${env:THE_KEY}", **params}
    (folder / "property.json").write_text(json.dumps({"params": params}))
    return "property.json"


def test_all_is_well_where_the_server_speaks(tmp_path: Path) -> None:
    with SimThread(voice="tones", api_keys=(SECRET,)) as sim:
        code, told, err = doctor(tmp_path, settings(tmp_path, url=sim.url))

    assert (code, err) == (0, "")
    assert list(told) == [
        "key",
        "DNS",
        "proxy",
        "round trip",
        "TLS",
        "settings",
        "session",
        "versions",
    ]
    assert {text.split(":")[0] for text in told.values()} == {"ok"}
    assert re.search(r"TTFB \d+ ms, \d\.\d\d s of audio", told["session"])
    assert "websockets" in told["versions"]


@pytest.mark.thorough
def test_a_key_that_is_refused_is_told_with_the_session(
    tmp_path: Path,
) -> None:
    with SimThread(voice="tones", api_keys=("another",)) as sim:
        code, told, _ = doctor(tmp_path, settings(tmp_path, url=sim.url))

    assert code == 1
    bad = {part for part, text in told.items() if text.startswith("FAIL")}
    assert bad == {"session"}
    assert "key" in told["session"]


@pytest.mark.thorough
def test_misspelt_settings_are_told_with_what_may_be_meant(
    tmp_path: Path,
) -> None:
    with SimThread(voice="tones", api_keys=(SECRET,)) as sim:
        wrong = settings(tmp_path, url=sim.url, sped=1.2)
        code, told, _ = doctor(tmp_path, wrong)

    assert code == 1
    assert told["settings"].startswith("FAIL: params.sped is unknown here")
    assert told["settings"].endswith("did you mean params.speed?")
    assert told["session"].startswith("ok")


@pytest.mark.thorough
def test_a_setting_that_is_refused_leaves_nothing_to_try(
    tmp_path: Path,
) -> None:
    wrong = settings(tmp_path, url="ws://127.0.0.1:1/", speed=9)
    code, told, _ = doctor(tmp_path, wrong)

    assert code == 1
    assert told["settings"].startswith("FAIL: params.speed must be")
    assert "session" not in told


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot read property.json: No such file"),
        ("{", "property.json is no JSON"),
        ("[]", "property.json is no property"),
        ('{"params": 3}', "property.json is no property"),
    ],
)
def test_what_is_no_property_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    # It sets this where it is not set.
    monkeypatch.setenv("TEN_HOST_LOG", "off")
    if content is not None:
        Path("property.json").write_text(content)

    code = main(["property.json"])

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert says in err and err.count("\n") == 1


NODE = {"addon": ADDON, "property": {"params": {"api_key": "${env:THE_KEY}"}}}


@pytest.mark.parametrize(
    "tree",
    [
        NODE["property"],
        {"ten": {"predefined_graphs": [{"graph": {"nodes": [{}, NODE]}}]}},
    ],
)
def test_settings_are_found_in_an_extension_and_in_an_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: Any
) -> None:
    monkeypatch.setenv("THE_KEY", 'quoted"')
    path = tmp_path / "property.json"
    path.write_text(json.dumps(tree))

    assert settings_in(path, ADDON) == {"params": {"api_key": 'quoted"'}}
    with pytest.raises(PropertyFileError, match="has another"):
        path.write_text('{"ten": {}}')
        settings_in(path, "another")


@asynccontextmanager
async def tls_server(authority: trustme.CA) -> AsyncIterator[int]:
    """A server that encrypts and says nothing; yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    async def listen(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_certificate_is_met_with_and_without_a_proxy(
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    async with tls_server(authority) as port, Tunnel() as tunnel:
        url = f"wss://localhost:{port}/"
        proxy = f"http://127.0.0.1:{tunnel.port}"
        known = Way("localhost", port, True, "", str(trusted))
        told = [
            await known.encrypt(),
            await Way.to(url, proxy, str(trusted)).encrypt(),
        ]
        with pytest.raises(WayError, match="is not trusted"):
            await Way("localhost", port, True).encrypt()
        with pytest.raises(WayError, match="ca_file .* name another"):
            await Way("localhost", port, True, "", "nowhere.pem").encrypt()

    assert all("trusted until" in one for one in told)


async def test_a_proxy_that_lets_nobody_through_says_so() -> None:
    async with Tunnel() as tunnel:
        proxy = f"http://user:{SECRET}@127.0.0.1:{tunnel.port}"
        way = Way.to("wss://127.0.0.1:1/", proxy, None)
        with pytest.raises(WayError, match="does not let through .*502"):
            await way.encrypt()

    assert SECRET not in way.told_proxy()


async def test_who_does_not_answer_is_told() -> None:
    way = Way("127.0.0.1", 1, False)

    with pytest.raises(WayError, match="nobody answers at 127.0.0.1:1"):
        await way.round_trip()
    with pytest.raises(WayError, match="has no address here"):
        await Way("no-such-host.invalid", 1, False).resolve()


# ------------------------------------------------------- the Redis of a fleet


async def test_a_redis_that_is_near_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert shared.CALL_S == CALL_S
    # A busy machine is not near to itself.
    monkeypatch.setattr(shared, "CALL_S", 60.0)
    async with fake_redis() as server:
        told = await shared.ask(server.url)

    assert re.fullmatch(r"answers after \d+\.\d ms", told)
    assert {command[0] for command in server.commands} == {b"SET"}


async def test_a_redis_that_is_too_far_away_is_told() -> None:
    async with fake_redis() as server:
        server.delay_s = 0.06
        with pytest.raises(WayError, match="speech waits 50 ms .* nearer"):
            await shared.ask(server.url)


@pytest.mark.parametrize("name", FAULTS)
async def test_what_is_the_matter_with_a_redis_is_one_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "no answer":
        monkeypatch.setattr(shared, "PATIENCE_S", 0.05)
    async with fake_redis() as server:
        FAULTS[name](server)
        url = server.url.replace("//", f"//:{SECRET}@")
        with pytest.raises(WayError) as told:
            await shared.ask(url)

    assert str(told.value).endswith(
        "counts its sessions alone until it answers"
    )
    assert SECRET not in str(told.value)
    assert shared.secret_of(url) == SECRET


async def test_a_redis_that_is_not_there_is_told() -> None:
    with pytest.raises(WayError, match="127.0.0.1:1"):
        await shared.ask(f"redis://:{SECRET}@127.0.0.1:1/0")
    with pytest.raises(WayError, match="alone"):
        await shared.ask("http://127.0.0.1:1/0")


@pytest.mark.thorough
def test_the_doctor_looks_at_the_redis_of_the_settings(tmp_path: Path) -> None:
    url = f"redis://:{SECRET}@127.0.0.1:1/0"
    with SimThread(voice="tones", api_keys=(SECRET,)) as sim:
        own = settings(tmp_path, url=sim.url, shared_url=url)
        code, told, _ = doctor(tmp_path, own)

    bad = {part for part, text in told.items() if text.startswith("FAIL")}
    assert (code, bad) == (1, {"Redis"})
