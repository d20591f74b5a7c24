// Checks, time limits, the program `wirelet`, and a real client's connection.

import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { createRequire } from 'node:module';
import { isDeepStrictEqual, inspect } from 'node:util';

// An import would not look into NODE_PATH.
export const { WebSocket, WebSocketServer } = createRequire(import.meta.url)('ws');

const TIME_LIMIT = 10_000; // milliseconds, for each wait
const checks = [];
const cleanups = [];

/** Marks a function, whose name says what holds, as a check. */
export function check(talk) {
  checks.push(talk);
}

/** Runs all checks; the process exits with 1 if one failed. */
export async function run() {
  let status = 0;
  for (const talk of checks) {
    try {
      await talk();
      console.log('ok', talk.name);
    } catch (error) {
      status = 1;
      const at = /\w+\.mjs:\d+/.exec(error.stack?.replace(/.*harness\.mjs.*/g, ''));
      console.log(`FAILED ${talk.name}\n    ${error.message} (${at})`);
    }
    for (const cleanup of cleanups.splice(0)) cleanup();
  }
  process.exit(status);
}

/** Has something done when the check is over, however it went. */
export function afterwards(cleanup) {
  cleanups.push(cleanup);
}

/** Waits, but not for ever. */
export async function within(promise, what) {
  const late = new Error(`no ${what} within ${TIME_LIMIT / 1000} s`);
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(late), TIME_LIMIT);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}

/** Compares deeply; long values are told by their ends. */
export function expect(actual, expected, what) {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: expected ${short(expected)}, was ${short(actual)}`);
  }
}

/** Tells what lacks the part. */
export function expectIn(part, whole, what) {
  if (!whole.includes(part)) throw new Error(`${what}: ${short(part)} is not in ${short(whole)}`);
}

function short(value) {
  const text = inspect(value, { breakLength: Infinity, maxStringLength: 400 });
  return text.length <= 400 ? text : `${text.slice(0, 200)} … ${text.slice(-100)}`;
}

/** A running `wirelet`. */
export class Program {
  #output = '';
  #errors = '';

  constructor(...args) {
    this.process = spawn(process.env.WIRELET, args);
    afterwards(() => this.process.kill('SIGKILL'));
    this.process.stdout.setEncoding('utf8').on('data', (data) => (this.#output += data));
    this.process.stderr.setEncoding('utf8').on('data', (data) => (this.#errors += data));
    this.process.stdin.on('error', () => {}); // the program ended first; its exit code says why
    this.exited = once(this.process, 'close');
  }

  /** Returns the next line of the standard output, without the line feed. */
  async line() {
    const ended = this.exited.then(() => true);
    while (!this.#output.includes('\n')) {
      const data = once(this.process.stdout, 'data').then(() => false);
      if (await within(Promise.race([data, ended]), 'line of output')) {
        throw new Error(`the output ended after ${short(this.#output)}: ${this.#errors}`);
      }
    }
    const end = this.#output.indexOf('\n');
    const line = this.#output.slice(0, end);
    this.#output = this.#output.slice(end + 1);
    return line;
  }

  write(data) {
    this.process.stdin.write(data);
  }

  /** Writes the last of the standard input; returns what `ended` does. */
  end(data = '') {
    this.process.stdin.end(data);
    return this.ended();
  }

  /** Waits for the end; returns the exit code, the rest of the output and the errors. */
  async ended() {
    const [code] = await within(this.exited, 'end of the program');
    return { code, output: this.#output, errors: this.#errors };
  }
}

/** Runs `wirelet serve` for a check, which may stop it before; it must not complain. */
export function withServer(mode, options, talk) {
  return withPageOf(mode, ['--no-page', ...options], talk);
}

/** Runs a server that may have its page, which the second line tells. */
export async function withPageOf(mode, options, talk) {
  const server = new Program('serve', '--listen', '127.0.0.1:0', '--mode', mode, ...options);
  const line = await server.line();
  const listening = /^listening on (ws:\/\/127\.0\.0\.1:(\d+))$/.exec(line);
  if (!listening) throw new Error(`the first line was ${short(line)}`);
  await talk(Object.assign(server, { url: listening[1], port: Number(listening[2]) }));
  server.process.kill('SIGKILL');
  const { output, errors } = await server.ended();
  // That it has refused a request is for its log.
  const complaints = errors.split('\n').filter((line) => line && !line.includes('a request was refused'));
  expect({ output, complaints }, { output: '', complaints: [] }, 'output of the server');
}

/** A connection of the library, as it is by default. */
export class Client {
  #messages;

  constructor(url, ...args) {
    this.ws = new WebSocket(url, ...args);
    this.pongs = [];
    this.#messages = on(this.ws, 'message', { close: ['close'] });
    this.closed = new Promise((resolve) => {
      this.ws.on('close', (code, reason) => resolve([code, reason.toString()]));
    });
    this.ws.on('pong', (payload) => this.pongs.push(payload.toString('latin1')));
    afterwards(() => this.ws.terminate());
  }

  /** Opens a connection. */
  static async open(url) {
    const client = new Client(url);
    await within(once(client.ws, 'open'), 'open connection');
    expect(client.ws.extensions, '', 'extensions');
    return client;
  }

  /** Returns the next message: text as a string, binary as a Buffer. */
  async receive() {
    const { done, value } = await within(this.#messages.next(), 'message');
    if (done) throw new Error(`closed with ${await this.closed} instead of a message`);
    const [data, isBinary] = value;
    return isBinary ? data : data.toString();
  }

  /** Pings, and waits for as many pongs as there were pings. */
  async ping(...payloads) {
    const n = this.pongs.length + payloads.length;
    for (const payload of payloads) this.ws.ping(payload);
    while (this.pongs.length < n) await within(once(this.ws, 'pong'), 'pong');
  }

  /** Returns code and reason of the close; fails on a message before it. */
  async closeSeen() {
    const { done, value } = await within(this.#messages.next(), 'close');
    if (!done) throw new Error(`a message came: ${short(value[0].toString())}`);
    return this.closed;
  }
}
