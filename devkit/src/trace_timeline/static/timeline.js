// Draws the marks that the server makes of a trace: lanes on one clock.
// What a mark is, says devkit/src/trace_timeline/marks.py.

const HEIGHTS = {
  text: 34,
  sockets: 48,
  ttfb: 50,
  frames: 26,
  words: 44,
  buffer: 58,
  events: 44,
};
const AXIS = 22;
const ROW = 20;
const GUTTER = 92;
const LEAST_S = 0.02;
const MOST_S = 4 * 3600;
const LIVE_S = 12;

const COLOURS = {
  text: "text",
  end: "text",
  connecting: "connecting",
  reserve: "reserve",
  setup: "setup",
  session: "session",
  done: "done",
  wait: "setup",
  round_trip: "session",
  synthesis: "synthesis",
  ttfb: "word",
  frame: "frame",
  word: "word",
  cut: "failure",
  level: "level",
  lost: "failure",
  refused: "failure",
  error: "failure",
  flush: "failure",
  silent: "failure",
  flush_end: "done",
  retry: "setup",
  resume: "resume",
  settings: "text",
};
const STATES = {
  connecting: "opens",
  reserve: "in reserve",
  setup: "setup",
  session: "session",
  done: "done",
};

export class TimelineView {
  #canvas;
  #tip;
  #now_s;
  #live = new Map();
  #shown = this.#live;
  #lanes = [];
  #from_s = 0;
  #span_s = LIVE_S;
  #isFollowing = true;
  #isFile = false;
  #zero_s = null; // where the clock of the picture begins
  #drawn = []; // {mark, x0, x1, y0, y1}
  #pointers = new Map();
  #isStale = false;

  /** @param now_s returns the present time on the clock of the trace. */
  constructor(canvas, tip, now_s) {
    this.#canvas = canvas;
    this.#tip = tip;
    this.#now_s = now_s;
    canvas.addEventListener("wheel", (event) => this.#wheel(event), {
      passive: false,
    });
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      canvas.addEventListener(end, (event) => this.#up(event));
    }
    canvas.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.refresh()).observe(canvas);
  }

  get isFile() {
    return this.#isFile;
  }

  /** The marks that are shown, for tests and readers. */
  get marks() {
    return [...this.#shown.values()];
  }

  begin(lanes) {
    this.#lanes = lanes;
    this.#live.clear();
    this.#from_s = this.#now_s() - 1;
    this.refresh();
  }

  add(marks) {
    for (const mark of marks) this.#live.set(mark.id, mark);
    if (!this.#isFile) this.refresh();
  }

  showFile(marks) {
    this.#shown = new Map(marks.map((mark) => [mark.id, mark]));
    this.#isFile = true;
    this.showAll();
  }

  showLive() {
    this.#shown = this.#live;
    this.#isFile = false;
    this.#isFollowing = true;
    this.refresh();
  }

  /** Follow what happens from here on. */
  follow(from_s) {
    this.#isFollowing = true;
    this.#zero_s = from_s;
    this.#from_s = from_s - 0.15;
    this.refresh();
  }

  showLast() {
    const asked = this.#of("ttfb").filter((mark) => mark.kind === "ttfb");
    if (!asked.length) return this.showAll();
    const from_s = asked.at(-1).start_s;
    this.#zero_s = from_s;
    const all = this.marks.filter((mark) => mark.start_s >= from_s - 0.01);
    this.#show(from_s, Math.max(...all.map((mark) => this.#stop_s(mark))));
  }

  showFirstAudio() {
    const asked = this.#of("ttfb").filter((mark) => mark.kind === "ttfb");
    if (!asked.length) return;
    const { start_s, stop_s } = asked.at(-1);
    this.#zero_s = start_s;
    this.#show(start_s, stop_s + (stop_s - start_s) * 0.6);
  }

  showAll() {
    const { marks } = this;
    if (!marks.length) return;
    this.#zero_s = null;
    this.#show(
      Math.min(...marks.map((mark) => mark.start_s)),
      Math.max(...marks.map((mark) => this.#stop_s(mark))),
    );
  }

  zoom(factor, at = 0.5) {
    const middle_s = this.#from_s + this.#span_s * at;
    const span_s = Math.min(MOST_S, Math.max(LEAST_S, this.#span_s * factor));
    this.#isFollowing = false;
    this.#from_s = middle_s - span_s * at;
    this.#span_s = span_s;
    this.refresh();
  }

  refresh() {
    if (this.#isStale) return;
    this.#isStale = true;
    requestAnimationFrame(() => {
      this.#isStale = false;
      this.#draw(this.#canvas, Math.min(devicePixelRatio, 3));
    });
  }

  /** The picture as a PNG. */
  async png() {
    const canvas = document.createElement("canvas");
    this.#draw(canvas, 2, Math.max(this.#canvas.clientWidth, 1100), true);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  // ------------------------------------------------------------- the window

  #show(from_s, stop_s) {
    const span_s = Math.max(stop_s - from_s, 0.05);
    this.#isFollowing = false;
    this.#from_s = from_s - span_s * 0.02;
    this.#span_s = span_s * 1.06;
    this.refresh();
  }

  #followNow() {
    if (!this.#isFollowing || this.#isFile) return;
    const latest_s = Math.max(
      this.#now_s(),
      ...this.#of("words").map((mark) => mark.stop_s),
    );
    this.#span_s = LIVE_S;
    const from_s = Math.min(latest_s, this.#now_s() + 1.5) - LIVE_S;
    this.#from_s = Math.max(this.#from_s, from_s);
  }

  #of(lane) {
    return this.marks.filter((mark) => mark.lane === lane);
  }

  #stop_s(mark) {
    return mark.stop_s ?? (this.#isFile ? this.#fileEnd_s() : this.#now_s());
  }

  #fileEnd_s() {
    return Math.max(...this.marks.map((mark) => mark.stop_s ?? mark.start_s));
  }

  // -------------------------------------------------------------- the picture

  #draw(canvas, scale, width = canvas.clientWidth, isPicture = false) {
    this.#followNow();
    const isNarrow = width < 560;
    const gutter = isNarrow ? 8 : GUTTER;
    const height = this.#height(isNarrow);
    canvas.width = width * scale;
    canvas.height = height * scale;
    if (!isPicture) canvas.style.height = `${height}px`;
    const style = getComputedStyle(document.documentElement);
    const paint = {
      to: canvas.getContext("2d"),
      colour: (name) => style.getPropertyValue(`--${name}`).trim(),
      font: getComputedStyle(document.body).fontFamily,
      gutter,
      isNarrow,
      width,
      height,
      x: (at_s) =>
        gutter + ((at_s - this.#from_s) / this.#span_s) * (width - gutter - 8),
    };
    paint.to.scale(scale, scale);
    if (isPicture) {
      paint.to.fillStyle = paint.colour("card");
      paint.to.fillRect(0, 0, width, height);
    }
    const drawn = [];
    this.#drawAxis(paint);
    let y = AXIS;
    for (const lane of this.#lanes) {
      const size = this.#laneHeight(lane, isNarrow);
      this.#drawLane(paint, lane, y, size, drawn);
      y += size;
    }
    this.#drawNow(paint);
    if (!isPicture) this.#drawn = drawn;
  }

  #height(isNarrow) {
    const sum = (all, lane) => all + this.#laneHeight(lane, isNarrow);
    return AXIS + this.#lanes.reduce(sum, 0) + 4;
  }

  #laneHeight({ name }, isNarrow) {
    const above = isNarrow ? 13 : 0;
    if (name !== "sockets") return HEIGHTS[name] + above;
    const rows = this.#of("sockets").map((mark) => mark.row);
    return Math.max(HEIGHTS.sockets, (Math.max(0, ...rows) + 1) * ROW + 8) + above;
  }

  #drawAxis({ to, colour, font, gutter, width, height, x }) {
    const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2,
      5, 10, 30, 60, 300, 600, 3600];
    const count = Math.max(3, (width - gutter) / 110);
    const step = steps.find((one) => this.#span_s / one <= count) ?? 7200;
    const zero_s = this.#begin_s();
    to.font = `11px ${font}`;
    to.textBaseline = "middle";
    const first = Math.ceil((this.#from_s - zero_s) / step);
    const last = Math.floor((this.#from_s + this.#span_s - zero_s) / step);
    for (let index = first; index <= last; index++) {
      const at = x(zero_s + index * step);
      to.fillStyle = colour("edge");
      to.fillRect(at, AXIS - 4, 1, height - AXIS);
      to.fillStyle = colour("soft");
      to.fillText(timeText(index * step, step), at + 3, AXIS / 2);
    }
  }

  #begin_s() {
    return this.#zero_s ?? this.marks[0]?.start_s ?? this.#from_s;
  }

  #drawLane(paint, lane, y, size, drawn) {
    const { to, colour, font, gutter, isNarrow, width } = paint;
    to.fillStyle = colour("edge");
    to.fillRect(0, y + size - 1, width, 1);
    to.fillStyle = colour("soft");
    to.font = `600 11px ${font}`;
    to.textBaseline = isNarrow ? "top" : "middle";
    to.fillText(lane.title, isNarrow ? gutter : 2, isNarrow ? y + 3 : y + size / 2);
    to.textBaseline = "middle";
    to.save();
    to.beginPath();
    to.rect(gutter, y, width - gutter, size);
    to.clip();
    const top = isNarrow ? y + 13 : y;
    const space = isNarrow ? size - 13 : size;
    const place = { ...paint, y: top, size: space, drawn };
    const visible = this.#visible(lane.name);
    if (lane.name === "buffer") this.#drawBuffer(place, visible);
    else if (lane.name === "words") this.#drawWords(place, visible);
    else if (lane.name === "sockets") this.#drawSockets(place, visible);
    else if (lane.name === "ttfb") this.#drawFirstAudio(place, visible);
    else if (lane.name === "frames") this.#drawFrames(place, visible);
    else this.#drawMoments(place, visible, lane.name);
    to.restore();
  }

  #visible(lane) {
    const stop_s = this.#from_s + this.#span_s;
    // What is written beside a mark reaches further than the mark.
    const margin_s = this.#span_s * 0.3;
    return this.#of(lane)
      .filter(
        (mark) =>
          mark.start_s <= stop_s &&
          (lane === "buffer" || this.#stop_s(mark) >= this.#from_s - margin_s),
      )
      .sort((one, other) => one.start_s - other.start_s);
  }

  #bar(place, mark, top, height, radius = 4) {
    const { to, x, drawn } = place;
    const x0 = x(mark.start_s);
    const x1 = Math.max(x(this.#stop_s(mark)), x0 + 2);
    to.fillStyle = colourOf(place, mark.kind);
    to.beginPath();
    to.roundRect(x0, top, x1 - x0, height, Math.min(radius, (x1 - x0) / 2));
    to.fill();
    drawn.push({ mark, x0, x1, y0: top, y1: top + height });
    return [x0, x1];
  }

  #label(place, text, x0, x1, y, colour = "ink") {
    const { to, font } = place;
    to.font = `11px ${font}`;
    const room = x1 - x0 - 8;
    if (room < 14) return;
    let shown = text;
    while (shown.length > 1 && to.measureText(shown).width > room) {
      shown = `${shown.slice(0, -2).trimEnd()}…`;
    }
    if (shown.length < 3 && shown !== text) return;
    to.fillStyle = place.colour(colour);
    to.fillText(shown, x0 + 5, y);
  }

  #drawSockets(place, marks) {
    for (const mark of marks.filter((one) => one.kind in STATES)) {
      const top = place.y + 5 + mark.row * ROW;
      const [x0, x1] = this.#bar(place, mark, top, ROW - 4);
      const from = Math.max(x0, place.gutter);
      this.#label(place, STATES[mark.kind], from, x1, top + ROW / 2 - 1);
    }
    for (const mark of marks.filter((one) => !(one.kind in STATES))) {
      const at = place.x(mark.start_s);
      const middle = place.y + 5 + mark.row * ROW + ROW / 2 - 2;
      cross(place, at, middle, colourOf(place, mark.kind));
      place.drawn.push({ mark, x0: at - 6, x1: at + 6, y0: middle - 8, y1: middle + 8 });
    }
  }

  #drawFirstAudio(place, marks) {
    const middle = place.y + place.size / 2 + 5;
    for (const mark of marks.filter((one) => one.kind !== "ttfb")) {
      this.#bar(place, mark, middle + 2, 10, 2);
    }
    const brackets = marks.filter((one) => one.kind === "ttfb");
    brackets.forEach((mark, index) => {
      const { to, x, drawn } = place;
      const [x0, x1] = [x(mark.start_s), x(mark.stop_s)];
      to.strokeStyle = place.colour("mark-word");
      to.lineWidth = 1.5;
      to.beginPath();
      to.moveTo(x0, middle - 1);
      to.lineTo(x0, middle - 7);
      to.lineTo(x1, middle - 7);
      to.lineTo(x1, middle - 1);
      to.stroke();
      drawn.push({ mark, x0, x1, y0: place.y, y1: place.y + place.size });
      const next = brackets[index + 1];
      const end = next ? x(next.start_s) : place.width;
      to.font = `600 12px ${place.font}`;
      const isInside = to.measureText(mark.text).width < x1 - x0 - 10;
      to.fillStyle = place.colour("ink");
      if (isInside) to.fillText(mark.text, x0 + 6, middle - 15);
      else this.#label(place, mark.text, x1 + 2, end, middle);
    });
  }

  #drawFrames(place, marks) {
    const { to, x, y, size, drawn } = place;
    to.fillStyle = colourOf(place, "frame");
    for (const mark of marks) {
      const at = x(mark.start_s);
      to.fillRect(at, y + 5, 1.5, size - 11);
      drawn.push({ mark, x0: at - 2, x1: at + 3, y0: y, y1: y + size });
    }
  }

  #drawWords(place, marks) {
    marks.forEach((mark, index) => {
      const isLower = Number(mark.id.split("-").pop()) % 2;
      const top = place.y + 5 + (isLower ? 18 : 0);
      const [x0, x1] = this.#bar(place, mark, top + 13, 3, 1.5);
      const after = marks[index + 2];
      const end = after ? Math.max(place.x(after.start_s), x1) : x1 + 80;
      place.to.font = `11px ${place.font}`;
      if (place.to.measureText(mark.text).width < end - x0 - 2) {
        const colour = mark.kind === "cut" ? "bad" : "ink";
        this.#label(place, mark.text, x0 - 5, end + 9, top + 6, colour);
      }
      place.drawn.push({ mark, x0, x1, y0: top, y1: top + 18 });
    });
  }

  #drawBuffer(place, marks) {
    const { to, x, y, size } = place;
    const most = Math.max(1, ...marks.map((mark) => mark.value));
    const height = (value) => y + size - 5 - (value / most) * (size - 14);
    const byRequest = Map.groupBy
      ? Map.groupBy(marks, (mark) => mark.text)
      : groupBy(marks, (mark) => mark.text);
    to.lineWidth = 1.5;
    for (const levels of byRequest.values()) {
      to.beginPath();
      levels.forEach((mark) => to.lineTo(x(mark.start_s), height(mark.value)));
      to.strokeStyle = colourOf(place, "level");
      to.stroke();
      to.lineTo(x(levels.at(-1).start_s), height(0));
      to.lineTo(x(levels[0].start_s), height(0));
      to.globalAlpha = 0.18;
      to.fillStyle = colourOf(place, "level");
      to.fill();
      to.globalAlpha = 1;
    }
    for (const mark of marks) {
      const at = x(mark.start_s);
      const detail = `${mark.value.toFixed(2)} s delivered and not yet heard`;
      const told = { ...mark, text: "", detail };
      place.drawn.push({ mark: told, x0: at - 3, x1: at + 3, y0: y, y1: y + size });
    }
    if (marks.length) {
      this.#label(place, `${most.toFixed(1)} s`, place.gutter, place.gutter + 60, y + 9, "soft");
    }
  }

  #drawMoments(place, marks, lane) {
    const { to, x, y, size, drawn } = place;
    const shown = marks.filter((mark) => lane !== "events" || mark.kind);
    shown.forEach((mark, index) => {
      const at = x(mark.start_s);
      to.fillStyle = colourOf(place, mark.kind);
      const isEnd = mark.kind === "end";
      to.fillRect(at, y + 4, isEnd ? 3 : 1.5, size - 9);
      const next = shown[index + 1];
      const end = next ? x(next.start_s) : at + 260;
      const line = lane === "events" && index % 2 ? y + size - 12 : y + 13;
      const room = lane === "events" ? Math.max(end, at) : end;
      const after = lane === "events" ? shown[index + 2] : null;
      const stop = after ? x(after.start_s) : at + 260;
      const text = isEnd ? mark.text || "end" : mark.text;
      const colour = lane === "events" ? `${inkOf(mark.kind)}` : "soft";
      this.#label(place, text, at, lane === "events" ? stop : room, line, colour);
      drawn.push({ mark, x0: at - 3, x1: at + 4, y0: y, y1: y + size });
    });
  }

  #drawNow({ to, colour, x, height, gutter, width }) {
    if (this.#isFile) return;
    const at = x(this.#now_s());
    if (at < gutter || at > width) return;
    to.fillStyle = colour("accent");
    to.fillRect(at, AXIS - 6, 1.5, height - AXIS + 2);
  }

  // ----------------------------------------------------------------- the hand

  #wheel(event) {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      this.#pan((event.deltaX / this.#canvas.clientWidth) * this.#span_s);
    } else {
      this.zoom(1.0018 ** event.deltaY, this.#share(event));
    }
  }

  #share(event) {
    const box = this.#canvas.getBoundingClientRect();
    const gutter = box.width < 560 ? 8 : GUTTER;
    return (event.clientX - box.left - gutter) / (box.width - gutter - 8);
  }

  #pan(by_s) {
    this.#isFollowing = false;
    this.#from_s += by_s;
    this.refresh();
  }

  #down(event) {
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event.clientX);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) {
      this.#hover(event);
      return;
    }
    const spread = this.#spread();
    this.#pointers.set(event.pointerId, event.clientX);
    if (this.#pointers.size === 2) {
      this.zoom(Math.min(4, Math.max(0.25, spread / this.#spread())));
    } else {
      const by = (before - event.clientX) / this.#canvas.clientWidth;
      this.#pan(by * this.#span_s);
    }
  }

  #spread() {
    const [one, other] = this.#pointers.values();
    return Math.max(10, Math.abs((other ?? one) - one));
  }

  #up(event) {
    this.#pointers.delete(event.pointerId);
    if (event.type === "pointerleave") this.#tip.hidden = true;
  }

  #hover(event) {
    const box = this.#canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const found = this.#drawn
      .filter((one) => x >= one.x0 - 2 && x <= one.x1 + 2)
      .filter((one) => y >= one.y0 && y <= one.y1)
      .at(-1);
    this.#tip.hidden = !found;
    if (!found) return;
    this.#tip.textContent = this.#told(found.mark);
    const left = Math.min(x + 12, box.width - this.#tip.offsetWidth - 4);
    this.#tip.style.left = `${Math.max(0, left)}px`;
    this.#tip.style.top = `${y + 16}px`;
  }

  #told(mark) {
    const at_ms = Math.round((mark.start_s - this.#begin_s()) * 1000);
    const took_ms = Math.round((this.#stop_s(mark) - mark.start_s) * 1000);
    const when = took_ms ? `${at_ms} ms, for ${took_ms} ms` : `${at_ms} ms`;
    return [mark.text, mark.detail, when].filter(Boolean).join(" · ");
  }

  #key(event) {
    const actions = {
      ArrowLeft: () => this.#pan(-this.#span_s / 8),
      ArrowRight: () => this.#pan(this.#span_s / 8),
      "+": () => this.zoom(0.7),
      "=": () => this.zoom(0.7),
      "-": () => this.zoom(1.4),
      0: () => this.showLast(),
    };
    const act = actions[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  }
}

function colourOf(place, kind) {
  return place.colour(`mark-${COLOURS[kind] ?? "done"}`);
}

function inkOf(kind) {
  const colour = COLOURS[kind];
  if (colour === "failure") return "bad";
  return colour === "resume" ? "good" : "soft";
}

function cross({ to }, x, y, colour) {
  to.strokeStyle = colour;
  to.lineWidth = 2.5;
  to.beginPath();
  to.moveTo(x - 4, y - 4);
  to.lineTo(x + 4, y + 4);
  to.moveTo(x + 4, y - 4);
  to.lineTo(x - 4, y + 4);
  to.stroke();
}

function groupBy(all, keyOf) {
  const groups = new Map();
  for (const one of all) {
    const key = keyOf(one);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return groups;
}

function timeText(at_s, step) {
  if (step < 0.1) return `${Math.round(at_s * 1000)} ms`;
  if (Math.abs(at_s) < 60) return `${at_s.toFixed(step < 1 ? 1 : 0)} s`;
  const minutes = Math.floor(at_s / 60);
  const seconds = String(Math.round(at_s % 60)).padStart(2, "0");
  return `${minutes}:${seconds}`;
}
