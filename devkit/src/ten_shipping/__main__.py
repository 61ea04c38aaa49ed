"""`./dev package` and `./dev install-into`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from . import install
from .include import included_files
from .package import PackageError, build, prove

_NEXT = """next, in {app}:
  task install
  task run
and in {agents}:
  task tts-guarder-test EXTENSION={name} CONFIG_DIR=tests/configs"""


def main() -> int:
    """Run one command; 0 is done, 1 is not, 2 is not understood."""
    parser = argparse.ArgumentParser(prog="./dev")
    parser.add_argument("--root", type=Path, required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    package = commands.add_parser("package", help="build and prove the package")
    package.add_argument("-o", "--output", type=Path, default=Path("dist"))
    into = commands.add_parser("install-into", help="put it into a checkout")
    into.add_argument("checkout", type=Path, help="the root of a TEN checkout")
    into.add_argument("--dry-run", action="store_true", help="show a diff")
    into.add_argument("--remove", action="store_true", help="take it out again")
    order = parser.parse_args()
    try:
        return (
            _package(order) if order.command == "package" else _install(order)
        )
    except (install.InstallError, PackageError) as error:
        print(f"{order.command}: {error}", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(f"{order.command}: {error.stderr.strip()}", file=sys.stderr)
    return 1


def _package(order: argparse.Namespace) -> int:
    archive = build(order.root, order.output)
    for path in included_files(order.root):
        print(f"  {path}")
    name = archive.name.split("-")[0]
    with tempfile.TemporaryDirectory() as app:
        audio_ms = prove(archive, Path(app), name)
    print(f"{archive}: spoke {audio_ms / 1000:.2f} s in a fresh interpreter")
    return 0


def _install(order: argparse.Namespace) -> int:
    checkout = order.checkout
    plan = install.plan_remove if order.remove else install.plan_install
    changes = plan(order.root, checkout)
    if order.dry_run:
        sys.stdout.writelines(
            change.diff()
            for change in changes
            if change.path.name != install.RECORD
        )
        return 0
    install.apply(checkout, changes)
    for change in changes:
        print(f"  {change.verb:<7} {change.path}")
    if not changes:
        print("nothing to do")
    elif not order.remove:
        print(
            _NEXT.format(
                app=checkout / install.APP.parent,
                agents=checkout / "ai_agents",
                name=install.name_of(order.root),
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
