# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What of `ten_ai_base` is not here: all that is not about text-to-speech."""

from __future__ import annotations

from ten_runtime._host.absent import MissingModules, module_getattr

from ._base_version import VERSIONS

PACKAGE = "ten_ai_base"
HAS_IT = f"{PACKAGE} {VERSIONS['0.7']}"

# The base classes of other kinds of extensions, each with its helpers.
KINDS = ("asr", "llm", "llm2", "llm_tool", "mllm", "tts")

absent = module_getattr(PACKAGE, KINDS, HAS_IT)
MissingModules(PACKAGE, KINDS, HAS_IT).install()
