# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The slots of a machine: files that the kernel keeps locked.

Two gates in one process exclude each other as two processes do: a lock belongs
to an open file. What a kill does is shown with real processes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from pathlib import Path

import pytest
import virtual_clock

from gradium_tts_python.core.errors import ConnectError, ErrorKind
from gradium_tts_python.fleet.file_locks import try_lock
from gradium_tts_python.fleet.hold_back import HoldBack
from gradium_tts_python.fleet.machine_slots import MachineGate, MachineSlot
from gradium_tts_python.fleet.waits import HOLD_S, TAUGHT_S

FOREVER = float("inf")


class Caller:
    """Another process, as far as the files can tell."""

    def __init__(
        self, home: Path, ticket: int, limit: int = 1, by: float = FOREVER
    ) -> None:
        gate = MachineGate(str(home), "a-key")
        self._slot = gate.slot(limit, ticket=ticket, by=by)
        self.entering = asyncio.ensure_future(self._slot.__aenter__())

    @property
    def is_in(self) -> bool:
        return self.entering.done() and not self.entering.cancelled()

    async def leave(self) -> MachineSlot:
        slot = await self.entering
        await self._slot.__aexit__(None, None, None)
        return slot


def who_is_in(callers: list[Caller]) -> list[int]:
    return [number for number, caller in enumerate(callers) if caller.is_in]


async def wait() -> None:
    """Longer than anybody pauses."""
    await asyncio.sleep(0.2)


def left_in(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.is_file())


def test_processes_share_the_slots_in_the_order_in_which_they_came(
    slots_home: Path,
) -> None:
    async def run() -> None:
        callers = []
        # The last to come has waited elsewhere before: it is the first.
        for ticket in (10, 20, 40, 50, 30):
            callers.append(Caller(slots_home, ticket, limit=2))
            await wait()
        seen = [who_is_in(callers)]
        for leaving in (0, 4, 1, 2):
            await callers[leaving].leave()
            await wait()
            seen.append(who_is_in(callers))
        await callers[3].leave()

        assert seen == [
            [0, 1],
            [0, 1, 4],
            [0, 1, 2, 4],
            [0, 1, 2, 3, 4],
            [0, 1, 2, 3, 4],
        ]

    virtual_clock.run(run())
    assert left_in(slots_home) == ["slot-0", "slot-1"]


def test_who_is_interrupted_while_waiting_leaves_nothing(
    slots_home: Path,
) -> None:
    async def run() -> None:
        callers = [Caller(slots_home, ticket) for ticket in (1, 2, 3)]
        await wait()
        callers[1].entering.cancel()
        await asyncio.wait({callers[1].entering})
        assert len(list((slots_home / "a-key" / "line").iterdir())) == 1

        await callers[0].leave()
        await wait()
        assert callers[2].is_in
        await callers[2].leave()

    virtual_clock.run(run())
    assert left_in(slots_home) == ["slot-0"]


def test_waiting_ends_when_its_time_is_over(slots_home: Path) -> None:
    async def run() -> None:
        first = Caller(slots_home, 1)
        late = Caller(slots_home, 2, by=3.0)
        await asyncio.wait({late.entering})

        assert asyncio.get_running_loop().time() == pytest.approx(3.0, abs=0.01)
        error = late.entering.exception()
        assert isinstance(error, ConnectError)
        assert error.kind is ErrorKind.CAPACITY
        assert str(error) == "no session of this key was free for 3.0 s"
        await first.leave()

    virtual_clock.run(run())
    assert left_in(slots_home) == ["slot-0"]


def test_who_does_not_wait_takes_what_is_free_and_jumps_no_line(
    slots_home: Path,
) -> None:
    async def run() -> list[bool]:
        free = Caller(slots_home, 1, limit=2, by=0.0)
        await asyncio.wait({free.entering})
        await free.leave()
        inside = Caller(slots_home, 1)
        waiting = Caller(slots_home, 2)
        await wait()
        hasty = Caller(slots_home, 3, limit=2, by=0.0)
        await asyncio.wait({hasty.entering})
        await inside.leave()
        await waiting.leave()
        return [
            free.is_in,
            isinstance(hasty.entering.exception(), ConnectError),
        ]

    assert virtual_clock.run(run()) == [True, True]


def test_without_a_limit_no_file_is_touched(slots_home: Path) -> None:
    async def run() -> None:
        callers = [Caller(slots_home, n, limit=0) for n in range(50)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(who_is_in(callers)) == 50
        for caller in callers:
            await caller.leave()

    virtual_clock.run(run())
    assert not slots_home.exists()


def test_a_refusal_has_all_processes_try_one_by_one(slots_home: Path) -> None:
    async def run() -> list[float]:
        refused = Caller(slots_home, 1, limit=0)
        (await refused.entering).refused()
        await refused.leave()
        callers = [Caller(slots_home, n, limit=0) for n in (2, 3, 4)]
        times = []
        for caller in callers:
            await caller.entering
            times.append(asyncio.get_running_loop().time())
        for caller in callers:
            await caller.leave()
        return times

    times = virtual_clock.run(run())

    assert times == [
        pytest.approx(number * HOLD_S, abs=0.05) for number in (1, 2, 3)
    ]


def test_a_session_that_ends_lets_the_next_one_try_at_once(
    slots_home: Path,
) -> None:
    async def run() -> list[float]:
        running = [Caller(slots_home, n, limit=0) for n in (1, 2)]
        refused = Caller(slots_home, 3, limit=0)
        await asyncio.sleep(1.0)
        (await refused.entering).refused()
        await refused.leave()
        waiting = [Caller(slots_home, n, limit=0) for n in (4, 5)]
        times = []
        for inside, next_one in zip(running, waiting, strict=True):
            await asyncio.sleep(0.1)
            await inside.leave()
            await next_one.entering
            times.append(asyncio.get_running_loop().time())
        for caller in waiting:
            await caller.leave()
        return times

    times = virtual_clock.run(run())

    assert times == [pytest.approx(t, abs=0.03) for t in (1.1, 1.2)]


def test_as_many_may_try_as_sessions_have_ended(slots_home: Path) -> None:
    async def run() -> list[float]:
        running = [Caller(slots_home, n, limit=0) for n in (1, 2, 3)]
        refused = Caller(slots_home, 4, limit=0)
        (await refused.entering).refused()
        await refused.leave()
        waiting = [Caller(slots_home, n, limit=0) for n in (5, 6, 7, 8)]
        await asyncio.sleep(0.1)
        for caller in running:
            await caller.leave()
        times = []
        for caller in waiting:
            await caller.entering
            times.append(asyncio.get_running_loop().time())
        for caller in waiting:
            await caller.leave()
        return times

    *ended, last = virtual_clock.run(run())

    assert max(ended) < 0.3
    assert last >= HOLD_S


def test_a_refusal_is_forgotten_after_a_while(slots_home: Path) -> None:
    async def run() -> bool:
        refused = Caller(slots_home, 1, limit=0)
        (await refused.entering).refused()
        await refused.leave()
        await asyncio.sleep(TAUGHT_S)
        callers = [Caller(slots_home, n, limit=0) for n in range(5)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        are_in = len(who_is_in(callers)) == 5
        for caller in callers:
            await caller.leave()
        return are_in

    assert virtual_clock.run(run())


def test_what_was_taught_before_a_restart_of_the_machine_is_void(
    slots_home: Path,
) -> None:
    """The clock begins anew, the files may still be there."""

    async def long_up() -> None:
        await asyncio.sleep(1e6)
        refused = Caller(slots_home, 1, limit=0)
        (await refused.entering).refused()
        await refused.leave()

    async def just_up() -> bool:
        caller = Caller(slots_home, 2, limit=0)
        await asyncio.sleep(0)
        is_in = caller.is_in
        await caller.leave()
        return is_in

    virtual_clock.run(long_up())

    assert virtual_clock.run(just_up())


def test_a_folder_of_somebody_else_is_not_used(slots_home: Path) -> None:
    slots_home.mkdir()
    slots_home.chmod(0o777)

    async def run() -> None:
        with pytest.raises(PermissionError, match="this user alone"):
            await Caller(slots_home, 1).entering

    asyncio.run(run())
    assert left_in(slots_home) == []


def test_a_link_is_no_folder_of_ones_own(
    slots_home: Path, tmp_path: Path
) -> None:
    slots_home.symlink_to(tmp_path)

    async def run() -> None:
        with pytest.raises(PermissionError):
            await Caller(slots_home, 1).entering

    asyncio.run(run())
    assert list(tmp_path.iterdir()) == []


def test_all_is_readable_by_its_owner_alone(slots_home: Path) -> None:
    async def run() -> None:
        inside, waiting = Caller(slots_home, 1), Caller(slots_home, 2)
        await wait()
        (await inside.entering).refused()
        modes = {
            stat.S_IMODE(path.stat().st_mode) & 0o077
            for path in [slots_home, *slots_home.rglob("*")]
        }
        assert modes == {0}
        await inside.leave()
        await waiting.leave()

    virtual_clock.run(run())


# ------------------------------------------------------------ real processes


def lock_and_be_killed(path: Path) -> None:
    """Fork a process that locks a file, and is killed."""
    child = os.fork()
    if not child:
        assert try_lock(str(path))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_killed_process_frees_its_slot_at_once(tmp_path: Path) -> None:
    lock_and_be_killed(tmp_path / "slot")

    lock = try_lock(str(tmp_path / "slot"))

    assert lock
    lock.release()


def test_a_killed_process_leaves_no_place_in_the_line(slots_home: Path) -> None:
    line = slots_home / "a-key" / "line"
    slots_home.mkdir(0o700)
    line.mkdir(parents=True, mode=0o700)
    lock_and_be_killed(line / f"{1:020d}-1-0")

    async def run() -> bool:
        caller = Caller(slots_home, 2)
        await asyncio.sleep(0)
        is_in = caller.is_in
        await caller.leave()
        return is_in

    assert virtual_clock.run(run())
    assert left_in(slots_home) == ["slot-0"]


def test_a_process_that_is_stopped_in_the_line_stops_nobody(
    slots_home: Path,
) -> None:
    line = slots_home / "a-key" / "line"
    line.mkdir(parents=True)
    slots_home.chmod(0o700)
    stopped = line / f"{1:020d}-1-0"
    lock = try_lock(str(stopped))
    assert lock

    async def is_let_in() -> bool:
        caller = Caller(slots_home, 2, by=0.0)
        await asyncio.wait({caller.entering})
        if is_in := caller.entering.exception() is None:
            await caller.leave()
        return is_in

    assert not virtual_clock.run(is_let_in())
    os.utime(stopped, (0.0, 0.0))
    assert virtual_clock.run(is_let_in())
    lock.release()


def test_a_forked_child_does_not_keep_what_its_parent_held(
    tmp_path: Path,
) -> None:
    """The parent is killed; the child, which has its open files, lives on."""
    path = str(tmp_path / "slot")
    told, tell = os.pipe()
    parent = os.fork()
    if not parent:
        assert try_lock(path)
        if grandchild := os.fork():
            os.write(tell, str(grandchild).encode())
            os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()
    grandchild = int(os.read(told, 20))
    os.waitpid(parent, 0)
    os.close(told)
    os.close(tell)

    locks = []
    # The child may not have run yet.
    while not locks:
        locks = [lock for lock in [try_lock(path)] if lock]

    os.kill(grandchild, signal.SIGKILL)
    assert locks
    locks[0].release()


def test_a_file_that_was_removed_is_not_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "slot"
    lost = try_lock(str(path))
    path.unlink()

    lock = try_lock(str(path))

    assert lost and lock and path.exists()
    lost.release()
    assert try_lock(str(path)) is None
    lock.release(remove=True)
    assert not path.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_what_another_user_has_put_there_holds_nobody_back(
    tmp_path: Path,
) -> None:
    record = HoldBack(str(tmp_path / "full"))
    record.refused(now=100.0)
    assert record.is_on(now=101.0)

    os.chown(tmp_path / "full", 12345, -1)

    assert not record.is_on(now=101.0)
    assert record.may_try(now=101.0)
