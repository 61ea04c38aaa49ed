# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Brings an extension into TEN: as a package, or into a checkout.

Works for any extension: it reads what to ship from the manifest.
"""

from .checkout import apply as apply
from .edits import InstallError as InstallError
from .include import included_files as included_files
from .install import plan_install as plan_install
from .install import plan_remove as plan_remove
from .package import PackageError as PackageError
from .package import build as build
from .ten_files import refusals as refusals
