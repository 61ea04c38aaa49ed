# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The settings by subject: imports `core` and pydantic; see `config`."""
