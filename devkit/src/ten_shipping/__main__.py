# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev package` and `./dev install-into`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from ten_host.program import called
from ten_host.target import (
    Target,
    TargetError,
    add_target_options,
    target_of,
)

from . import install
from .checkout import Change, apply
from .edits import InstallError
from .include import included_files
from .package import PackageError, build, prove


def main(arguments: list[str]) -> int:
    """Run one command; 0 is done, 1 is not, 2 is not understood."""
    parser = argparse.ArgumentParser(prog=called("").strip())
    parser.add_argument("--root", type=Path, default=Path())
    commands = parser.add_subparsers(dest="command", required=True)
    package = commands.add_parser("package", help="build and prove the package")
    package.add_argument("-o", "--output", type=Path, default=Path("dist"))
    add_target_options(package)
    into = commands.add_parser("install-into", help="put it into a checkout")
    into.add_argument(
        "checkout", type=Path, help="the root of a TEN checkout, or ai_agents"
    )
    into.add_argument("--dry-run", action="store_true", help="show a diff")
    into.add_argument("--remove", action="store_true", help="take it out again")
    into.add_argument(
        "--force", action="store_true", help="ours wins over what you changed"
    )
    order = parser.parse_args(arguments)
    try:
        return (
            _package(order) if order.command == "package" else _install(order)
        )
    except TargetError as error:
        print(f"{order.command}: {error}", file=sys.stderr)
        return 2
    except (InstallError, PackageError) as error:
        print(f"{order.command}: {error}", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(f"{order.command}: {error.stderr.strip()}", file=sys.stderr)
    return 1


def _package(order: argparse.Namespace) -> int:
    target = target_of(order)
    root = target.folder if target else order.root
    archive = build(root, order.output)
    for path in included_files(root):
        print(f"  {path}")
    name = archive.name.split("-")[0]
    properties = target.properties if target else None
    with tempfile.TemporaryDirectory() as app:
        audio_ms = prove(archive, Path(app), name, properties, _vendor(target))
    print(f"{archive}: spoke {audio_ms / 1000:.2f} s in a fresh interpreter")
    return 0


def _vendor(target: Target | None) -> str | None:
    """Return the vendor, for a process that runs in another folder."""
    if target is None or target.vendor is None:
        return None
    return str(Path(target.vendor).resolve())


def _install(order: argparse.Namespace) -> int:
    make_plan = install.plan_remove if order.remove else install.plan_install
    plan = make_plan(order.root, order.checkout, force=order.force)
    prefix = plan.checkout.prefix
    if order.dry_run:
        for change in plan.edited:
            sys.stdout.write(change.diff(prefix))
    else:
        apply(plan.checkout.base, plan.changes)
    folder = prefix / "agents/ten_packages/extension"
    for line in _counted(
        plan.files, folder / install.name_of(order.root), order
    ):
        print(line)
    verb = "would change" if order.dry_run else "changed"
    for change in plan.edited:
        print(f"  {verb} {prefix / change.path}")
    for note in plan.notes:
        print(f"  {note}")
    if not plan.files and not plan.edited:
        print("nothing to do")
    elif not order.dry_run and not order.remove:
        print(_next(plan, order))
    return 0


def _counted(
    changes: list[Change], folder: Path, order: argparse.Namespace
) -> list[str]:
    """Tell how many files come, change and go."""
    counts: dict[tuple[str, str], int] = {}
    for change in changes:
        if change.after is None:
            verb = ("remove", "removed")
        elif order.remove:
            verb = ("give back", "gave back")
        elif change.before is None:
            verb = ("add", "added")
        else:
            verb = ("replace", "replaced")
        counts[verb] = counts.get(verb, 0) + 1
    return [
        f"  {f'would {present}' if order.dry_run else past} {count}"
        f" file{'s' * (count != 1)} in {folder}"
        for (present, past), count in sorted(counts.items())
    ]


def _next(plan: install.Plan, order: argparse.Namespace) -> str:
    """Tell what to set, what to run and what to open."""
    agents = order.checkout / plan.checkout.prefix
    lines = [
        "next:",
        f"  set {install.VARIABLE} in {agents / '.env'}",
    ]
    for app, graph in plan.graphs.items():
        lines.append(f"  in {agents / app}: task install, then task run")
        if app.name == "voice-assistant":
            lines.append(f"  open http://localhost:3000/?graph={graph}")
        else:
            lines.append(f"  and take the graph {graph}")
    name = install.name_of(order.root)
    lines.append(
        f"  test it in {agents}: task tts-guarder-test EXTENSION={name}"
        " CONFIG_DIR=tests/configs"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
