// The list of what went in and out, filterable and copyable.

const SHOWN = 300;
const KEPT = 100_000;
const ARROWS = { in: "→", out: "←", wire: "≈", audio: "♪" };

export class EventList {
  #list;
  #filter;
  #kinds;
  #lines = [];
  #start_s = null;
  #isStale = false;

  constructor({ list, filter, kinds, copy }) {
    this.#list = list;
    this.#filter = filter;
    this.#kinds = kinds;
    filter.addEventListener("input", () => this.#redraw());
    for (const box of kinds) {
      box.addEventListener("change", () => this.#redraw());
    }
    copy.addEventListener("click", () => this.#copy(copy));
  }

  /** All lines, as a trace file has them. */
  get file() {
    return this.#lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  }

  clear() {
    this.#lines = [];
    this.#start_s = null;
    this.#redraw();
  }

  add(lines) {
    this.#start_s ??= lines[0]?.t;
    this.#lines.push(...lines);
    if (this.#lines.length > KEPT) {
      // The start and the settings stay: a replay needs them.
      this.#lines.splice(2, this.#lines.length - KEPT);
    }
    this.#refresh();
  }

  #refresh() {
    if (this.#isStale) return;
    this.#isStale = true;
    requestAnimationFrame(() => this.#redraw());
  }

  #matching() {
    const kinds = new Set();
    for (const box of this.#kinds) if (box.checked) kinds.add(box.dataset.kind);
    const wanted = this.#filter.value.trim().toLowerCase();
    return this.#lines.filter(
      (line) =>
        kinds.has(kindOf(line)) &&
        (!wanted || JSON.stringify(line).toLowerCase().includes(wanted)),
    );
  }

  #redraw() {
    this.#isStale = false;
    const list = this.#list;
    const isAtEnd =
      list.scrollTop + list.clientHeight >= list.scrollHeight - 30;
    const open = new Set(
      [...list.querySelectorAll("details[open]")].map((one) => one.line),
    );
    list.replaceChildren(
      ...this.#matching()
        .slice(-SHOWN)
        .map((line) => this.#row(line, open.has(line))),
    );
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }

  #row(line, isOpen) {
    const row = document.createElement("li");
    const details = document.createElement("details");
    details.line = line;
    details.open = isOpen;
    const summary = document.createElement("summary");
    const time = document.createElement("time");
    time.textContent = `${(line.t - this.#start_s).toFixed(3)} s`;
    const said = document.createElement("span");
    said.className = "said";
    said.textContent = saidBy(line);
    const name = document.createElement("span");
    name.textContent = nameOf(line);
    if (isFailure(line)) name.className = said.className = "said failed";
    summary.append(time, ARROWS[kindOf(line)], name, said);
    details.append(summary);
    const fill = () => {
      if (details.querySelector("pre")) return;
      const whole = document.createElement("pre");
      whole.textContent = JSON.stringify(line, null, 1);
      details.append(whole);
    };
    if (isOpen) fill();
    details.addEventListener("toggle", fill);
    row.append(details);
    return row;
  }

  async #copy(button) {
    const text = this.#matching()
      .map((line) => JSON.stringify(line))
      .join("\n");
    await copyText(text, button);
  }
}

/** Copy a text, and say so on the button. */
export async function copyText(text, button) {
  const title = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "The browser forbids it";
  }
  setTimeout(() => (button.textContent = title), 1200);
}

function kindOf(line) {
  if (line.name === "pcm_frame" || line.message?.type === "audio") {
    return "audio";
  }
  if (line.page === "played") return "audio";
  if (line.wire) return "wire";
  return line.ten === "in" ? "in" : "out";
}

function nameOf(line) {
  if (line.wire) return `${line.message?.type ?? line.wire} #${line.socket}`;
  return line.name ?? line.page?.replace("_", " ") ?? line.ten;
}

function isFailure(line) {
  return (
    line.name === "error" ||
    line.page === "refused_settings" ||
    ["lost", "refused"].includes(line.wire) ||
    line.message?.type === "error"
  );
}

function saidBy(line) {
  const { fields, message } = line;
  if (line.wire) {
    const said = message?.text ?? message?.message ?? line.error ?? line.host;
    return said ?? (message?.bytes ? `${message.bytes} bytes` : "");
  }
  if (line.page) {
    return line.message ?? `${line.played_s} s of ${line.request_id} heard`;
  }
  if (line.bytes) return `${line.bytes} bytes`;
  if (fields?.metrics) return JSON.stringify(fields.metrics);
  if (fields?.words) return fields.text;
  if (line.name === "tts_audio_end") {
    return `${fields.request_id}, reason ${fields.reason}`;
  }
  if (fields?.current) return fields.current;
  return (
    fields?.text ?? fields?.message ?? fields?.request_id ??
    (fields || line.config ? JSON.stringify(fields ?? line.config) : "")
  );
}
