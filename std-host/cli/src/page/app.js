// Wires the parts to the page: the connection and its log, and what the server tells of itself.

import { Client } from './client.js';
import { copyText } from './copy.js';
import { EchoTimer } from './echo.js';
import { bytes, count, duration, exactBytes, milliseconds, parseHex, rate } from './format.js';
import { Log } from './log.js';
import { Peers } from './peers.js';
import { Plot } from './plot.js';
import { messageEntry } from './rows.js';
import { Status } from './status.js';

const FILE_LIMIT = 2 ** 26; // bytes; it is read into memory
const $ = (id) => document.getElementById(id);

const log = new Log($('log'), $('log-counts'), $('log-empty'));
const peers = new Peers();
const client = new Client({ changed: clientChanged, message: messageCame, counted: showOwn });
const echo = new EchoTimer(sendProbe, showEcho);
const status = new Status(() => client.totals, { answered, failed });
const plots = [
  new Plot($('messages-plot'), 'Messages a second', 'messages', rate),
  new Plot($('bytes-plot'), 'Bytes a second', 'bytes', bytes),
];

$('url').value = new URL('.', location.href.replace(/^http/, 'ws'));
showOwn(client.totals);
status.ask();

// The connection.

$('connect').addEventListener('submit', (event) => {
  event.preventDefault();
  if (client.state !== 'closed') {
    client.disconnect();
    return;
  }
  try {
    client.connect($('url').value.trim(), $('subprotocol').value.trim());
  } catch (error) {
    clientChanged('closed', error.message);
  }
});

$('reconnect').addEventListener('change', () => {
  client.reconnect = $('reconnect').checked;
});

function clientChanged(state, why) {
  $('state').dataset.state = state;
  $('state-text').textContent = why;
  $('connect-button').textContent =
    { closed: 'Connect', open: 'Disconnect', closing: 'Closing' }[state] ?? 'Cancel';
  $('connect-button').disabled = state === 'closing';
  $('connect-button').classList.toggle('primary', state === 'closed');
  $('url').disabled = $('subprotocol').disabled = state !== 'closed';
  $('send').disabled = state !== 'open';
  const size = new TextEncoder().encode(why).length;
  log.add({ time: Date.now(), way: 'event', kind: 'event', size, text: why });
  peers.ownState(state);
  if (state === 'open') status.ask();
  switchEcho();
}

function messageCame(data, payload) {
  if (!echo.take(data)) log.add(messageEntry(Date.now(), 'down', data, payload));
}

// Sending.

$('compose').addEventListener('change', ({ target }) => {
  if (target.name !== 'kind') return;
  $('file').hidden = target.value !== 'file';
  $('message').hidden = target.value === 'file';
  $('message').classList.toggle('mono', target.value === 'hex');
  $('message').placeholder =
    target.value === 'hex'
      ? 'Bytes, such as 00 ff 2a; Enter sends'
      : 'Message; Enter sends, Shift+Enter is a new line';
  $('compose-error').textContent = '';
});

$('message').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!$('send').disabled) $('compose').requestSubmit();
});

$('compose').addEventListener('submit', async (event) => {
  event.preventDefault();
  $('compose-error').textContent = '';
  try {
    const data = await composed($('compose').elements.kind.value);
    // Reading a file takes its time.
    if (client.state !== 'open') throw new Error('The connection is closed; connect and send again.');
    const payload = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    client.send(data, payload.length);
    log.add(messageEntry(Date.now(), 'up', data, payload));
    // To type on replaces it, to send again sends it again.
    $('message').select();
  } catch (error) {
    $('compose-error').textContent = error.message;
  }
});

async function composed(kind) {
  if (kind === 'text') return $('message').value;
  if (kind === 'hex') return parseHex($('message').value);
  const [file] = $('file').files;
  if (!file) throw new Error('There is no file yet; choose one.');
  if (file.size > FILE_LIMIT) {
    throw new Error(`${file.name} has ${exactBytes(file.size)}; this page sends at most ${exactBytes(FILE_LIMIT)}.`);
  }
  return new Uint8Array(await file.arrayBuffer());
}

// The echo round trip.

$('echo').addEventListener('change', switchEcho);

function switchEcho() {
  const wanted = $('echo').checked && !$('echo').disabled;
  $('echo-panel').hidden = !wanted;
  if (!wanted || client.state !== 'open') {
    echo.stop();
    $('echo-times').textContent = 'not connected';
  } else {
    echo.start();
  }
}

function sendProbe(text) {
  client.send(text, text.length);
}

function showEcho(trouble, times) {
  const named = ({ last, median, max, n }) =>
    `last ${milliseconds(last)} · median ${milliseconds(median)} · max ${milliseconds(max)} ms, of ${n}`;
  $('echo-times').textContent = trouble ?? named(times);
}

// The log.

function showOwn({ up, down }) {
  $('own').textContent = `↑ ${count(up.messages)}, ${bytes(up.bytes)} · ↓ ${count(down.messages)}, ${bytes(down.bytes)}`;
}

const filterLog = () => log.filter($('filter').value, $('kind').value);
$('filter').addEventListener('input', filterLog);
$('kind').addEventListener('change', filterLog);
$('clear').addEventListener('click', () => log.clear());
$('copy').addEventListener('click', () => copyText(log.text(), $('copy')));
$('pause').addEventListener('click', () => {
  const paused = $('pause').getAttribute('aria-pressed') === 'false';
  $('pause').setAttribute('aria-pressed', paused);
  log.pause(paused);
});

// The server.

function answered(now, when) {
  say('live', 'Live');
  $('uptime').textContent = `up ${duration(now.uptime)}`;
  $('version').textContent = now.version;
  $('mode').hidden = false;
  $('mode').textContent = now.mode;
  showFigures(now);
  peers.show(now, when);
  for (const plot of plots) plot.show(status.samples);
  const echoes = now.mode === 'echo';
  if ($('echo').disabled === echoes) {
    $('echo').disabled = !echoes;
    $('echo-why').textContent = echoes ? '' : `, not in mode ${now.mode}`;
    switchEcho();
  }
}

function failed() {
  say('failed', 'No answer from the server');
  $('uptime').textContent = '';
}

function say(state, text) {
  $('server-state').dataset.state = state;
  if ($('server-text').textContent !== text) $('server-text').textContent = text;
}

function showFigures({ connections, limit, totals }) {
  const way = (messages, size) => [count(messages), bytes(size)];
  const figures = [
    ['Connections', count(connections), `of at most ${count(limit)}`],
    ['Opened', count(totals.opened), 'in all'],
    ['Refused', count(totals.refused), 'in all'],
    ['↑ To server', ...way(totals.messages_received, totals.bytes_received)],
    ['↓ From server', ...way(totals.messages_sent, totals.bytes_sent)],
    ['Dropped', count(totals.dropped), 'for slow peers'],
  ];
  const { sent: [plain, shorter], received: [came, grown] } = totals.compression;
  if (plain + grown > 0) {
    const percent = Math.round((100 * (shorter + came)) / (plain + grown));
    figures.push(['Compressed', `to ${percent} %`, bytes(plain + grown)]);
  }
  const list = $('figures');
  if (list.children.length !== figures.length) {
    list.replaceChildren(...figures.map(() => {
      const figure = document.createElement('div');
      figure.append(...['dt', 'dd', 'dd'].map((name) => document.createElement(name)));
      return figure;
    }));
  }
  figures.forEach((texts, i) => {
    texts.forEach((text, j) => {
      list.children[i].children[j].textContent = text;
    });
  });
}

// On a narrow screen, one of the two views.

for (const button of document.querySelectorAll('.views button')) {
  button.addEventListener('click', () => {
    document.body.dataset.view = button.dataset.view;
    for (const other of document.querySelectorAll('.views button')) {
      other.setAttribute('aria-pressed', other === button);
    }
  });
}
