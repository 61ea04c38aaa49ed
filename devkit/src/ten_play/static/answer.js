// One answer: its text as it is written, and what of it was heard.

/** Letters and digits of a text, for comparing. */
export function lettersOf(text) {
  return text.normalize("NFKD").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

// How far ahead a spoken word may be found in the text.
const AHEAD_LETTERS = 80;

export class Answer {
  constructor(number, request_id, parent) {
    this.number = number;
    this.request_id = request_id;
    this.isOver = false;
    this.isCut = false; // nothing more of it is played
    this.isComplete = false; // nothing more of it will come
    this.delivered_s = 0;
    this.rate_hz = 0;
    this.words = []; // {text, start_s, stop_s, spans}
    this.reached = []; // words, as they were heard, and where the sound was
    this.element = document.createElement("p");
    this.element.className = "answer";
    this.#parent = parent;
    parent.append(this.element);
  }

  #parent;
  #tellComplete;
  #whenComplete = new Promise((resolve) => (this.#tellComplete = resolve));
  #text = "";
  #tokens = []; // {element, first, last}: its letters in all
  #letters = "";
  #found = 0; // letters that were spoken
  #shown = 0; // words up to here have the right colours

  get text() {
    return this.#text;
  }

  /** Of the tokens that have letters, how many there are. */
  get tokenCount() {
    return this.#tokens.filter((one) => one.first < one.last).length;
  }

  complete() {
    this.isComplete = true;
    this.#tellComplete();
  }

  /** Wait until all that was on its way has come, but not for ever. */
  untilComplete(patience_ms) {
    const enough = new Promise((resolve) => setTimeout(resolve, patience_ms));
    return Promise.race([this.#whenComplete, enough]);
  }

  write(piece) {
    this.#text += piece;
    // The last token may go on; those before it are whole.
    const last = this.#tokens.pop();
    const from = last ? last.at : 0;
    last?.element.remove();
    if (last) this.#letters = this.#letters.slice(0, last.first);
    for (const match of this.#text.slice(from).matchAll(/\S+\s*/g)) {
      this.#addToken(match[0], from + match.index);
    }
    // A word that is already lit may have been written again.
    this.#shown = 0;
  }

  #addToken(text, at) {
    const element = document.createElement("span");
    element.className = "word";
    element.textContent = text.trimEnd();
    this.element.append(element, /\n\s*$/.test(text) ? "\n" : " ");
    const first = this.#letters.length;
    this.#letters += lettersOf(text);
    const last = this.#letters.length;
    this.#tokens.push({ element, first, last, at });
  }

  /** Words were delivered: find them in the text. */
  take(words) {
    for (const word of words) {
      const letters = lettersOf(word.text);
      const ahead = this.#letters.slice(
        this.#found,
        this.#found + AHEAD_LETTERS + letters.length,
      );
      const at = ahead.indexOf(letters);
      const first = this.#found + Math.max(at, 0);
      this.#found = first + (at < 0 ? 0 : letters.length);
      this.words.push({ ...word, first, last: this.#found });
    }
    this.#shown = 0;
  }

  /** Colour the words for a place in the sound; null is before it. */
  light(position_s) {
    const { words } = this;
    if (position_s === null) position_s = -1;
    let from = this.#shown;
    while (from > 0 && words[from - 1].stop_s > position_s) from--;
    for (let index = from; index < words.length; index++) {
      const { start_s, stop_s } = words[index];
      let state = "delivered";
      if (stop_s <= position_s) state = "heard";
      else if (start_s <= position_s) state = "lit";
      this.#colour(words[index], index, state, position_s);
      if (state === "heard") this.#shown = index + 1;
    }
  }

  #colour(word, index, state, position_s) {
    const isReached = state === "lit" || state === "heard";
    if (isReached && !word.isReached) {
      word.isReached = true;
      this.reached.push({ ...word, state, position_s });
    }
    word.state = state;
    for (const token of this.#tokensOf(word)) {
      // A token of several words is heard when its last one is.
      const isLast = token.last <= word.last;
      token.element.className =
        state === "heard" && !isLast ? "word lit" : `word ${state}`;
    }
  }

  #tokensOf({ first, last }) {
    return this.#tokens.filter((one) => one.first < last && one.last > first);
  }

  /** Nothing more of it is heard; what was not is struck out. */
  finish(played_s, isCut) {
    this.isOver = true;
    this.light(played_s);
    let heard = "";
    let missed = "";
    const heardLetters = this.#heardLetters(played_s, isCut);
    for (const { element, first, last } of this.#tokens) {
      const isHeard = last <= heardLetters || first === last;
      if (isHeard) {
        if (!isCut || first < last) element.className = "word heard";
        heard += `${element.textContent} `;
      } else {
        element.className = "word cut";
        missed += `${element.textContent} `;
      }
    }
    return { heard: heard.trim(), missed: missed.trim() };
  }

  #heardLetters(played_s, isCut) {
    if (!isCut) return Infinity;
    let letters = 0;
    for (const word of this.words) {
      if (word.stop_s <= played_s + 0.001) letters = word.last;
    }
    return letters;
  }

  /** Of the tokens that have letters, how many were heard. */
  heardCount(position_s, isCut = true) {
    const heardLetters = this.#heardLetters(position_s ?? -1, isCut);
    return this.#tokens.filter(
      ({ first, last }) => first < last && last <= heardLetters,
    ).length;
  }

  verdict(text) {
    const told = document.createElement("span");
    told.className = "verdict";
    told.textContent = text;
    this.element.append(told);
  }
}
