// The log of this page's messages and events: bounded, filtered, paused, copied.

import { clock, count } from './format.js';
import { Rows, makeRow, wholeText } from './rows.js';

const LIMIT = 1000; // rows
const PACE = 100; // milliseconds between updates, or a flood leaves the browser no time for people

/** `counts` is where the numbers go, `empty` what is shown while there are no rows. */
export class Log {
  #rows;
  #counts;
  #empty;
  #shown = [];
  // Shown with the next update, or when the log goes on.
  #waiting = [];
  #dropped = 0;
  #paused = false;
  #timer = 0;
  #updated = 0;
  #words = '';
  #kind = '';

  constructor(list, counts, empty) {
    this.#rows = new Rows(list);
    this.#counts = counts;
    this.#empty = empty;
  }

  add(entry) {
    this.#waiting.push(entry);
    if (this.#waiting.length > LIMIT) {
      this.#waiting.shift();
      this.#dropped += 1;
    }
    const rest = PACE - (performance.now() - this.#updated);
    this.#timer ||= setTimeout(() => this.#update(), Math.max(0, rest));
  }

  pause(paused) {
    this.#paused = paused;
    this.#update();
  }

  clear() {
    this.#rows.change(this.#shown.map(({ row }) => row), []);
    this.#shown = [];
    this.#waiting = [];
    this.#dropped = 0;
    this.#update();
  }

  /** Shows what holds the words and is of the kind. */
  filter(words, kind) {
    this.#words = words.trim().toLowerCase();
    this.#kind = kind;
    for (const { entry, row } of this.#shown) row.hidden = !this.#passes(entry);
    this.#update();
  }

  /** The rows that pass the filter, one line each. */
  text() {
    const lines = this.#shown.map(({ entry }) => entry).filter((entry) => this.#passes(entry));
    return lines
      .map((entry) => {
        const about = entry.way === 'event' ? [] : [entry.kind, entry.size];
        return [clock(entry.time), entry.way, ...about, wholeText(entry)].join('\t');
      })
      .join('\n');
  }

  #update() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#updated = performance.now();
    if (!this.#paused) this.#showWaiting();
    const parts = [`${count(this.#shown.length)} of at most ${count(LIMIT)} rows`];
    if (this.#words || this.#kind) {
      parts.push(`${count(this.#shown.filter(({ row }) => !row.hidden).length)} pass the filter`);
    }
    if (this.#dropped) parts.push(`${count(this.#dropped)} older dropped`);
    if (this.#paused) parts.push(`paused, ${count(this.#waiting.length)} waiting`);
    this.#counts.textContent = parts.join(' · ');
    this.#empty.hidden = this.#shown.length > 0;
  }

  #showWaiting() {
    const added = this.#waiting.map((entry) => ({ entry, row: makeRow(entry) }));
    this.#waiting = [];
    for (const { entry, row } of added) row.hidden = !this.#passes(entry);
    this.#shown.push(...added);
    const over = this.#shown.splice(0, Math.max(0, this.#shown.length - LIMIT));
    this.#rows.change(over.map(({ row }) => row), added.map(({ row }) => row));
    this.#dropped += over.length;
  }

  #passes(entry) {
    const kinds = [entry.way, entry.kind, ''];
    if (!kinds.includes(this.#kind)) return false;
    if (!this.#words) return true;
    const words = entry.bytes ? this.#words.replaceAll(' ', '') : this.#words;
    return wholeText(entry).toLowerCase().includes(words);
  }
}
