// The connections of the server; a click on one shows what went over it.

import { bytes, count, duration, hex, parseHex } from './format.js';
import { Rows, makeRow } from './rows.js';
import { fetchJson } from './status.js';

const INTERVAL = 1000; // milliseconds
const $ = (id) => document.getElementById(id);

/** The table. */
export class Peers {
  #rows = new Map();
  #history = new History();
  #seen = [];
  // When the page's own connection was asked for, and when it opened.
  #opening = null;
  #ownId = null;

  constructor() {
    $('peers').addEventListener('click', ({ target }) => {
      const id = Number(target.closest('tr').dataset.id);
      this.#history.open(this.#seen.find((peer) => peer.id === id));
    });
  }

  /** Told each state of the page's own connection. */
  ownState(state) {
    if (state === 'connecting') this.#opening = { before: this.#seen, opened: Infinity };
    else if (state === 'open') this.#opening.opened = performance.now();
    else this.#opening = this.#ownId = null;
  }

  show({ connections, peers }, { anew, asked }) {
    if (anew && this.#opening) this.#opening.before = [];
    this.#findOwn(peers, asked);
    this.#seen = peers;
    const ids = new Set(peers.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    peers.forEach((peer, i) => {
      if (!this.#rows.has(peer.id)) this.#rows.set(peer.id, makePeerRow(peer));
      const row = this.#rows.get(peer.id);
      fillPeerRow(row, peer, peer.id === this.#ownId);
      // Only what is not in its place is moved, so that the focus stays.
      const there = $('peers').children[i];
      if (there !== row) $('peers').insertBefore(row, there ?? null);
    });
    $('peers-table').hidden = peers.length === 0;
    const more = connections > peers.length;
    $('peers-note').hidden = peers.length > 0 && !more;
    $('peers-note').textContent = more
      ? `The newest ${count(peers.length)} of ${count(connections)} connections.`
      : 'Nobody is connected.';
  }

  /** It is the page's own if it alone came between an answer before and a question after the opening. */
  #findOwn(peers, asked) {
    if (!this.#opening || this.#ownId !== null || asked < this.#opening.opened) return;
    const { before } = this.#opening;
    const known = new Set(before.map(({ id }) => id));
    const newest = Math.max(...before.map((peer) => peer.connected_at));
    const came = peers.filter((peer) => !known.has(peer.id) && peer.connected_at >= newest);
    if (came.length === 1) this.#ownId = came[0].id;
    else this.#opening = null;
  }
}

function makePeerRow(peer) {
  const row = document.createElement('tr');
  row.dataset.id = peer.id;
  const cells = Array.from({ length: 5 }, () => row.insertCell());
  for (const i of [0, 2, 3, 4]) cells[i].className = 'number';
  cells[0].textContent = peer.id;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'link';
  button.textContent = peer.address;
  button.setAttribute('aria-label', `History of connection ${peer.id}, ${peer.address}`);
  cells[1].append(button, small(describe(peer)));
  cells[3].append('', small(''));
  cells[4].append('', small(''));
  return row;
}

/** What the peer asked for. */
function describe({ path, subprotocol }) {
  return subprotocol ? `${path} · ${subprotocol}` : path;
}

function fillPeerRow(row, peer, own) {
  const [, who, open, up, down] = row.cells;
  const marked = who.querySelector('.badge');
  if (own && !marked) {
    const badge = document.createElement('span');
    badge.className = 'badge';
    badge.textContent = 'this page';
    who.append(badge);
  } else if (!own) {
    marked?.remove();
  }
  open.textContent = duration((Date.now() - peer.connected_at) / 1000);
  fill(up, peer.messages_received, peer.bytes_received);
  fill(down, peer.messages_sent, peer.bytes_sent);
}

function fill(cell, messages, size) {
  cell.firstChild.data = count(messages);
  cell.lastChild.textContent = bytes(size);
}

function small(text) {
  const node = document.createElement('small');
  node.textContent = text;
  return node;
}

/** What the server keeps of a connection's messages, as a dialog. */
class History {
  #rows = new Rows($('history-rows'));
  #shown = [];
  #timer;
  #peer;

  constructor() {
    $('history-close').addEventListener('click', () => $('history').close());
    $('history').addEventListener('close', () => clearTimeout(this.#timer));
  }

  open(peer) {
    this.#peer = peer;
    $('history-title').textContent = `Connection ${peer.id}`;
    $('history-about').textContent = `${peer.address} · ${describe(peer)}`;
    this.#show([]);
    this.#note('Asking the server');
    $('history').showModal();
    this.#ask();
  }

  async #ask() {
    const peer = this.#peer;
    try {
      const { history } = await fetchJson(`history.json?id=${peer.id}`);
      if (peer !== this.#peer) return;
      this.#show(history ?? []);
      if (history === null) this.#note('This server keeps no history.');
      else this.#note(history.length ? '' : 'No message has gone over this connection yet.');
    } catch (error) {
      if (peer !== this.#peer) return;
      if (error.cause === 404) {
        this.#note('This connection is closed.');
        return;
      }
      this.#note(`There is nothing new: ${error.message}.`);
    }
    if ($('history').open) this.#timer = setTimeout(() => this.#ask(), INTERVAL);
  }

  #note(text) {
    if ($('history-note').textContent !== text) $('history-note').textContent = text;
  }

  /** The server drops the oldest and adds the newest; rows in between stay, open ones open. */
  #show(history) {
    const keys = history.map((message) => JSON.stringify(message));
    const gone = this.#shown.findIndex(({ key }, i) =>
      this.#shown.slice(i).every((shown, j) => shown.key === keys[j]),
    );
    const over = this.#shown.splice(0, gone < 0 ? this.#shown.length : gone);
    const added = history.slice(this.#shown.length).map((message, i) => ({
      key: keys[this.#shown.length + i],
      row: makeRow(historyEntry(message)),
    }));
    this.#rows.change(over.map(({ row }) => row), added.map(({ row }) => row));
    this.#shown.push(...added);
  }
}

function historyEntry({ time, from, kind, bytes: size, data }) {
  const entry = { time, way: from === 'peer' ? 'up' : 'down', kind, size };
  return kind === 'text' ? { ...entry, text: data } : { ...entry, bytes: parseHex(data) };
}
