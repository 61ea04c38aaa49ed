# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The TEN extension package `gradium_tts_python`."""

from . import addon as addon
