# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where benches find their clients and servers, each in its own process."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import trustme
from partner import BenchError, Json, Partner
from peers import PEERS, python_of
from plan import Plan

HERE = Path(__file__).resolve().parent
KEY = "test-key"

ON_HOST = "extension on the host"
# By the name that tables show; what stands for it in `clients/`.
OURS = {
    "floor": "floor",
    "client": "ours",
    "extension": "extension",
    ON_HOST: "host",
}
# Between the floor and our client: what of its cost is the library's.
LIBRARY = "library"


@dataclass(frozen=True)
class Target:
    """A server, as the clients are told of it."""

    url: str
    ca_file: str
    key: str = KEY
    phrases: str = "off"
    phrases_path: str = ""

    def fields(self) -> Json:
        return asdict(self)


class Authority:
    """What makes the servers' certificate good, as files in a folder."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        self.ca_file = str(folder / "authority.pem")
        self.certificate = str(folder / "server.pem")
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        leaf = authority.issue_cert("127.0.0.1", "localhost")
        leaf.private_key_and_cert_chain_pem.write_to_path(self.certificate)

    def close(self) -> None:
        self._folder.cleanup()


class Servers:
    """The process of the servers."""

    def __init__(self, partner: Partner, ca_file: str) -> None:
        self._partner = partner
        self._ca_file = ca_file

    def sim(
        self,
        *,
        rtt_s: float = 0.0,
        is_tls: bool = False,
        synthesis_s: float = 0.0,
        speed: float | None = 3.0,
    ) -> Target:
        """Open a local Gradium server at a distance."""
        return self._open(
            open="sim",
            rtt_s=rtt_s,
            is_tls=is_tls,
            synthesis_s=synthesis_s,
            speed=speed,
        )

    def lean(
        self,
        *,
        chunk_s: float = 0.08,
        is_tls: bool = False,
        is_paced: bool = True,
    ) -> Target:
        """Open one that only pours, as fast as speech or at once."""
        return self._open(
            open="lean", chunk_s=chunk_s, is_tls=is_tls, is_paced=is_paced
        )

    def ask(self, **order: Any) -> Json:
        return self._partner.ask(order)

    def _open(self, **order: Any) -> Target:
        url = self._partner.ask(order)["url"]
        return Target(url, self._ca_file)


class Lab:
    """The clients of a run, its sizes, and the line that shows progress."""

    def __init__(
        self, plan: Plan, clients: list[str], say: Callable[[str], None]
    ) -> None:
        """Prepare a run.

        Args:
            clients: names of `OURS` and `PEERS`.
            say: told what is being done.
        """
        self.plan = plan
        self.say = say
        self.failures: list[str] = []
        self.versions: dict[str, str] = {}
        self._serving: Partner | None = None
        self._running: dict[str, Partner] = {}
        self._failed: set[str] = set()
        self._authority = Authority()
        known = OURS | {name: peer.adapter for name, peer in PEERS.items()}
        self._adapters = {name: known[name] for name in clients}

    def close(self) -> None:
        """End all processes."""
        for partner in self._running.values():
            partner.close()
        if self._serving:
            self._serving.close()
        self._running.clear()
        self._authority.close()

    @contextlib.contextmanager
    def servers(self) -> Iterator[Servers]:
        """Have servers for as long as the block; then all are closed."""
        if self._serving is None:
            run = HERE / "servers" / "run.py"
            command = [sys.executable, run, self._authority.certificate]
            self._serving = Partner("the server", command, cores=_first_core())
        yield Servers(self._serving, self._authority.ca_file)
        self._serving.ask({"close": True})

    def names(self, *, is_load: bool = False) -> list[str]:
        """Return the clients that take part in a comparison.

        Args:
            is_load: whether it is about CPU, where threads and messages of
                the kit would be taken for a cost of ours.
        """
        return [n for n in self._adapters if not (is_load and n == ON_HOST)]

    def rounds(self, names: list[str], times: int) -> Iterator[str]:
        """Give each client its turn, so many times, none twice in a row."""
        for number in range(times):
            for name in names:
                if name in self._failed:
                    continue
                self.say(f"round {number + 1} of {times}: {name}")
                yield name

    def client(self, name: str) -> Partner:
        """Return a client's process; starts it when first asked for.

        Raises:
            BenchError: it does not start.
        """
        if name not in self._running:
            self._running[name] = self._start(name)
        return self._running[name]

    def restart(self, name: str) -> Json | None:
        """Start a client afresh; returns its first words."""
        if name in self._running:
            self._running.pop(name).close()
        try:
            return self.client(name).hello
        except BenchError as error:
            self.give_up(name, error)
            return None

    def play(
        self, name: str, scenario: str, target: Target, **options: Any
    ) -> Any:
        """Put a client through a scenario; `None` where it fails.

        A client that fails is told of, and takes part no more.
        """
        try:
            order = {"scenario": scenario, "target": target.fields()}
            return self.client(name).ask(order | options)["result"]
        except BenchError as error:
            self.give_up(name, error)
            return None

    def give_up(self, name: str, error: BenchError) -> None:
        """Measure without a client from now on."""
        self.failures.append(f"{error}; the rest goes on without {name}")
        self.say(self.failures[-1])
        self._adapters.pop(name, None)
        self._failed.add(name)
        if name in self._running:
            self._running.pop(name).close()

    def _start(self, name: str) -> Partner:
        if name in self._failed:
            raise BenchError(f"{name} has failed before")
        is_peer = name in PEERS
        python = python_of(name, self.say) if is_peer else sys.executable
        adapter = (self._adapters | {LIBRARY: LIBRARY})[name]
        run = HERE / "clients" / "run.py"
        command = [python, run, adapter]
        # Libraries that take no authority of ours look there, on import.
        env = {"SSL_CERT_FILE": self._authority.ca_file}
        client = Partner(name, command, env=env, cores=_second_core())
        version, python = client.hello["version"], client.hello["python"]
        self.versions[name] = f"{version}, Python {python}"
        return client


def _first_core() -> set[int] | None:
    cores = _cores()
    return {cores[0]} if len(cores) > 1 else None


def _second_core() -> set[int] | None:
    cores = _cores()
    return {cores[1]} if len(cores) > 1 else None


def _cores() -> list[int]:
    """Return the cores that we may use."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    return sorted(os.sched_getaffinity(0))
