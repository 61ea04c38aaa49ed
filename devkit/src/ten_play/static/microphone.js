// Interrupts when somebody speaks up: an energy gate, nothing more.

const GATE = 0.045; // of full scale, RMS
const FOR_MS = 90;

export class Microphone extends EventTarget {
  #stream = null;
  #context = null;
  #timer = 0;
  #since_ms = 0;

  get isOn() {
    return this.#stream !== null;
  }

  /** Begin to listen; throws where that is not allowed. */
  async start(showLoudness) {
    this.#stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true },
    });
    this.#context = new AudioContext();
    const meter = this.#context.createAnalyser();
    meter.fftSize = 1024;
    this.#context.createMediaStreamSource(this.#stream).connect(meter);
    const samples = new Float32Array(meter.fftSize);
    this.#timer = setInterval(() => {
      meter.getFloatTimeDomainData(samples);
      const energy = samples.reduce((sum, one) => sum + one * one, 0);
      const loudness = Math.sqrt(energy / samples.length);
      showLoudness(Math.min(1, loudness / (2 * GATE)));
      this.#judge(loudness);
    }, 20);
  }

  stop() {
    clearInterval(this.#timer);
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#context?.close();
    this.#stream = this.#context = null;
  }

  #judge(loudness) {
    const now = performance.now();
    if (loudness < GATE) this.#since_ms = 0;
    else this.#since_ms ||= now;
    if (this.#since_ms && now - this.#since_ms >= FOR_MS) {
      this.dispatchEvent(
        new CustomEvent("speech", { detail: { since_ms: this.#since_ms } }),
      );
      this.#since_ms = 0;
    }
  }
}
