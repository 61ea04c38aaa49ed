// Plays answers sample by sample, and tells exactly where it is.

const FADE_S = 0.005;
const TOLD_EVERY_S = 0.04;
const RECORDED_SAMPLES = 2048;

class Speaker extends AudioWorkletProcessor {
  #chunks = []; // {number, samples}, in order
  #offset = 0; // samples of the first chunk that were played
  #number = 0; // the answer that is being played, or was last
  #played = 0; // samples of it
  #whole = 0; // samples of it in full strength, once it was cut
  #queued = 0; // samples that wait
  #complete = 0; // the answer of which all has come
  #fade = 0; // samples that are left to fade, once cut
  #isCut = false;
  #isDry = true;
  #told_s = 0;
  #recorded = new Int16Array(RECORDED_SAMPLES);
  #filled = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#take(data);
  }

  #take({ type, number, samples }) {
    if (type === "push") {
      this.#chunks.push({ number, samples });
      this.#queued += samples.length;
    } else if (type === "complete") {
      this.#complete = number;
      if (!this.#queued) this.#turnTo(number);
      if (!this.#queued) this.#tell("over");
    } else if (type === "cut") {
      this.#cut(number);
    }
  }

  process(_, [[output]]) {
    let index = 0;
    while (index < output.length && this.#chunks.length) {
      const { number, samples } = this.#chunks[0];
      this.#turnTo(number);
      output[index] = (samples[this.#offset++] / 32768) * this.#gain();
      this.#record(output[index++]);
      this.#played++;
      this.#queued--;
      if (this.#offset === samples.length) {
        this.#chunks.shift();
        this.#offset = 0;
      }
      if (this.#isCut && !this.#fade) this.#finishCut(number, index);
    }
    this.#report(index, output.length);
    return true;
  }

  /** Let the present answer fade, and drop what waits of it. */
  #cut(number) {
    const own = this.#chunks.filter((one) => one.number <= number);
    const left = samplesIn(own) - (own.length ? this.#offset : 0);
    this.#isCut = true;
    this.#whole = this.#number === number ? this.#played : 0;
    this.#fade = Math.min(Math.round(FADE_S * sampleRate), left);
    if (!this.#fade) this.#finishCut(number);
  }

  #turnTo(number) {
    if (number === this.#number) return;
    this.#number = number;
    this.#played = 0;
  }

  #gain() {
    if (!this.#isCut) return 1;
    return this.#fade-- / (FADE_S * sampleRate);
  }

  #finishCut(number, index = 0) {
    if (this.#number !== number) this.#turnTo(number);
    this.#chunks = this.#chunks.filter((one) => one.number > number);
    this.#offset = this.#fade = 0;
    this.#queued = samplesIn(this.#chunks);
    this.#isCut = false;
    // A word whose last sounds faded away was not heard.
    this.#played = this.#whole;
    this.#tell("cut", index);
  }

  #report(sounded, size) {
    if (sounded && this.#isDry) this.#tell("playing");
    this.#isDry = sounded < size;
    if (sounded && !this.#queued && this.#complete === this.#number) {
      this.#tell("over", sounded);
    } else if (sounded && currentTime - this.#told_s > TOLD_EVERY_S) {
      this.#tell("playing", size);
    }
  }

  /** Say how much was played `index` samples into this block. */
  #tell(type, index = 0) {
    this.#told_s = currentTime;
    // Who is told that it has ended may look at once at what was heard.
    if (type !== "playing") this.#passOn();
    this.port.postMessage({
      type,
      number: this.#number,
      played_s: this.#played / sampleRate,
      queued_s: this.#queued / sampleRate,
      at_s: currentTime + index / sampleRate,
    });
  }

  #record(sample) {
    this.#recorded[this.#filled++] = Math.round(sample * 32768);
    if (this.#filled === RECORDED_SAMPLES) this.#passOn();
  }

  #passOn() {
    if (!this.#filled) return;
    const samples = this.#recorded.slice(0, this.#filled);
    this.#filled = 0;
    this.port.postMessage({ type: "heard", samples }, [samples.buffer]);
  }
}

function samplesIn(chunks) {
  return chunks.reduce((sum, one) => sum + one.samples.length, 0);
}

registerProcessor("speaker", Speaker);
