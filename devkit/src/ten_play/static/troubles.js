// What can go wrong at a click.

const byId = (id) => document.getElementById(id);
const SHOWN_MS = 6000;

export class Troubles {
  #link;
  #byName = new Map();

  constructor(link) {
    this.#link = link;
    const slider = byId("rtt");
    slider.addEventListener("input", () => this.#roundTrip(slider.value));
    link.addEventListener("trouble", ({ detail }) => this.#happens(detail));
  }

  /** A new line: the buttons, and a server that is near again. */
  begin(troubles) {
    this.#byName = new Map(troubles.map((one) => [one.name, one]));
    byId("troubles").replaceChildren(...troubles.map((one) => this.#button(one)));
    if (byId("rtt").value !== "0") this.#roundTrip(byId("rtt").value);
  }

  #button({ name, title, does, is_possible }) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = button.dataset.title = title;
    button.dataset.name = name;
    button.disabled = !is_possible;
    button.title = is_possible ? does : `${does} Only with the local server.`;
    button.addEventListener("click", () => this.#link.send("trouble", { name }));
    return button;
  }

  #roundTrip(ms) {
    byId("rtt-told").textContent = `${ms} ms`;
    this.#link.send("round_trip", { ms: Number(ms) });
  }

  #happens({ name, when }) {
    for (const one of byId("troubles").children) {
      const isThis = one.dataset.name === name;
      if (isThis) one.dataset.when = when;
      else if (one.dataset.when === "armed") delete one.dataset.when;
    }
    this.#explain(this.#byName.get(name), when);
    if (when !== "now") return;
    const button = byId("troubles").querySelector(`[data-name="${name}"]`);
    setTimeout(() => delete button.dataset.when, SHOWN_MS);
  }

  #explain({ does, here, elsewhere }, when) {
    const told = byId("trouble-told");
    const first = document.createElement("p");
    first.textContent =
      when === "armed" ? `In the next answer: ${does}` : does;
    const list = document.createElement("dl");
    for (const [title, text, kind] of [
      ["Here:", here, "here"],
      ["Elsewhere:", elsewhere, ""],
    ]) {
      const term = document.createElement("dt");
      const said = document.createElement("dd");
      term.textContent = title;
      said.textContent = text;
      said.className = kind;
      list.append(term, said);
    }
    told.replaceChildren(first, list);
  }
}
