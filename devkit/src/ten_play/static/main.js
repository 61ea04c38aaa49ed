// The page: what the user does goes to the server, what comes is shown.

import { Answer } from "./answer.js";
import { EventList } from "./events.js";
import { offerFiles } from "./files.js";
import { Link } from "./link.js";
import { Microphone } from "./microphone.js";
import { Player } from "./player.js";
import { Settings } from "./settings.js";
import { beginTheme } from "./theme.js";
import { TimelineView } from "./timeline.js";
import { Troubles } from "./troubles.js";

const byId = (id) => document.getElementById(id);
const TOLD_EVERY_MS = 150;
const KEPT_ANSWERS = 30;
// How long the last words of an answer that was cut are waited for.
const LAST_WORDS_MS = 500;

const link = new Link();
const player = new Player();
const microphone = new Microphone();
const settings = new Settings(link);
const troubles = new Troubles(link);
const timeline = new TimelineView(byId("timeline"), byId("tip"), () =>
  link.server_s(),
);
const events = new EventList({
  list: byId("events"),
  filter: byId("filter"),
  kinds: document.querySelectorAll("[data-kind]"),
  copy: byId("copy-events"),
});
const answers = new Map(); // by number
let current = null; // the answer that is being said
let pressed_ms = 0; // when the user last asked for silence
let samples = [];

offerFiles({ player, timeline, events });
beginTheme(byId("theme"), () => timeline.refresh());

// For the browser's console, and for tests.
window.play = { answers, player, timeline, events, link };

// ------------------------------------------------------------ what is said

function showState(state, text) {
  byId("state").dataset.state = state;
  byId("state").textContent = text;
}

function clearTranscript() {
  byId("transcript").querySelector(".empty")?.remove();
}

function isAtEnd() {
  const box = byId("transcript");
  return box.scrollTop + box.clientHeight >= box.scrollHeight - 60;
}

function scroll(wasAtEnd) {
  const box = byId("transcript");
  if (wasAtEnd) box.scrollTop = box.scrollHeight;
}

link.addEventListener("hello", ({ detail }) => {
  byId("banner").hidden = true;
  byId("vendor").textContent = detail.vendor;
  byId("outcome").textContent = "";
  byId("ask").title = detail.has_model
    ? "A language model answers"
    : "A script answers; --llm-url lets a language model do it";
  samples = detail.samples;
  byId("samples").replaceChildren(
    new Option("your own text", ""),
    ...samples.map(({ title }, index) => new Option(title, index)),
  );
  settings.begin(detail.voices, detail.settings);
  troubles.begin(detail.troubles);
  events.clear();
  timeline.begin(detail.lanes);
  // A server that was started again counts from the beginning.
  if (current) player.cut(current.number);
  answers.clear();
  current = null;
  showState("ready", "ready");
});

link.addEventListener("gone", () => {
  showState("trouble", "no server");
  byId("banner").textContent =
    "The server has gone. This page comes back with it: ./dev play";
  byId("banner").hidden = false;
  byId("interrupt").disabled = true;
});

link.addEventListener("refused", ({ detail }) => {
  byId("banner").textContent = detail.text;
  byId("banner").hidden = false;
});

link.addEventListener("user", ({ detail }) => {
  clearTranscript();
  const said = document.createElement("p");
  said.className = "user";
  said.textContent = detail.text;
  byId("transcript").append(said);
  scroll(true);
});

link.addEventListener("request", ({ detail }) => {
  clearTranscript();
  const box = byId("transcript");
  current = new Answer(detail.number, detail.request_id, box);
  answers.set(detail.number, current);
  if (answers.size > KEPT_ANSWERS) {
    const [oldest, answer] = answers.entries().next().value;
    answers.delete(oldest);
    answer.element.remove();
  }
  byId("interrupt").disabled = false;
  byId("outcome").textContent = "";
  for (const figure of ["ttfb", "silent", "words", "buffer"]) {
    byId(`figure-${figure}`).textContent = "–";
  }
  byId("ttfb-told").textContent = "";
  showState("speaking", "listening to the text");
  timeline.follow(link.server_s());
  scroll(true);
});

function answerOf(request_id) {
  for (const answer of answers.values()) {
    if (answer.request_id === request_id) return answer;
  }
  return null;
}

link.addEventListener("text", ({ detail }) => {
  const answer = answerOf(detail.request_id);
  // What was still on its way when it was cut is no part of it.
  if (!answer || answer.isOver || answer.isCut) return;
  const wasAtEnd = isAtEnd();
  answer.write(detail.text);
  scroll(wasAtEnd);
});

link.addEventListener("frame", ({ detail: { number, rate_hz, pcm } }) => {
  const answer = answers.get(number);
  // What still comes of an answer that was cut is not played.
  if (!answer || answer.isOver || answer.isCut) return;
  answer.delivered_s += pcm.length / rate_hz;
  answer.rate_hz = rate_hz;
  player.play(number, rate_hz, pcm);
  if (player.isLocked) showState("trouble", "click to hear it");
  else showState("speaking", "speaking");
});

link.addEventListener("words", ({ detail }) => {
  answerOf(detail.request_id)?.take(detail.words);
});

link.addEventListener("ttfb", ({ detail }) => {
  const { ms, is_warm } = detail;
  const socket = is_warm ? "reserve socket" : "own socket";
  byId("figure-ttfb").innerHTML = `${Math.round(ms)} ms <small>${socket}</small>`;
});

link.addEventListener("end", ({ detail }) => {
  const answer = answerOf(detail.request_id);
  if (!answer || answer.isOver) return;
  answer.complete();
  if (detail.reason === "interrupted" || answer.isCut) return;
  if (detail.reason === "error") answer.isFailed = true;
  player.complete(answer.number);
});

link.addEventListener("error", ({ detail }) => {
  byId("outcome").textContent = detail.text;
  byId("outcome").classList.add("bad");
  // An answer that fails before its first sound has no end in the speaker.
  if (current && !current.isOver && !current.delivered_s) {
    finishUnheard(current);
  }
});

link.addEventListener("trace", ({ detail: { lines, marks } }) => {
  events.add(lines);
  timeline.add(marks);
  const ttfb = marks.filter((mark) => mark.kind === "ttfb").at(-1);
  if (ttfb) byId("ttfb-told").textContent = ttfb.text;
});

link.addEventListener("interrupted", () => cut());

// ----------------------------------------------------------- interruptions

function interrupt(since_ms = performance.now()) {
  if (!current || current.isOver || current.isCut) return;
  pressed_ms = since_ms;
  cut();
  link.send("interrupt");
}

/** Drop what is queued, as a call does when its user speaks. */
function cut() {
  if (!current || current.isOver || current.isCut) return;
  pressed_ms ||= performance.now();
  current.isCut = true;
  if (current.delivered_s) player.cut(current.number);
  else finishUnheard(current);
}

/** It ends before its first sound. */
function finishUnheard(answer) {
  pressed_ms = 0;
  finish(answer, 0, true);
  link.send("heard", { ...told(answer, 0, true), text: "" });
}

player.addEventListener("cut", async ({ detail }) => {
  const { number, played_s, at_ms } = detail;
  const answer = answers.get(number);
  if (!answer || answer.isOver) return;
  const after_ms = Math.max(0, at_ms - pressed_ms);
  pressed_ms = 0;
  byId("figure-silent").textContent = `${Math.round(after_ms)} ms`;
  // A word may have been heard before it is told.
  await answer.untilComplete(LAST_WORDS_MS);
  if (answer.isOver) return;
  const { heard } = finish(answer, played_s, true, after_ms);
  link.send("silent", {
    ...told(answer, played_s, true, at_ms),
    after_ms,
    text: heard,
  });
});

player.addEventListener("over", ({ detail: { number, played_s, at_ms } }) => {
  const answer = answers.get(number);
  if (!answer || answer.isOver || answer.isCut) return;
  const { heard } = finish(answer, played_s, Boolean(answer.isFailed));
  link.send("heard", { ...told(answer, played_s, true, at_ms), text: heard });
});

function told(answer, played_s, is_over, at_ms = performance.now()) {
  const { request_id } = answer;
  return { request_id, played_s, is_over, at_s: link.server_s(at_ms) };
}

function finish(answer, played_s, isCut, after_ms = null) {
  const result = answer.finish(played_s, isCut);
  const wasAtEnd = isAtEnd();
  const heard = answer.heardCount(played_s, isCut);
  if (isCut) {
    const silent =
      after_ms === null ? "" : `Silent after ${Math.round(after_ms)} ms. `;
    answer.verdict(
      `${silent}${heard} words heard. Not heard: ${result.missed || "nothing"}`,
    );
  }
  if (answer === current) {
    byId("interrupt").disabled = true;
    byId("figure-buffer").textContent = "–";
    showHeard(heard);
    showState("ready", "ready");
  }
  byId("save-heard").disabled = !player.hasRecording;
  scroll(wasAtEnd);
  return result;
}

// ------------------------------------------------------- as it is heard

let told_ms = 0;

function tick() {
  requestAnimationFrame(tick);
  if (!current || current.isOver) return;
  const position_s = player.position_s(current.number);
  current.light(position_s);
  showProgress(position_s ?? 0);
  timeline.refresh();
}

function showProgress(position_s) {
  const { delivered_s } = current;
  // The whole length is known once all has come; until then it is a guess.
  const letters = current.text.length;
  const whole_s = current.isComplete
    ? delivered_s
    : Math.max(delivered_s * 1.05, letters * 0.065, 0.5);
  byId("delivered").style.width = `${(delivered_s / whole_s) * 100}%`;
  byId("played").style.width = `${(position_s / whole_s) * 100}%`;
  showHeard(current.heardCount(position_s));
  const queued_s = Math.max(0, delivered_s - position_s);
  byId("figure-buffer").textContent = `${queued_s.toFixed(1)} s`;
}

function showHeard(count) {
  const { words, tokenCount } = current;
  const told = words.length ? `${count} of ${tokenCount}` : "–";
  byId("figure-words").textContent = told;
}

setInterval(() => {
  if (!current || current.isOver) return;
  const position_s = player.position_s(current.number);
  if (position_s === null || performance.now() - told_ms < TOLD_EVERY_MS) return;
  told_ms = performance.now();
  link.send("heard", told(current, position_s, false));
}, TOLD_EVERY_MS / 3);

requestAnimationFrame(tick);

// ------------------------------------------------------------ the controls

function rate() {
  return Number(byId("rate").value);
}

async function say(type) {
  const text = byId("text").value.trim();
  if (!text && type !== "converse") {
    byId("text").focus();
    return;
  }
  await player.unlock();
  byId("outcome").classList.remove("bad");
  link.send(type, { text, tokens_per_s: rate() });
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  say("say");
});
byId("ask").addEventListener("click", () => say("ask"));
byId("converse").addEventListener("click", () => say("converse"));
byId("interrupt").addEventListener("click", () => interrupt());
byId("samples").addEventListener("change", ({ target }) => {
  const sample = samples[target.value];
  byId("text").value = sample?.text ?? "";
  if (sample?.voice) settings.useVoice(sample.voice);
});
byId("rate").addEventListener("input", () => {
  byId("rate-told").textContent = rate() ? `${rate()} tokens/s` : "at once";
});

document.addEventListener("pointerdown", () => player.unlock());
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  const isTyping = target.matches("input:not([type=range]), textarea, select");
  if (key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    say("say");
  } else if (key === " " && !isTyping) {
    if (!current || current.isOver) return;
    // Not the button that has the focus: the space bar always interrupts.
    event.preventDefault();
    interrupt();
  }
});
document.addEventListener("keyup", (event) => {
  // A button would be pressed by the same key.
  if (event.key === " " && pressed_ms) event.preventDefault();
});

byId("microphone").addEventListener("click", async ({ currentTarget }) => {
  const button = currentTarget;
  if (microphone.isOn) {
    microphone.stop();
    byId("loudness").style.width = "0";
  } else {
    try {
      await microphone.start((share) => {
        byId("loudness").style.width = `${share * 100}%`;
      });
    } catch {
      byId("outcome").textContent = "The browser allows no microphone.";
    }
  }
  button.setAttribute("aria-pressed", String(microphone.isOn));
});
microphone.addEventListener("speech", ({ detail }) =>
  interrupt(detail.since_ms),
);

// ---------------------------------------------------------------- timeline

byId("live").addEventListener("click", () => {
  timeline.showLive();
  byId("timeline-file").hidden = byId("live").hidden = true;
});
byId("zoom-in").addEventListener("click", () => timeline.zoom(0.6));
byId("zoom-out").addEventListener("click", () => timeline.zoom(1.6));
byId("zoom-first").addEventListener("click", () => timeline.showFirstAudio());
byId("zoom-fit").addEventListener("click", () => timeline.showLast());
byId("zoom-all").addEventListener("click", () => timeline.showAll());
