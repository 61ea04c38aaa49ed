# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The kit's scenarios: this extension passes them, a faulty one does not."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from authors_pytest import run_pytest

pytestmark = pytest.mark.stand_in

ROOT = Path(__file__).resolve().parent.parent
# With `=`: pytest takes a path that stands alone for one of its tests.
OURS = (
    "--ten-addon=gradium_tts_python",
    f"--ten-config={ROOT}/tests/configs",
    f"--ten-vendor={ROOT}/tests/conformance_vendor.py:local_server",
)


def conformance(
    folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run the scenarios as an author would, in a folder of no meaning."""
    shown = ("-rs", "--tb=short")
    return run_pytest(
        folder, *shown, "--pyargs", "ten_host.conformance", *arguments
    )


# tests/scenarios look at the same more closely, in every run.
@pytest.mark.thorough
def test_this_extension_passes(tmp_path: Path) -> None:
    done = conformance(tmp_path, *OURS)

    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert re.search(r"\b[1-9]\d* passed\b", last), last
    assert not re.search(r"skipped|failed|error|xfailed", last), last


FAULTY = """
import asyncio
import json

from ten_ai_base.struct import TTSTextInput
from ten_ai_base.tts2 import AsyncTTS2BaseExtension
from ten_runtime import Addon, register_addon_as_extension

class Faulty(AsyncTTS2BaseExtension):
    def vendor(self):
        return "acme"

    def synthesize_audio_sample_rate(self):
        return 16000

    async def request_tts(self, t: TTSTextInput):
        await self.send_tts_audio_start(t.request_id)
        await self.send_tts_audio_data(bytes(3200))
        if t.text_input_end:
            await self.send_tts_audio_end(t.request_id, 0, 5000)
            await self.finish_request(t.request_id)

@register_addon_as_extension("faulty_tts")
class FaultyAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(Faulty(name), context)
"""


def test_a_faulty_extension_is_told_what_it_breaks(tmp_path: Path) -> None:
    package = tmp_path / "elsewhere"
    package.mkdir()
    manifest = {"type": "extension", "name": "faulty_tts", "version": "0.1.0"}
    (package / "manifest.json").write_text(json.dumps(manifest))
    (package / "__init__.py").write_text("from . import addon\n")
    (package / "addon.py").write_text(FAULTY)
    (package / "property_dump.json").write_text("{}")

    done = conformance(
        tmp_path,
        *(f"--ten-package={package}", f"--ten-config={package}"),
        *("-k", "test_order or test_subtitles"),
    )

    assert done.returncode == 1, done.stdout + done.stderr
    text = done.stdout
    assert "AssertionError: start of turn-1 out of turn; " in text
    assert "turn-1: 5000 ms told, 0.4 s came" in text
    assert "there is no property_subtitle_alignment.json" in text
