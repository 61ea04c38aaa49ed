// The socket to the server, and the server's clock.

const AGAIN_MS = 1000;
const CLOCK_EVERY_MS = 5000;

/** Dispatches one event for each type of message; "frame" for audio. */
export class Link extends EventTarget {
  #socket = null;
  #offset_s = null;
  #shortest_ms = Infinity;

  constructor() {
    super();
    this.#open();
    setInterval(() => this.#askTime(), CLOCK_EVERY_MS);
  }

  /** The server's clock in seconds, at a time of `performance.now()`. */
  server_s(page_ms = performance.now()) {
    return page_ms / 1000 + (this.#offset_s ?? 0);
  }

  send(type, fields = {}) {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify({ type, ...fields }));
    }
  }

  #open() {
    const socket = new WebSocket(`ws://${location.host}/socket`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#shortest_ms = Infinity;
      for (let asked = 0; asked < 4; asked++) this.#askTime();
    };
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = () => {
      this.#tell("gone", {});
      setTimeout(() => this.#open(), AGAIN_MS);
    };
    this.#socket = socket;
  }

  #take(data) {
    if (data instanceof ArrayBuffer) {
      const [number, rate_hz] = new Uint32Array(data, 0, 2);
      this.#tell("frame", { number, rate_hz, pcm: new Int16Array(data, 8) });
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "clock") this.#setClock(message);
    else this.#tell(message.type, message);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #askTime() {
    this.send("clock", { page_ms: performance.now() });
  }

  /** The quickest answer tells best. */
  #setClock({ page_ms, server_s }) {
    const took_ms = performance.now() - page_ms;
    if (took_ms < this.#shortest_ms) {
      this.#shortest_ms = took_ms;
      this.#offset_s = server_s - (page_ms + took_ms / 2) / 1000;
    }
  }
}
