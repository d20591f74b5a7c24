// A list of messages: one line each, which opens to the whole message.

import { clock, exactBytes, hex, hexDump, jsonTokens } from './format.js';
import { copyText } from './copy.js';

/** What is kept of a message, in bytes of its payload. */
export const KEPT = 65_536;

const PREVIEW = 240;
const NARROW = matchMedia('(max-width: 900px)');
const WAYS = {
  up: { arrow: '↑', name: 'to the server' },
  down: { arrow: '↓', name: 'from the server' },
  event: { arrow: '·', name: 'event' },
};

/**
 * What a row shows: `time` in ms of the Unix epoch, `way` (`up`, `down`, `event`), `kind` (`text`,
 * `binary`, or empty), `size` in bytes, and `text` or `bytes`, which may be the beginning only.
 */
export function messageEntry(time, way, data, bytes) {
  const entry = { time, way, size: bytes.length };
  const kept = bytes.subarray(0, KEPT);
  if (typeof data !== 'string') return { ...entry, kind: 'binary', bytes: kept.slice() };
  if (kept.length === bytes.length) return { ...entry, kind: 'text', text: data };
  // Decoded anew, as a part of a string would keep all of it in memory; ends with a whole character.
  return { ...entry, kind: 'text', text: new TextDecoder().decode(kept, { stream: true }) };
}

/** All that is kept of the message: text, or bytes in hex. */
export function wholeText(entry) {
  return entry.text ?? hex(entry.bytes);
}

/** The rows in an `ol`. The list is one stop of the tab key; arrow keys go from row to row. */
export class Rows {
  #list;
  #scroll;
  #atEnd = true;

  constructor(list) {
    this.#list = list;
    this.#scroll = list.parentElement;
    this.#scroll.addEventListener('scroll', () => this.#look());
    // It does not bubble.
    list.addEventListener('toggle', () => this.#look(), true);
    list.addEventListener('keydown', (event) => this.#step(event));
    list.addEventListener('focusin', ({ target }) => {
      if (target.matches('summary')) this.#makeStop(target);
    });
  }

  /** Takes rows away and adds others at the end, which stays in view if it was. */
  change(gone, added) {
    const focused = gone.some((row) => row.contains(document.activeElement));
    for (const row of gone) row.remove();
    this.#list.append(...added);
    if (!this.#stop()) {
      const [first] = this.#summaries();
      this.#makeStop(first);
      if (focused) first?.focus();
    }
    if (this.#atEnd) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  /** Looks when people have moved it, as to look with each change is slow. */
  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < 24;
  }

  #stop() {
    return this.#list.querySelector('summary[tabindex="0"]');
  }

  #makeStop(summary) {
    this.#stop()?.setAttribute('tabindex', -1);
    summary?.setAttribute('tabindex', 0);
  }

  #summaries() {
    return [...this.#list.querySelectorAll('li:not([hidden]) > details > summary')];
  }

  #step(event) {
    if (!event.target.matches('summary')) return;
    const summaries = this.#summaries();
    const at = summaries.indexOf(event.target);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: summaries.length - 1 }[event.key];
    if (!summaries[to]) return;
    event.preventDefault();
    summaries[to].focus();
  }
}

/** Makes the row of an entry; what it opens to is made when it opens. */
export function makeRow(entry) {
  const row = document.createElement('li');
  row.className = entry.way;
  const { arrow, name } = WAYS[entry.way];
  const way = make('span', 'way');
  way.append(hidden(name), make('span', '', arrow));
  way.lastChild.setAttribute('aria-hidden', 'true');
  const line = make(entry.way === 'event' ? 'p' : 'summary', 'line');
  line.append(way, make('time', '', clock(entry.time)));
  if (entry.way === 'event') {
    line.append(make('span', 'preview', entry.text));
    row.append(line);
    return row;
  }
  line.tabIndex = -1;
  line.append(
    make('span', 'kind', entry.kind),
    make('span', 'size', exactBytes(entry.size)),
    make('span', 'preview', preview(entry)),
  );
  const details = document.createElement('details');
  details.append(line);
  details.addEventListener('toggle', () => {
    if (!details.open) return;
    if (details.children.length === 1) details.append(content(entry));
    details.lastChild.scrollIntoView({ block: 'nearest' });
  });
  row.append(details);
  return row;
}

function preview({ text, bytes }) {
  if (text !== undefined) return text.slice(0, PREVIEW).replace(/\s+/g, ' ');
  return hex(bytes.subarray(0, PREVIEW / 3)).replace(/..(?=.)/g, '$& ');
}

function content(entry) {
  const box = make('div', 'content');
  const tokens = entry.text === undefined ? null : jsonTokens(entry.text);
  const pre = document.createElement('pre');
  if (tokens) pre.append(...tokens.map(({ kind, token }) => make('span', kind, token)));
  else pre.textContent = entry.text ?? hexDump(entry.bytes, NARROW.matches ? 8 : 16);
  pre.tabIndex = 0;
  const button = make('button', 'small', 'Copy');
  button.type = 'button';
  button.addEventListener('click', () => copyText(wholeText(entry), button));
  const kept = entry.bytes?.length ?? new TextEncoder().encode(entry.text).length;
  const note = kept < entry.size ? `The first ${exactBytes(kept)} of ${exactBytes(entry.size)}` : '';
  box.append(pre, make('p', 'note', note), button);
  return box;
}

function hidden(text) {
  return make('span', 'hidden', text);
}

function make(name, className, text = '') {
  const node = document.createElement(name);
  node.className = className;
  node.textContent = text;
  return node;
}
