# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The pytest plugin: what a test of an extension needs, without configuration.

`plugin` has the options, hooks and fixtures; the other modules are its parts.
"""
