// The audio of the page: what is played, when, and what was heard of it.

const KEPT_S = 600;
const RECORDED_SAMPLES = 2048; // as the speaker passes them on

/**
 * Events: "over" and "cut" with {number, played_s, at_ms}, at_ms on the clock
 * of `performance.now()`, when it was to be heard.
 */
export class Player extends EventTarget {
  #context = null;
  #node = null;
  #rate_hz = 0;
  #early = [];
  #last = null; // what the speaker told last
  #recorded = [];

  /** Make sound possible; called when the user does something. */
  async unlock(rate_hz = this.#rate_hz || 24000) {
    if (this.#context && this.#rate_hz === rate_hz) {
      if (this.#context.state === "suspended") await this.#context.resume();
      return;
    }
    this.#rate_hz = rate_hz;
    // What comes until the new one is there waits.
    this.#node = null;
    this.#context?.close();
    const context = new AudioContext({
      sampleRate: rate_hz,
      latencyHint: "interactive",
    });
    this.#context = context;
    try {
      await context.audioWorklet.addModule("/static/speaker-worklet.js");
    } catch (error) {
      if (this.#context === context) throw error;
    }
    if (this.#context !== context) return; // another rate is wanted by now
    const node = new AudioWorkletNode(context, "speaker", {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    node.port.onmessage = ({ data }) => this.#hear(data);
    node.connect(context.destination);
    this.#recorded = [];
    for (const message of this.#early.splice(0)) node.port.postMessage(message);
    this.#node = node;
  }

  /** Whether the browser waits for the user to do something first. */
  get isLocked() {
    return this.#context?.state !== "running";
  }

  get rate_hz() {
    return this.#rate_hz;
  }

  play(number, rate_hz, samples) {
    if (rate_hz !== this.#rate_hz) this.unlock(rate_hz);
    this.#post({ type: "push", number, samples });
  }

  complete(number) {
    this.#post({ type: "complete", number });
  }

  /** Fall silent within 5 ms; later answers stay. */
  cut(number) {
    this.#early = this.#early.filter((one) => one.number > number);
    this.#post({ type: "cut", number });
  }

  /**
   * Where the listener is, in seconds of an answer; null if it is not being
   * played. What left the speaker counts, not what was handed to the system.
   */
  position_s(number) {
    const last = this.#last;
    if (last?.number !== number) return null;
    if (last.type !== "playing") return last.played_s;
    const since_s = this.#audible_s() - last.at_s;
    return Math.max(0, last.played_s + Math.min(since_s, last.queued_s));
  }

  /** How much has come and was not heard yet. */
  queued_s(number) {
    const last = this.#last;
    if (last?.number !== number || last.type !== "playing") return 0;
    const since_s = this.#audible_s() - last.at_s;
    return Math.max(0, last.queued_s - Math.max(0, since_s));
  }

  /** What was played, as a WAV file; the last ten minutes. */
  recording() {
    const samples = this.#recorded.reduce((sum, one) => sum + one.length, 0);
    const file = new DataView(new ArrayBuffer(44 + samples * 2));
    const text = (at, letters) =>
      [...letters].forEach((letter, index) =>
        file.setUint8(at + index, letter.charCodeAt(0)),
      );
    text(0, "RIFF");
    file.setUint32(4, 36 + samples * 2, true);
    text(8, "WAVEfmt ");
    file.setUint32(16, 16, true);
    file.setUint16(20, 1, true);
    file.setUint16(22, 1, true);
    file.setUint32(24, this.#rate_hz, true);
    file.setUint32(28, this.#rate_hz * 2, true);
    file.setUint16(32, 2, true);
    file.setUint16(34, 16, true);
    text(36, "data");
    file.setUint32(40, samples * 2, true);
    let at = 44;
    for (const chunk of this.#recorded) {
      for (const sample of chunk) {
        file.setInt16(at, sample, true);
        at += 2;
      }
    }
    return new Blob([file], { type: "audio/wav" });
  }

  get hasRecording() {
    return this.#recorded.length > 0;
  }

  #post(message) {
    if (this.#node) this.#node.port.postMessage(message);
    else this.#early.push(message);
  }

  #hear(told) {
    if (told.type === "heard") {
      this.#recorded.push(told.samples);
      const most = (KEPT_S * this.#rate_hz) / RECORDED_SAMPLES;
      if (this.#recorded.length > most) this.#recorded.shift();
      return;
    }
    this.#last = told;
    if (told.type === "playing") return;
    const { type, number, played_s, at_s } = told;
    const detail = { number, played_s, at_ms: this.#page_ms(at_s) };
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** The time of the context at which what is heard now was to be played. */
  #audible_s() {
    const { contextTime, performanceTime } = this.#stamp();
    return contextTime + (performance.now() - performanceTime) / 1000;
  }

  #page_ms(context_s) {
    const { contextTime, performanceTime } = this.#stamp();
    return performanceTime + (context_s - contextTime) * 1000;
  }

  #stamp() {
    const stamp = this.#context.getOutputTimestamp?.();
    if (stamp?.performanceTime) return stamp;
    const latency_s = this.#context.outputLatency || 0;
    return {
      contextTime: this.#context.currentTime - latency_s,
      performanceTime: performance.now(),
    };
  }
}
