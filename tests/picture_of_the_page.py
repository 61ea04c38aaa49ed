# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Makes the moving picture of the README, of the page as it is now.

    ./dev python tests/picture_of_the_page.py

An answer is spoken; the line is cut, and it goes on; then it is interrupted.
"""

from __future__ import annotations

import io
from pathlib import Path

from browsing import Visitor, browser, play_server
from PIL import Image

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "play.webp"
SIZE = {"width": 1180, "height": 1325}
WIDTH, QUALITY = 720, 40
FRAME_MS, LAST_MS = 420, 4000


def main() -> None:
    """Write the picture."""
    with (
        play_server("--local-voice", "espeak") as url,
        browser() as chrome,
    ):
        page = chrome.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
        frames = play(Visitor(page, url))
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(
        PICTURE,
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=0,
        quality=QUALITY,
        method=6,
    )
    print(f"{PICTURE}: {len(frames)} frames, {PICTURE.stat().st_size} bytes")


def play(visitor: Visitor) -> list[Image.Image]:
    """Let it speak, and look at it."""
    page = visitor.page
    visitor.set("#rtt", 80)
    page.select_option("#samples", index=1)
    visitor.set("#rate", 30)
    page.click("[data-name=cut]")
    page.keyboard.press("Control+Enter")
    visitor.until_state("speaking")
    frames = []
    for _ in range(12):
        frames.append(look(visitor))
        page.wait_for_timeout(FRAME_MS)
    page.click("#interrupt")
    visitor.until_state("ready")
    frames.append(look(visitor))
    page.click("#zoom-fit")
    page.wait_for_timeout(300)
    frames.append(look(visitor))
    return frames


def look(visitor: Visitor) -> Image.Image:
    """Return the page as it looks now."""
    picture = Image.open(io.BytesIO(visitor.page.screenshot())).convert("RGB")
    height = round(picture.height * WIDTH / picture.width)
    return picture.resize((WIDTH, height), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
