// The echo round trip: the time from a text message to its return.

const INTERVAL = 1000; // milliseconds
const PATIENCE = 5000;
const KEPT = 120;

/** Sends with `send`, and tells `changed` what there is to say. */
export class EchoTimer {
  #send;
  #changed;
  #timer;
  #probe = null;
  #sentAt;
  #times = [];
  #sent = 0;

  constructor(send, changed) {
    this.#send = send;
    this.#changed = changed;
  }

  start() {
    this.stop();
    this.#times = [];
    this.#changed('waiting for the first echo');
    this.#next();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#probe = null;
  }

  /** Returns whether the text was a probe come back. */
  take(text) {
    if (text !== this.#probe) return false;
    this.#times.push(performance.now() - this.#sentAt);
    if (this.#times.length > KEPT) this.#times.shift();
    this.#changed(null, figures(this.#times));
    clearTimeout(this.#timer);
    this.#probe = null;
    this.#timer = setTimeout(() => this.#next(), INTERVAL);
    return true;
  }

  #next() {
    this.#sent += 1;
    // Random, so that in a chat no page takes another's probe for its own.
    this.#probe = `wirelet-probe ${this.#sent} ${Math.random().toString(36).slice(2)}`;
    this.#sentAt = performance.now();
    this.#send(this.#probe);
    this.#timer = setTimeout(() => {
      this.#changed(`no echo within ${PATIENCE / 1000} s`);
      this.#next();
    }, PATIENCE);
  }
}

function figures(times) {
  const sorted = times.toSorted((a, b) => a - b);
  return {
    last: times.at(-1),
    median: sorted[Math.floor(sorted.length / 2)],
    max: sorted.at(-1),
    n: times.length,
  };
}
