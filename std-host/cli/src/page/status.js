// What the server tells of itself, asked for each second while the page is seen.

const INTERVAL = 1000; // milliseconds
const PATIENCE = 5000;
const GAP = 3000; // milliseconds between answers that a rate is not spread over

/** How far back the rates go, in milliseconds. */
export const SPAN = 120_000;

/**
 * `own` returns this page's own totals. `answered` is told each status, whether it is of a server that
 * was started anew, and when it was asked for; `failed` is told why there is none.
 */
export class Status {
  /** Rates a second, oldest first; a null where there was nobody to ask. */
  samples = [];
  #own;
  #hooks;
  #timer;
  #asking = false;
  #last = null;

  constructor(own, hooks) {
    this.#own = own;
    this.#hooks = hooks;
    document.addEventListener('visibilitychange', () => this.ask());
  }

  /** Asks now, and then each second. */
  async ask() {
    clearTimeout(this.#timer);
    if (document.hidden || this.#asking) return;
    this.#asking = true;
    const asked = performance.now();
    try {
      const status = await fetchJson('status.json');
      this.#take(status, asked);
    } catch (error) {
      this.#last = null;
      this.#hooks.failed(error);
    }
    this.#asking = false;
    const rest = INTERVAL - (performance.now() - asked);
    this.#timer = setTimeout(() => this.ask(), Math.max(0, rest));
  }

  #take(status, asked) {
    const now = {
      at: performance.now(),
      uptime: status.uptime,
      server: {
        up: { messages: status.totals.messages_received, bytes: status.totals.bytes_received },
        down: { messages: status.totals.messages_sent, bytes: status.totals.bytes_sent },
      },
      own: structuredClone(this.#own()),
    };
    const last = this.#last;
    this.#last = now;
    const anew = this.#uptime > now.uptime;
    this.#uptime = now.uptime;
    const steady = last && !anew && now.at - last.at < GAP;
    this.samples.push({ at: now.at, rates: steady ? rates(last, now) : null });
    while (this.samples[0].at < now.at - SPAN - INTERVAL) this.samples.shift();
    this.#hooks.answered(status, { anew, asked });
  }

  #uptime = 0;
}

/** Gets a JSON document of the server; the error says what was wrong. */
export async function fetchJson(path) {
  const response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
  if (!response.ok) {
    throw new Error(`the server answered ${response.status} to ${path}`, { cause: response.status });
  }
  return response.json();
}

function rates(last, now) {
  const seconds = (now.at - last.at) / 1000;
  const each = (who, way, what) => (now[who][way][what] - last[who][way][what]) / seconds;
  const way = (who, way) => ({
    messages: each(who, way, 'messages'),
    bytes: each(who, way, 'bytes'),
  });
  const both = (who) => ({ up: way(who, 'up'), down: way(who, 'down') });
  return { server: both('server'), own: both('own') };
}
