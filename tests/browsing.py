# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev play` in a process of its own, and a Chromium that looks at it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gradium_sim import tones

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent

# For a person to look at.
PICTURES = ROOT / "build" / "screenshots"

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
NO_CHROMIUM = (
    "no Chromium: apt-get install chromium, or name one by CHROMIUM=/path"
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A microphone that beeps, and a user who allows it.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


def chromium() -> str | None:
    """Where the browser is; `CHROMIUM` names another."""
    named = os.environ.get("CHROMIUM")
    found = (shutil.which(name) for name in ((named,) if named else NAMES))
    return next((path for path in found if path), None)


def needs_chromium() -> str:
    """The browser's path; skips the test where there is none."""
    path = chromium()
    if path is None:
        pytest.skip(NO_CHROMIUM)
    return path


@contextlib.contextmanager
def play_server(*arguments: str, **variables: str) -> Iterator[str]:
    """Run the command with tones for a voice; yields the page's address."""
    command = [str(ROOT / "dev"), "play", "--port", "0", "--no-open"]
    command += ["--local-voice", "tones", *arguments]
    env = {k: v for k, v in os.environ.items() if "API_KEY" not in k}
    # The environment that runs this test, rather than a new one.
    env["GRADIUM_DEV_VENV"] = sys.prefix
    with subprocess.Popen(
        command,
        env={**env, **variables},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[1]
        finally:
            process.terminate()
            process.wait(30)


@contextlib.contextmanager
def browser(*arguments: str) -> Iterator[Browser]:
    """Run a Chromium without a window and with an empty profile."""
    path = needs_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, headless=True, args=[*ARGUMENTS, *arguments]
        )
        try:
            yield running
        finally:
            running.close()


class Visitor:
    """Somebody with a page open."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        # What the console said of failures.
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)
        page.goto(url)
        self.until_state("ready")

    def _listen(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def until_state(self, state: str) -> None:
        """Wait until the page says that it is ready, or speaking, …"""
        self.page.wait_for_selector(f"#state[data-state={state}]")

    def speak(self, text: str, tokens_per_s: int = 0) -> None:
        """Have a text said."""
        self.set("#rate", tokens_per_s)
        self.page.fill("#text", text)
        self.page.click("#composer [type=submit]")
        self.until_state("speaking")

    def ask(self, question: str) -> None:
        """Have a question answered."""
        self.page.fill("#text", question)
        self.page.click("#ask")
        # The last thing on the page is its answer.
        self.page.wait_for_selector(
            f".user:has-text('{question}') + .answer", state="attached"
        )

    def set(self, slider: str, value: int) -> None:
        """Move a slider."""
        self.page.eval_on_selector(
            slider,
            "(one, value) => { one.value = value;"
            " one.dispatchEvent(new Event('input')); }",
            value,
        )

    def until(self, is_true: str, patience_s: float = 60.0) -> None:
        """Wait until an expression of JavaScript is true.

        Playwright's own way is to compile it in the page, whose rules forbid
        that to everybody.
        """
        deadline_s = time.monotonic() + patience_s
        while not self.page.evaluate(is_true):
            assert time.monotonic() < deadline_s, f"never true: {is_true}"
            self.page.wait_for_timeout(20)

    def until_words_heard(self, count: int) -> None:
        """Wait until so many words of the answer were heard."""
        self.until(
            "[...play.answers.values()].at(-1)?.words.filter("
            f"one => one.state === 'heard').length >= {count}"
        )

    def answer(self) -> Any:
        """The last answer, as the page has it."""
        return self.page.evaluate_handle("[...play.answers.values()].at(-1)")

    def words(self, state: str) -> list[str]:
        """The words of the last answer that look like this."""
        found = self.page.locator(".answer").last.locator(f".word.{state}")
        return [text.strip() for text in found.all_inner_texts()]

    def reached(self) -> list[dict[str, Any]]:
        """The words in the order in which they were lit.

        A busy machine draws so few pictures that a word can be over when its
        turn comes; its `state` is "heard" then, not "lit".
        """
        answer = self.answer()
        found: list[dict[str, Any]] = answer.evaluate("one => one.reached")
        return found

    def save(self, button: str) -> bytes:
        """Press a button that saves a file; returns what is in it."""
        with self.page.expect_download() as download:
            self.page.click(button)
        return Path(download.value.path()).read_bytes()

    def heard(self) -> list[tones.Heard]:
        """What was played so far, read from its samples."""
        with wave.open(io.BytesIO(self.save("#save-heard"))) as file:
            pcm = file.readframes(file.getnframes())
            return tones.listen(pcm, file.getframerate())

    def picture(self, name: str) -> None:
        """Make a picture of the whole page, to be looked at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        picture = self.page.screenshot(full_page=True)
        (PICTURES / f"{name}.png").write_bytes(picture)
