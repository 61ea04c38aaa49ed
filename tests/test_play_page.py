# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The page of `./dev play`, in a browser that plays it."""

from __future__ import annotations

import json
import struct
import sys
import wave
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import Visitor, browser, play_server
from heard import WORDS
from language_model import language_model

from gradium_sim import tones

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.stand_in,
    pytest.mark.skipif(
        not Path(sys.prefix, ".installed-play").exists(),
        reason="this Python was not set up by ./dev",
    ),
]

EIGHT = " ".join(WORDS[:8])
TWELVE = " ".join(WORDS[:12])
FORTY = " ".join(WORDS[:40])

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    spoken = tmp_path_factory.mktemp("microphone") / "spoken.wav"
    with wave.open(str(spoken), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        for word in WORDS[:8]:
            file.writeframes(tones.encode(word, 48000).tobytes())
        file.writeframes(bytes(2 * 48000))
    with browser(f"--use-file-for-fake-audio-capture={spoken}") as running:
        yield running


@pytest.fixture(scope="module")
def url(chrome: Browser) -> Iterator[str]:
    with play_server() as address:
        yield address


@pytest.fixture
def visit(chrome: Browser, url: str) -> Iterator[Visit]:
    """Opens pages; none of them may have complained in the end."""
    visitors = []
    contexts = []

    def begin(width: int = 1380, **options: Any) -> Visitor:
        size = {"width": width, "height": 1200}
        context = chrome.new_context(viewport=size, **options)  # type: ignore[arg-type]
        contexts.append(context)
        visitors.append(Visitor(context.new_page(), url))
        return visitors[-1]

    yield begin
    for context in contexts:
        context.close()
    assert [v.complaints for v in visitors] == [[] for _ in visitors]


@pytest.mark.thorough
def test_words_are_lit_in_order_while_they_are_heard(visit: Visit) -> None:
    visitor = visit()
    visitor.speak(EIGHT)
    visitor.until_state("ready")

    heard = visitor.heard()
    assert [str(word) for word in heard] == WORDS[:8]
    reached = visitor.reached()
    assert [word["text"] for word in reached] == WORDS[:8]
    assert "lit" in {word["state"] for word in reached}
    for word, there in zip(reached, heard, strict=True):
        # Where the sound was when the word was lit.
        assert word["start_s"] <= word["position_s"]
        is_over = word["position_s"] >= word["stop_s"]
        assert is_over == (word["state"] == "heard")
        assert word["start_s"] == pytest.approx(there.start_s, abs=0.02)
    assert visitor.words("heard") == WORDS[:8]


def test_the_space_bar_cuts_words_that_are_being_lit(visit: Visit) -> None:
    visitor = visit()
    visitor.speak(FORTY)
    visitor.until_words_heard(5)
    visitor.page.click("#trouble-title")
    visitor.page.keyboard.press(" ")
    visitor.until_state("ready")

    *whole, last = [str(word) for word in visitor.heard()]
    heard, cut = visitor.words("heard"), visitor.words("cut")
    assert heard + cut == WORDS[:40]
    lit = [word["text"] for word in visitor.reached()]
    assert lit == WORDS[: len(lit)] and len(lit) >= len(heard) >= 5
    # The one that was cut in its middle was not heard.
    assert heard in (whole, [*whole, last])
    assert "ms" in visitor.page.inner_text("#figure-silent")
    assert " ".join(cut) in visitor.page.inner_text(".answer .verdict")


# Cuts an answer before each of its blocks; the worklet runs on no clock here.
CUTS = """async ([samples, words]) => {
  globalThis.sampleRate = 24000;
  globalThis.AudioWorkletProcessor = class {
    port = { told: [], postMessage(message) { this.told.push(message); } };
  };
  globalThis.registerProcessor = (_, kind) => { globalThis.Speaker = kind; };
  await import("/static/speaker-worklet.js");
  const { Answer } = await import("/static/answer.js");
  const cutBefore = (block) => {
    const speaker = new Speaker();
    const say = (data) => speaker.port.onmessage({ data });
    const { told } = speaker.port;
    const end = () => told.findIndex((one) => one.type === "cut");
    say({ type: "push", number: 1, samples: Int16Array.from(samples) });
    for (let count = 0; end() < 0; count++) {
      globalThis.currentTime = (count * 128) / sampleRate;
      if (count === block) say({ type: "cut", number: 1 });
      speaker.process([], [[new Float32Array(128)]]);
    }
    const answer = new Answer(1, "", document.createElement("p"));
    answer.write(words.map((word) => word.text).join(" "));
    answer.take(words);
    const { heard } = answer.finish(told[end()].played_s, true);
    const before = told.slice(0, end());
    const chunks = before.filter((one) => one.type === "heard");
    return [heard, chunks.flatMap((one) => [...one.samples])];
  };
  const blocks = Math.ceil(samples.length / 128);
  return Array.from({ length: blocks }, (_, block) => cutBefore(block));
}"""


def test_a_word_counts_as_heard_where_its_end_was_played(visit: Visit) -> None:
    rate_hz = 24000
    samples: list[int] = []
    words = []
    for text in ("so", "on"):
        start_s = len(samples) / rate_hz
        stop_s = start_s + tones.symbols_s(text)
        words.append({"text": text, "start_s": start_s, "stop_s": stop_s})
        samples += tones.encode(text, rate_hz).tolist()
        samples += [0] * round(tones.GAP_S * rate_hz)

    cuts = visit().page.evaluate(CUTS, [samples, words])

    for block, (heard, captured) in enumerate(cuts):
        pcm = struct.pack(f"<{len(captured)}h", *captured)
        played = [str(word) for word in tones.listen(pcm, rate_hz)]
        # A last word whose end was fading is not said to be heard.
        assert heard.split() in (played, played[:-1]), block


# What is told of words reaches the page only with the end of the answer.
LATE_WORDS = """() => {
  const { link } = play;
  const pass = link.dispatchEvent.bind(link);
  const held = [];
  link.dispatchEvent = (event) => {
    if (event.type === "words") return held.push(event);
    if (event.type === "end") held.forEach(pass);
    return pass(event);
  };
}"""


@pytest.mark.thorough
def test_words_count_as_heard_that_are_told_after_the_cut(
    visit: Visit,
) -> None:
    visitor = visit()
    visitor.speak(FORTY)
    visitor.until_words_heard(2)
    visitor.page.evaluate(LATE_WORDS)
    visitor.until("play.player.position_s(1) > 1.5")
    visitor.page.click("#interrupt")
    visitor.until_state("ready")

    *whole, last = [str(word) for word in visitor.heard()]
    assert visitor.words("heard") in (whole, [*whole, last])


@pytest.mark.thorough
def test_the_button_interrupts_as_well(visit: Visit) -> None:
    visitor = visit()
    visitor.speak(FORTY)
    visitor.until_words_heard(5)
    visitor.page.click("#interrupt")
    visitor.until_state("ready")

    assert visitor.words("heard") + visitor.words("cut") == WORDS[:40]
    assert len(visitor.words("cut")) > 10
    assert visitor.page.is_disabled("#interrupt")


@pytest.mark.thorough
def test_a_voice_at_the_microphone_interrupts(visit: Visit) -> None:
    visitor = visit()
    visitor.speak(FORTY)
    visitor.until_words_heard(3)
    visitor.page.click("#microphone")
    visitor.until_state("ready")

    assert visitor.words("cut")
    visitor.page.click("#microphone")
    assert visitor.page.get_attribute("#microphone", "aria-pressed") == "false"


@pytest.mark.thorough
@pytest.mark.parametrize(
    "trouble",
    (
        "cut",
        "half_open",
        "restart",
        "capacity",
        "http_503",
        "end_early",
        "stall",
    ),
)
def test_every_word_is_heard_whatever_breaks(
    visit: Visit, trouble: str
) -> None:
    visitor = visit()
    visitor.page.click(f"[data-name={trouble}]")
    visitor.speak(" ".join(WORDS))
    visitor.page.wait_for_selector(f"[data-name={trouble}][data-when=now]")
    visitor.until_state("ready")
    visitor.page.click("#zoom-fit")
    visitor.picture(f"trouble-{trouble}")

    whole = [word.text for word in visitor.heard() if word.is_complete]
    # A word that had just ended when it was cut may be said again.
    assert [word for word, _ in groupby(whole)] == list(WORDS)
    assert len(whole) - len(WORDS) <= 1
    assert visitor.words("heard") == list(WORDS)
    kinds = {m["kind"] for m in visitor.page.evaluate("play.timeline.marks")}
    assert kinds & {"resume", "retry"}


@pytest.mark.thorough
def test_a_wrong_key_is_told_and_the_next_answer_is_heard(
    visit: Visit,
) -> None:
    visitor = visit()
    visitor.page.click("[data-name=wrong_key]")
    visitor.page.wait_for_selector("[data-name=wrong_key][data-when=armed]")
    visitor.page.fill("#text", TWELVE)
    visitor.page.keyboard.press("Control+Enter")
    visitor.page.wait_for_selector("#outcome.bad")
    assert "expired API key" in visitor.page.inner_text("#outcome")
    visitor.picture("trouble-wrong_key")
    visitor.page.wait_for_selector("[data-name=wrong_key][data-when=now]")

    visitor.speak(TWELVE)
    visitor.until_state("ready")
    assert visitor.words("heard") == WORDS[:12]


@pytest.mark.thorough
def test_a_page_that_is_loaded_again_begins_anew(visit: Visit) -> None:
    visitor = visit()
    visitor.speak(FORTY)
    visitor.until_words_heard(3)
    visitor.page.reload()
    visitor.until_state("ready")
    visitor.speak(TWELVE)
    visitor.until_state("ready")

    assert visitor.words("heard") == WORDS[:12]
    assert [str(word) for word in visitor.heard()] == WORDS[:12]


@pytest.mark.thorough
def test_two_pages_do_not_disturb_each_other(visit: Visit) -> None:
    one, other = visit(), visit()
    one.speak(FORTY)
    other.page.click("[data-name=cut]")
    other.speak(" ".join(reversed(WORDS[:40])))
    one.until_state("ready")
    other.until_state("ready")

    assert [str(word) for word in one.heard()] == WORDS[:40]
    assert other.words("heard") == WORDS[:40][::-1]
    marks = one.page.evaluate("play.timeline.marks")
    assert not {"retry", "resume"} & {mark["kind"] for mark in marks}


@pytest.mark.thorough
def test_a_saved_trace_can_be_opened_again(
    visit: Visit, tmp_path: Path
) -> None:
    visitor = visit()
    visitor.speak(TWELVE)
    visitor.until_state("ready")
    visitor.page.wait_for_function("play.events.file.includes('tts_audio_end')")
    path = tmp_path / "trace.jsonl"
    path.write_bytes(visitor.save("#save-trace"))
    names = [json.loads(line).get("ten") for line in path.open()]
    assert names[:2] == ["start", "config"]
    live = visitor.page.evaluate("play.timeline.marks")

    visitor.page.set_input_files("#open-trace", path)
    visitor.page.wait_for_selector("#timeline-file:not([hidden])")
    opened = {m["id"]: m for m in visitor.page.evaluate("play.timeline.marks")}
    visitor.page.click("#zoom-first")
    visitor.picture("timeline-first-audio")
    visitor.page.click("#live")

    words = [m["text"] for m in live if m["lane"] == "words"]
    assert words == WORDS[:12]
    assert [opened[m["id"]]["text"] for m in live if m["lane"] == "words"] == (
        words
    )
    assert visitor.save("#save-png")[1:4] == b"PNG"


@pytest.mark.thorough
def test_a_wrong_setting_is_told_and_changes_nothing(visit: Visit) -> None:
    visitor = visit()
    visitor.page.fill("#speed", "9")
    visitor.page.press("#speed", "Enter")
    visitor.page.wait_for_selector("#settings-told.bad")
    assert "speed" in visitor.page.inner_text("#settings-told")
    assert visitor.page.input_value("#speed") == "1"
    visitor.picture("settings-refused")

    visitor.page.select_option("#format", "ulaw_8000")
    visitor.page.wait_for_selector("#settings-told:not(.bad)")
    visitor.speak(TWELVE)
    visitor.until_state("ready")
    assert [str(word) for word in visitor.heard()] == WORDS[:12]


@pytest.mark.thorough
def test_a_misspelt_setting_is_told_and_settings_can_be_copied(
    visit: Visit,
) -> None:
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.page
    page.fill("#any-value", "0.4")
    page.fill("#any-name", "sped")
    page.click("#any-setting button")
    told = page.wait_for_selector("#settings-told.bad").inner_text()
    page.fill("#any-name", "temperature")
    page.click("#any-setting button")
    page.wait_for_selector("#settings-told:not(.bad)")
    page.click("#copy-settings")
    page.wait_for_selector("#copy-settings:has-text('Copied')")

    assert "params.sped is unknown here" in told
    assert "did you mean params.speed?" in told
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied["params"] == {
        "api_key": "${env:GRADIUM_API_KEY|}",
        "sped": 0.4,
        "temperature": 0.4,
    }


@pytest.mark.thorough
def test_events_are_filtered_and_copied(visit: Visit) -> None:
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.page
    visitor.speak("apple ! bridge candle")
    visitor.until_state("ready")
    page.fill("#filter", "tts_audio_end")
    page.wait_for_selector("#events li:only-child")
    page.click("#copy-events")
    page.wait_for_selector("#copy-events:has-text('Copied')")

    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied["name"] == "tts_audio_end"
    assert "reason 1" in page.inner_text("#events li")
    # A mark alone is no word, though it may be spoken as one.
    assert page.inner_text("#figure-words") == "3 of 3"


@pytest.mark.thorough
@pytest.mark.parametrize("look", ("light", "dark"))
@pytest.mark.parametrize("width", (390, 1380))
def test_the_page_fits_and_is_to_be_looked_at(
    visit: Visit, width: int, look: str
) -> None:
    visitor = visit(width, color_scheme=look)
    visitor.set("#rtt", 120)
    visitor.page.select_option("#samples", index=1)
    visitor.set("#rate", 30)
    visitor.page.keyboard.press("Control+Enter")
    visitor.until_words_heard(12)
    visitor.picture(f"page-{look}-{width}-speaking")
    visitor.page.click("#interrupt")
    visitor.until_state("ready")
    visitor.page.click("#zoom-fit")
    visitor.picture(f"page-{look}-{width}-interrupted")

    wide = visitor.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    assert visitor.page.get_attribute("html", "data-theme") == look


@pytest.mark.thorough
def test_everything_can_be_reached_by_the_keyboard(visit: Visit) -> None:
    visitor = visit()
    visitor.page.wait_for_selector(
        "#voice option:nth-child(1)", state="attached"
    )
    wanted = set(
        visitor.page.evaluate(
            "[...document.querySelectorAll('button, select, input, textarea,"
            " canvas')].filter(one => !one.disabled && one.checkVisibility())"
            ".map(one => one.id || one.dataset.name || one.dataset.kind"
            " || one.textContent.trim())"
        )
    )
    reached = set()
    for _ in range(3 * len(wanted)):
        visitor.page.keyboard.press("Tab")
        reached.add(
            visitor.page.evaluate(
                "(one => one.id || one.dataset.name || one.dataset.kind ||"
                " one.textContent.trim())(document.activeElement)"
            )
        )
    assert wanted <= reached


@pytest.mark.thorough
def test_the_conversation_interrupts_itself(visit: Visit) -> None:
    visitor = visit()
    visitor.page.click("#converse")
    visitor.until("document.querySelectorAll('.user').length === 4")
    visitor.until_state("ready")

    said = visitor.page.locator(".user").all_inner_texts()
    assert said[1] == "The mountains, please."
    assert visitor.page.locator(".answer .word.cut").count() > 0


@pytest.mark.thorough
def test_a_language_model_answers_and_is_told_what_was_heard(
    chrome: Browser,
) -> None:
    with language_model() as model, play_server("--llm-url", model.url) as url:
        model.tokens = [f"{word} " for word in WORDS[:40]]
        visitor = Visitor(chrome.new_page(), url)
        visitor.ask("What is in the garden?")
        visitor.until_words_heard(5)
        # Asked while it speaks: the answer is cut.
        model.tokens = ["nothing", " else"]
        visitor.ask("And what else?")
        visitor.until_state("ready")
        heard = visitor.page.locator(".answer").first.locator(".word.heard")
        first = [text.strip() for text in heard.all_inner_texts()]
        second = visitor.words("heard")

        model.status = 500
        visitor.ask("And now?")
        visitor.page.wait_for_selector("#outcome.bad")
        problem = visitor.page.inner_text("#outcome")
        visitor.page.close()

    said = [message["content"] for message in model.asked[1]["messages"]]
    assert first == WORDS[: len(first)] and 5 <= len(first) < 40
    assert said == ["What is in the garden?", " ".join(first), "And what else?"]
    assert second == ["nothing", "else"]
    last = [message["content"] for message in model.asked[2]["messages"]]
    assert last == [*said, "nothing else", "And now?"]
    assert "language model" in problem and "HTTP 500" in problem
    assert visitor.complaints == []
