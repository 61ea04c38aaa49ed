# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The machinery behind the public names; nothing here is part of TEN's API."""
