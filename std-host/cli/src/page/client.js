// The page's own WebSocket: opened, kept open if wanted, and counted.

const FIRST_DELAY = 500; // milliseconds
const LAST_DELAY = 30_000;

// The registry of RFC 6455, section 11.7, and what was added to it since.
const CLOSE_CODES = {
  1000: 'normal closure',
  1001: 'going away',
  1002: 'protocol error',
  1003: 'unsupported data',
  1005: 'no status received',
  1006: 'abnormal closure',
  1007: 'invalid payload data',
  1008: 'policy violation',
  1009: 'message too big',
  1010: 'mandatory extension',
  1011: 'internal error',
  1012: 'service restart',
  1013: 'try again later',
  1014: 'bad gateway',
  1015: 'TLS handshake',
};

/** `changed` is told each new state, `message` each message that came, `counted` the new totals. */
export class Client {
  /** `closed`, `connecting`, `open`, `closing` or `waiting`, for the next attempt. */
  state = 'closed';
  /** Whether a connection that is lost is opened again. */
  reconnect = false;
  /** What this page added to the server's counters; bytes are payload. */
  totals = { up: { messages: 0, bytes: 0 }, down: { messages: 0, bytes: 0 } };
  #hooks;
  #socket;
  #target;
  #timer;
  #attempts = 0;

  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** Throws if the URL or the subprotocol cannot be used. */
  connect(url, subprotocol) {
    const target = new URL(url);
    if (!/^wss?:$/.test(target.protocol)) {
      throw new Error(`${target.protocol}// is no WebSocket URL; it begins with ws:// or wss://.`);
    }
    if (target.host !== location.host) {
      throw new Error(
        `This page may connect to its own server only, ${location.host}; for ${target.host} there is the command wirelet connect.`,
      );
    }
    this.#target = [url, subprotocol ? [subprotocol] : []];
    this.#attempts = 0;
    this.#open();
  }

  disconnect() {
    clearTimeout(this.#timer);
    if (this.state === 'waiting') {
      this.#become('closed', 'Closed');
      return;
    }
    this.#target = null;
    this.#become('closing', 'Closing');
    this.#socket.close(1000);
  }

  /** Sends a string or bytes; `size` is the length of its payload. */
  send(data, size) {
    this.#socket.send(data);
    this.#count('up', size);
  }

  #open() {
    const socket = new WebSocket(...this.#target);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#attempts += 1;
    this.#become('connecting', `Connecting to ${this.#target[0]}`);
    socket.onopen = () => {
      this.#attempts = 0;
      const chosen = socket.protocol ? `, subprotocol ${socket.protocol}` : '';
      this.#become('open', `Open${chosen}`);
    };
    socket.onmessage = ({ data }) => {
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data);
      this.#count('down', bytes.length);
      this.#hooks.message(data, bytes);
    };
    socket.onclose = ({ code, reason }) => {
      const never = this.state === 'connecting' ? 'Not connected' : 'Closed';
      const name = CLOSE_CODES[code] ? ` ${CLOSE_CODES[code]}` : '';
      const why = `${never}: ${code}${name}${reason && `, “${reason}”`}`;
      if (this.reconnect && this.#target) this.#wait(why);
      else this.#become('closed', why);
    };
  }

  /** Twice as long each time, and not all pages at the same moment when a server comes back. */
  #wait(why) {
    const longest = Math.min(LAST_DELAY, FIRST_DELAY * 2 ** this.#attempts);
    const delay = longest * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#open(), delay);
    this.#become('waiting', `${why}. Next attempt in ${(delay / 1000).toFixed(1)} s`);
  }

  #count(way, size) {
    this.totals[way].messages += 1;
    this.totals[way].bytes += size;
    this.#hooks.counted(this.totals);
  }

  #become(state, why) {
    this.state = state;
    this.#hooks.changed(state, why);
  }
}
