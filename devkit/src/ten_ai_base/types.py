# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Types of other modules; only their names matter for TTS."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class LLMToolMetadataParameter(BaseModel):
    name: str
    type: str
    description: str = ""
    required: bool = False


class LLMToolMetadata(BaseModel):
    name: str
    description: str = ""
    parameters: list[LLMToolMetadataParameter] = []


class LLMToolResult(BaseModel):
    type: str = ""
    content: Any = None
