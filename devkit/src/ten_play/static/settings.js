// Voice, speed and the rest, through `update_configs`.

import { copyText } from "./events.js";

const byId = (id) => document.getElementById(id);

export class Settings {
  #link;
  #tree = {};

  constructor(link) {
    this.#link = link;
    this.#onChange("voice", (one) => ({ params: { voice_id: one.value } }));
    this.#onChange("speed", (one) => ({
      params: { speed: Number(one.value) },
    }));
    this.#onChange("format", (one) => this.#format(one.value));
    this.#onChange("sample-rate", (one) => ({
      params: { sample_rate: Number(one.value) },
    }));
    this.#onChange("words", (one) => ({ enable_words: one.checked }));
    this.#onChange("markdown", (one) => ({
      params: { clean_markdown: one.checked },
    }));
    byId("any-setting").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#setAny();
    });
    byId("copy-settings").addEventListener("click", ({ target }) =>
      copyText(`${JSON.stringify(this.#tree, null, 2)}\n`, target),
    );
    link.addEventListener("settings", ({ detail }) => this.#answered(detail));
  }

  /** A new extension: the menu of voices, and what it begins with. */
  begin(voices, tree) {
    const menu = byId("voice");
    menu.replaceChildren(new Option("the default voice", ""));
    const groups = new Map();
    for (const { id, name, language } of voices) {
      if (!groups.has(language)) {
        const group = document.createElement("optgroup");
        group.label = language || "others";
        groups.set(language, group);
        menu.append(group);
      }
      groups.get(language).append(new Option(name, id));
    }
    this.#show(tree);
  }

  /** Use a voice by its name. */
  useVoice(name) {
    const menu = byId("voice");
    const option = [...menu.options].find((one) => one.text === name);
    if (option && menu.value !== option.value) {
      menu.value = option.value;
      this.#send({ params: { voice_id: option.value } });
    }
  }

  #onChange(id, changesOf) {
    const control = byId(id);
    control.addEventListener("change", () => this.#send(changesOf(control)));
  }

  #format(format) {
    const rate = Number(byId("sample-rate").value);
    const params = { output_format: format };
    if (format === "pcm") params.sample_rate = rate;
    return { params };
  }

  #setAny() {
    const name = byId("any-name").value.trim();
    if (!name) return;
    const text = byId("any-value").value.trim();
    let value = text;
    try {
      value = JSON.parse(text);
    } catch {
      // A text without quotation marks is a text.
    }
    this.#send({ params: { [name]: value } });
  }

  #send(changes) {
    this.#link.send("settings", { changes });
  }

  #answered({ is_ok, problem, warnings, settings }) {
    const told = byId("settings-told");
    told.classList.toggle("bad", !is_ok || warnings.length > 0);
    told.textContent = is_ok
      ? ["Taken over, from the next answer on", ...warnings].join("; ")
      : `Refused, all stays as it was: ${problem}`;
    this.#show(settings);
  }

  #show(tree) {
    this.#tree = tree;
    const { params } = tree;
    byId("voice").value = params.voice_id ?? "";
    byId("speed").value = params.speed ?? 1;
    byId("format").value = params.output_format ?? "pcm";
    byId("sample-rate").value = params.sample_rate ?? 24000;
    byId("sample-rate").disabled = byId("format").value !== "pcm";
    byId("words").checked = tree.enable_words;
    byId("markdown").checked = params.clean_markdown ?? true;
  }
}
