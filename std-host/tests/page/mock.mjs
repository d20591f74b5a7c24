#!/usr/bin/env node
// Stands in for `wirelet serve` until it serves the page: same command line, same answers.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

const { WebSocketServer } = createRequire(import.meta.url)('ws');
const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { listen: { type: 'string' }, mode: { type: 'string' }, history: { type: 'string' } },
});
const [host, port] = values.listen.split(':');

const cli = new URL('../../src/cli/', import.meta.url);
const rust = readFileSync(new URL('page.rs', cli), 'utf8');
const policy = /"(default-src[^"]*)"/.exec(rust)[1].replace(/\\\n\s*/g, '');
const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', html: 'text/html' };

const started = performance.now();
const peers = new Map();
const totals = { opened: 0, refused: 0, messages_received: 0, messages_sent: 0, bytes_received: 0, bytes_sent: 0, dropped: 0 };
let lastId = 0;

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://host');
  const name = url.pathname === '/' ? 'index.html' : url.pathname.slice(1);
  const json = (value) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(value));
  };
  response.setHeader('Content-Security-Policy', policy);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (name === 'status.json') {
    const newest = [...peers.values()].reverse().slice(0, 200);
    return json({
      version: '0.1.0',
      mode: values.mode,
      uptime: (performance.now() - started) / 1000,
      limit: 10000,
      connections: peers.size,
      totals,
      peers: newest.map(({ history, send, ...peer }) => peer),
    });
  }
  if (name === 'history.json') {
    const peer = peers.get(Number(url.searchParams.get('id')));
    if (!peer) return response.writeHead(404).end();
    return json({ id: peer.id, history: values.history > 0 ? peer.history : null });
  }
  try {
    const file = readFileSync(new URL(`page/${name}`, cli));
    response.setHeader('Content-Type', `${TYPES[name.split('.').at(-1)]}; charset=utf-8`);
    response.end(file);
  } catch {
    response.writeHead(404).end();
  }
});

new WebSocketServer({ server }).on('connection', (socket, request) => {
  lastId += 1;
  const peer = {
    id: lastId,
    address: `${request.socket.remoteAddress}:${request.socket.remotePort}`,
    path: request.url,
    subprotocol: socket.protocol || null,
    connected_at: Date.now(),
    messages_received: 0,
    messages_sent: 0,
    bytes_received: 0,
    bytes_sent: 0,
    history: [],
  };
  peers.set(peer.id, peer);
  totals.opened += 1;
  peer.send = (data, isBinary) => {
    note('server', data, isBinary);
    socket.send(data, { binary: isBinary });
  };
  const note = (from, data, isBinary) => {
    const what = from === 'peer' ? 'received' : 'sent';
    for (const counters of [peer, totals]) {
      counters[`messages_${what}`] += 1;
      counters[`bytes_${what}`] += data.length;
    }
    peer.history.push({
      time: Date.now(),
      from,
      kind: isBinary ? 'binary' : 'text',
      bytes: data.length,
      data: data.subarray(0, 256).toString(isBinary ? 'hex' : 'utf8'),
    });
    if (peer.history.length > 100) peer.history.shift();
  };
  socket.on('message', (data, isBinary) => {
    note('peer', data, isBinary);
    if (values.mode === 'sink') return;
    const receivers = values.mode === 'chat' ? [...peers.values()] : [peer];
    for (const receiver of receivers) receiver.send(data, isBinary);
  });
  socket.on('close', () => peers.delete(peer.id));
});

server.listen(Number(port), host, () => {
  console.log(`listening on ws://${host}:${server.address().port}`);
  console.log(`page at http://${host}:${server.address().port}`);
});
process.on('SIGTERM', () => process.exit());
