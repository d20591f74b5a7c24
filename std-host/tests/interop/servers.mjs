// `wirelet connect` against the server of Node's `ws`, and against Node's HTTP server.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import {
  Program,
  WebSocketServer,
  afterwards,
  check,
  expect,
  expectIn,
  run,
  within,
} from './harness.mjs';

// Exit codes, as `wirelet connect --help` tells them.
const BROKEN = 1, UNREACHABLE = 3, REFUSED = 5;

const GOOD_END = { code: 0, output: '', errors: '' };

/** What a connection was like: the request, the messages, and then code and reason of its close. */
class Seen {
  constructor(ws, request) {
    this.ws = ws;
    this.headers = request.headers;
    this.path = request.url;
    this.messages = [];
    ws.on('message', (data, isBinary) => this.messages.push(isBinary ? data : data.toString()));
    this.closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => resolve([code, reason.toString()]));
    });
  }
}

/** Runs a server for a check, which does `talk(ws, request)` for each connection. */
async function listen(talk, options = {}) {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    perMessageDeflate: true,
    ...options,
  });
  afterwards(() => {
    for (const ws of server.clients) ws.terminate();
    server.close();
  });
  const listening = { seen: undefined };
  server.on('connection', (ws, request) => {
    listening.seen = new Seen(ws, request);
    ws.on('error', () => {}); // the end of the connection tells it too
    talk(ws, request);
  });
  await within(once(server, 'listening'), 'listening server');
  listening.url = `ws://127.0.0.1:${server.address().port}/`;
  return listening;
}

function echo(ws) {
  ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
}

function connectTo(url, ...options) {
  return new Program('connect', ...options, url);
}

/** Ends the input; the program and the server must both see a good close. */
async function expectGoodEnd(program, server) {
  expect(await program.end(), GOOD_END, 'end of the program');
  expect(await within(server.seen.closed, 'close'), [1000, ''], 'close');
}

/** The program fails by itself, says nothing on the standard output, and why on the other. */
async function expectFailure(program, exitCode, ...words) {
  const { code, output, errors } = await program.ended();
  expect({ code, output }, { code: exitCode, output: '' }, 'exit code and output');
  for (const word of words) expectIn(word, errors, 'errors');
  expect(errors.split('\n').length, 2, `lines of errors and the end in ${errors}`);
}

check(async function linesBecomeTextMessagesAndTheEndOfInputClosesWith1000() {
  const server = await listen(echo);
  const program = connectTo(server.url);
  const lines = ['one', '', 'ß€😀', ' two  words ', 'tab\tand\rreturn'];
  for (const line of lines) {
    program.write(`${line}\n`);
    expect(await program.line(), line, 'printed line');
  }
  await expectGoodEnd(program, server);
  expect(server.seen.messages, lines, 'messages');
});

check(async function echoesOnTheirWayAtTheEndOfInputArePrinted() {
  const server = await listen(echo);
  const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}\n`).join('');
  const { code, output } = await connectTo(server.url).end(lines);
  expect({ code, output }, { code: 0, output: lines }, 'exit code and output');
});

check(async function withBinaryLinesBecomeBinaryMessagesPrintedAsTheyAre() {
  const server = await listen(echo);
  const program = connectTo(server.url, '--binary', '--lines');
  for (const line of ['text', '', 'ß\0']) {
    program.write(`${line}\n`);
    expect(await program.line(), line, 'printed line');
  }
  await expectGoodEnd(program, server);
  expect(server.seen.messages, ['text', '', 'ß\0'].map((line) => Buffer.from(line)), 'messages');
});

check(async function theRequestHasPathAndQueryOfTheUrlAndNoExtensions() {
  const server = await listen(echo);
  await expectGoodEnd(connectTo(`${server.url}chat?room=a%20b`), server);
  const { path, headers } = server.seen;
  expect(path, '/chat?room=a%20b', 'path');
  expect(`ws://${headers.host}/`, server.url, 'Host in the URL');
  for (const name of ['sec-websocket-extensions', 'sec-websocket-protocol', 'origin']) {
    expect(headers[name], undefined, name);
  }
});

check(async function compressedLinesComeBackWithEverySettingOfEitherEnd() {
  const json = Array.from({ length: 300 }, (_, i) => `{"sensor":${i},"place":"Grüße, 世界"}`).join();
  const lines = ['short', json, json, json.slice(0, 200)].map((line) => `${line}\n`).join('');
  for (const setting of [{}, { serverNoContextTakeover: true }, { clientNoContextTakeover: true },
    { serverMaxWindowBits: 9 }, { clientMaxWindowBits: 9 }]) {
    const server = await listen(echo, { perMessageDeflate: { threshold: 0, ...setting } });
    for (const ours of ['alone', '15']) {
      const ended = await connectTo(server.url, `--deflate=${ours}`).end(lines);
      expect(ended, { ...GOOD_END, output: lines }, `${JSON.stringify(setting)} with ${ours}`);
      expectIn('permessage-deflate', server.seen.ws.extensions, 'extensions');
    }
  }
});

check(async function headerAddsFieldsToTheRequest() {
  const server = await listen(echo);
  const options = ['--header', 'Authorization:Bearer a:b', '--header', 'X-Two: 2'];
  await expectGoodEnd(connectTo(server.url, ...options), server);
  expect(server.seen.headers.authorization, 'Bearer a:b', 'Authorization');
  expect(server.seen.headers['x-two'], '2', 'X-Two');
});

check(async function originIsWhatTheServerCompares() {
  const verifyClient = ({ origin }, answer) => answer(origin === 'http://good.example', 403);
  const server = await listen(echo, { verifyClient });
  await expectGoodEnd(connectTo(server.url, '--origin', 'http://good.example'), server);
  await expectFailure(connectTo(server.url, '--origin', 'http://bad.example'), REFUSED, '403');
});

check(async function theServerSelectsOneOfTheSubprotocols() {
  const handleProtocols = (offered) => [...offered][1];
  const server = await listen(echo, { handleProtocols });
  const program = connectTo(server.url, '--subprotocol', 'b', '--subprotocol', 'c');
  program.write('hello\n');
  expect(await program.line(), 'hello', 'printed line');
  await expectGoodEnd(program, server);
  expect(server.seen.ws.protocol, 'c', 'subprotocol');
});

check(async function aSubprotocolThatWasNotOfferedIsRefused() {
  const server = await listen(echo, { handleProtocols: () => 'b' });
  await expectFailure(connectTo(server.url, '--subprotocol', 'a'), REFUSED, 'subprotocol');
});

async function exitCodeAfterClose(...close) {
  const server = await listen((ws) => {
    ws.send('before');
    ws.close(...close);
  });
  const { code, output, errors } = await connectTo(server.url).ended();
  expect(output, 'before\n', 'output');
  for (const part of close) expectIn(String(part), errors, 'errors');
  const [answered = 1005, reason = ''] = close;
  expect(await within(server.seen.closed, 'close'), [answered, reason], 'answered close');
  return code;
}

check(async function aCloseByTheServerWith1000EndsWell() {
  expect(await exitCodeAfterClose(1000, 'done'), 0, 'exit code');
});

check(async function aCloseByTheServerWith1001EndsWell() {
  expect(await exitCodeAfterClose(1001, 'going'), 0, 'exit code');
});

check(async function aCloseByTheServerWithoutACodeEndsWell() {
  expect(await exitCodeAfterClose(), 0, 'exit code');
});

check(async function aCloseByTheServerWith1011IsAFailure() {
  expect(await exitCodeAfterClose(1011, 'broken'), 1, 'exit code');
});

check(async function anAnswerThatComesBehindTheEndOfTheInputIsPrinted() {
  const server = await listen((ws) => {
    ws.on('message', (question) => {
      for (let i = 1; i <= 3; ++i) setTimeout(() => ws.send(`${question} ${i}`), 300 * i);
    });
  });
  const ended = await connectTo(server.url).end('what?\n');
  expect(ended, { ...GOOD_END, output: 'what? 1\nwhat? 2\nwhat? 3\n' }, 'end of the program');
  expect(await within(server.seen.closed, 'close'), [1000, ''], 'close');
});

check(async function aSignalClosesWith1001() {
  const server = await listen(echo);
  const program = connectTo(server.url);
  program.write('one\n');
  expect(await program.line(), 'one', 'printed line');
  program.process.kill('SIGTERM');
  expect(await program.ended(), { ...GOOD_END, code: 128 + 15 }, 'end of the program');
  expect(await within(server.seen.closed, 'close'), [1001, ''], 'close');
});

check(async function aMessageThatIsTooLongForTheServerIsToldBy1009() {
  const server = await listen(echo, { maxPayload: 1000 });
  const { code, output, errors } = await connectTo(server.url).end('x'.repeat(8_000_000) + '\n');
  expect({ code, output }, { code: BROKEN, output: '' }, 'exit code and output');
  expectIn('closed by the server: 1009', errors, 'errors');
});

check(async function aCloseWithACodeAndAReasonOfItsOwnIsToldBehindWhatCame() {
  expect(await exitCodeAfterClose(4001, 'log in first'), 1, 'exit code');
});

check(async function aServerThatDropsTcpIsAFailure() {
  const server = await listen((ws) => ws.terminate());
  await expectFailure(connectTo(server.url), BROKEN, 'without a closing handshake');
});

check(async function aServerThatResetsTcpIsAFailure() {
  const server = await listen((_, request) => request.socket.resetAndDestroy());
  await expectFailure(connectTo(server.url), BROKEN);
});

check(async function aRefusedConnectionIsAFailureThatSaysSo() {
  const server = createServer().listen(0, '127.0.0.1');
  await within(once(server, 'listening'), 'listening server');
  const { port } = server.address();
  await within(once(server.close(), 'close'), 'end of the server');
  await expectFailure(connectTo(`ws://127.0.0.1:${port}/`), UNREACHABLE, 'refused');
});

check(async function anAnswerOf404IsAFailureThatSaysSo() {
  const server = await listen(echo, { verifyClient: (_, answer) => answer(false, 404) });
  await expectFailure(connectTo(server.url), REFUSED, '404');
});

check(async function aFragmentedMessageIsPrintedJoined() {
  const server = await listen((ws) => {
    for (const fragment of ['frag', '', 'mentiert ']) ws.send(fragment, { fin: false });
    ws.ping('in between');
    for (const byte of Buffer.from('a😀b')) ws.send(Buffer.of(byte), { fin: false, binary: false });
    ws.send('');
    ws.close(1000);
  });
  const { code, output } = await connectTo(server.url).ended();
  expect({ code, output }, { code: 0, output: 'fragmentiert a😀b\n' }, 'exit code and output');
});

check(async function aPingIsAnsweredWhileNothingElseHappens() {
  const server = await listen(echo);
  const program = connectTo(server.url);
  program.write('hello\n');
  expect(await program.line(), 'hello', 'printed line');
  for (const payload of ['idle', '', 'x'.repeat(125)]) {
    server.seen.ws.ping(payload);
    const [answer] = await within(once(server.seen.ws, 'pong'), 'pong');
    expect(answer.toString(), payload, 'payload of the pong');
  }
  await expectGoodEnd(program, server);
});

/** Answers handshakes with Node's HTTP server, and closes; returns the URL. */
async function listenByHand(accept) {
  const server = createServer().listen(0, '127.0.0.1');
  afterwards(() => server.close());
  server.on('upgrade', ({ headers }, socket) => {
    afterwards(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept(headers['sec-websocket-key'])}\r\n\r\n`,
    );
    socket.end(Buffer.of(0x88, 2, 1000 >> 8, 1000 & 0xff));
  });
  await within(once(server, 'listening'), 'listening server');
  return `ws://127.0.0.1:${server.address().port}/`;
}

function acceptOf(key) {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

check(async function aServerByHandIsAccepted() {
  // So what the next check changes is all that is wrong with it.
  const { code, output } = await connectTo(await listenByHand(acceptOf)).ended();
  expect({ code, output }, { code: 0, output: '' }, 'exit code and output');
});

check(async function aWrongAcceptIsRefused() {
  const url = await listenByHand((key) => acceptOf(key.toLowerCase()));
  await expectFailure(connectTo(url), REFUSED, 'Sec-WebSocket-Accept');
});

check(async function aLineOf1MibComesBack() {
  const server = await listen(echo);
  const program = connectTo(server.url);
  const line = '0123456789abcdef'.repeat(2 ** 16);
  program.write(`${line}\n`);
  expect(await program.line(), line, 'printed line');
  await expectGoodEnd(program, server);
  expect(server.seen.messages, [line], 'messages');
});

await run();
