// The client of Node's `ws`, and Node's HTTP client, against `wirelet serve`.

import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Program, check, expect, expectIn, run, withServer, within } from './harness.mjs';

// Around the ends of the three length encodings, and far beyond.
const LENGTHS = [0, 1, 125, 126, 127, 65535, 65536, 2 ** 20];

const HANDSHAKE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
};

/** Runs an echo server and a client of it. */
function withEcho(talk) {
  return withServer('echo', [], async (server) => talk(await Client.open(server.url), server));
}

async function expectEcho(client, message, what) {
  client.ws.send(message);
  expect(await client.receive(), message, what);
}

function openMany(url, n) {
  return Promise.all(
    Array.from({ length: n }, async () => {
      const client = await Client.open(url);
      await client.ping('served?');
      client.pongs.length = 0;
      return client;
    }),
  );
}

/** Sends fragments, the last of them with FIN. */
function sendFragments(client, fragments, binary) {
  fragments.forEach((fragment, i) => {
    client.ws.send(fragment, { binary, fin: i === fragments.length - 1 });
  });
}

check(function offeredCompressionIsDeclinedSilently() {
  return withServer('echo', [], async (server) => {
    let offered;
    const finishRequest = (sent) => {
      offered = sent.getHeader('Sec-WebSocket-Extensions');
      sent.end();
    };
    const client = new Client(server.url, { finishRequest });
    const upgraded = once(client.ws, 'upgrade');
    await within(once(client.ws, 'open'), 'open connection');
    const [response] = await upgraded;
    expectIn('permessage-deflate', offered, 'offer');
    expect(response.headers['sec-websocket-extensions'], undefined, 'answer');
    expect(client.ws.extensions, '', 'extensions');
    await expectEcho(client, 'plain '.repeat(1000), 'message that deflate would shrink');
  });
});

check(async function compressedMessagesComeBackWithEverySettingOfEitherEnd() {
  const json = Array.from({ length: 300 }, (_, i) => `{"sensor":${i},"place":"Grüße, 世界"}`).join();
  const settings = [{}, { serverNoContextTakeover: true }, { clientNoContextTakeover: true },
    { serverMaxWindowBits: 9, clientMaxWindowBits: 10 }, { serverMaxWindowBits: 8 }];
  for (const ours of ['alone', '9', '15']) {
    await withServer('echo', [`--deflate=${ours}`], async (server) => {
      for (const setting of settings) {
        const client = new Client(server.url, { perMessageDeflate: { threshold: 0, ...setting } });
        await within(once(client.ws, 'open'), 'open connection');
        expectIn('permessage-deflate', client.ws.extensions, 'extensions');
        for (const message of ['', 'short', json, json, Buffer.alloc(70_000), json]) {
          await expectEcho(client, message, `${JSON.stringify(setting)} with ${ours}`);
        }
        client.ws.close();
      }
    });
  }
});

check(function textOfEveryLengthEncodingIsEchoed() {
  return withEcho(async (client) => {
    for (const length of LENGTHS) {
      await expectEcho(client, 'x'.repeat(length), `text of ${length}`);
    }
  });
});

check(function binaryOfEveryLengthEncodingIsEchoed() {
  return withEcho(async (client) => {
    for (const length of LENGTHS) {
      const bytes = Buffer.alloc(length, Uint8Array.from({ length: 251 }, (_, i) => i));
      await expectEcho(client, bytes, `binary of ${length}`);
    }
  });
});

check(function multiByteTextIsEchoed() {
  return withEcho((client) => expectEcho(client, 'ß€😀\0\u2028\u{10ffff}'.repeat(5000), 'text'));
});

check(function fragmentedTextIsEchoedWhole() {
  return withEcho(async (client) => {
    sendFragments(client, ['frag', '', 'mentiert ', '€'.repeat(30_000), ''], false);
    expect(await client.receive(), `fragmentiert ${'€'.repeat(30_000)}`, 'text');
  });
});

check(function aCharacterSplitBetweenFragmentsIsEchoedWhole() {
  return withEcho(async (client) => {
    const bytes = Buffer.from('a😀b');
    sendFragments(client, Array.from(bytes, (byte) => Buffer.of(byte)), false);
    expect(await client.receive(), 'a😀b', 'text');
  });
});

check(function fragmentedBinaryIsEchoedWhole() {
  return withEcho(async (client) => {
    const fragments = Array.from({ length: 256 }, (_, i) => Buffer.alloc(1000, i));
    sendFragments(client, fragments, true);
    expect(await client.receive(), Buffer.concat(fragments), 'binary');
  });
});

check(function aPingBetweenFragmentsIsAnsweredAtOnce() {
  return withEcho(async (client) => {
    client.ws.send('one ', { fin: false });
    const payloads = ['in between', '', 'x'.repeat(125)];
    await client.ping(...payloads);
    expect(client.pongs, payloads, 'payloads of pongs');
    client.ws.send('message');
    expect(await client.receive(), 'one message', 'text');
  });
});

check(function eachOf32PingsInARowIsAnswered() {
  return withEcho(async (client) => {
    const payloads = Array.from({ length: 32 }, (_, i) => `${i} `.repeat(i));
    await client.ping(...payloads);
    expect(client.pongs, payloads, 'payloads of pongs');
  });
});

check(function codesAndReasonsOfClosesComeBack() {
  return withServer('echo', [], async (server) => {
    const long = ['ü'.repeat(61), 'x'.repeat(123)];
    for (const close of [[1000, ''], [1001, 'going'], [3000, long[0]], [4999, long[1]]]) {
      const client = await Client.open(server.url);
      client.ws.close(...close);
      expect(await client.closeSeen(), close, 'close');
    }
  });
});

check(function aCloseWithoutACodeComesBackWithoutOne() {
  return withEcho(async (client) => {
    client.ws.close();
    expect(await client.closeSeen(), [1005, ''], 'close');
  });
});

check(function aBurstOf1000MessagesComesBackInOrder() {
  return withEcho(async (client) => {
    const messages = Array.from({ length: 1000 }, (_, i) => `message ${i}`);
    for (const message of messages) client.ws.send(message);
    for (const message of messages) expect(await client.receive(), message, 'message');
  });
});

check(function twoHundredConnectionsAreServedAtOnce() {
  return withServer('echo', [], async (server) => {
    const clients = await openMany(server.url, 200);
    const talk = async (client, i) => {
      for (let j = 0; j < 5; j++) {
        await expectEcho(client, `${j} of ${i}`, `message ${j} of connection ${i}`);
      }
    };
    await Promise.all(clients.map(talk));
  });
});

check(function aChatMessageReachesEveryConnectionAndItsSender() {
  return withServer('chat', [], async (server) => {
    const clients = await openMany(server.url, 5);
    const sent = clients.map((_, i) => [`${i}: text`, Buffer.from(`${i}: binary`), `${i}: €`]);
    clients.forEach((client, i) => sent[i].forEach((message) => client.ws.send(message)));
    for (const client of clients) {
      const got = clients.map(() => []);
      for (let n = 0; n < 15; n++) {
        const message = await client.receive();
        got[Number(message.toString()[0])].push(message);
      }
      expect(got, sent, 'messages by sender');
      client.ws.close(1000);
      expect(await client.closeSeen(), [1000, ''], 'close');
    }
  });
});

check(function aSinkAnswersPingsAndNothingElse() {
  return withServer('sink', [], async (server) => {
    const client = await Client.open(server.url);
    client.ws.send('text');
    client.ws.send(Buffer.from('binary'));
    sendFragments(client, ['frag', 'ments'], false);
    await client.ping('still there');
    expect(client.pongs, ['still there'], 'payloads of pongs');
    client.ws.close(1000);
    expect(await client.closeSeen(), [1000, ''], 'close');
  });
});

function expectShutdownBy(signal) {
  return withServer('echo', [], async (server) => {
    const clients = await openMany(server.url, 20);
    server.process.kill(signal);
    for (const client of clients) expect(await client.closeSeen(), [1001, ''], 'close');
    expect(await server.ended(), { code: 0, output: '', errors: '' }, 'end of the server');
  });
}

check(function sigtermClosesEveryClientWith1001AndTheProgramEndsWell() {
  return expectShutdownBy('SIGTERM');
});

check(function sigintClosesEveryClientWith1001AndTheProgramEndsWell() {
  return expectShutdownBy('SIGINT');
});

/** Sends a request with Node's HTTP client; returns the response, whole if it is no 101. */
async function answer(port, { method = 'GET', headers = {} } = {}) {
  const sent = request({ host: '127.0.0.1', port, method, headers, agent: false }).end();
  const response = await within(
    new Promise((resolve, reject) => {
      sent.on('response', resolve).on('error', reject);
      sent.on('upgrade', (upgraded, socket) => resolve(upgraded) || socket.destroy());
    }),
    'response',
  );
  if (response.statusCode !== 101) {
    await within(once(response.resume(), 'end'), 'end of the response');
  }
  return response;
}

check(function aRequestOfNodesHttpClientIsAccepted() {
  // So what the refusals below leave out or change is all that is wrong with them.
  return withServer('echo', [], async ({ port }) => {
    const response = await answer(port, { headers: HANDSHAKE });
    expect(response.statusCode, 101, 'status');
    const accept = response.headers['sec-websocket-accept'];
    expect(accept, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'accept');
  });
});

check(function aPostIsRefusedWith405AndAllow() {
  return withServer('echo', [], async ({ port }) => {
    const response = await answer(port, { method: 'POST', headers: HANDSHAKE });
    expect([response.statusCode, response.headers.allow], [405, 'GET'], 'status and Allow');
  });
});

check(function anotherVersionIsRefusedWith426AndTheRightOne() {
  return withServer('echo', [], async ({ port }) => {
    const headers = { ...HANDSHAKE, 'Sec-WebSocket-Version': '8' };
    const response = await answer(port, { headers });
    const actual = [response.statusCode, response.headers['sec-websocket-version']];
    expect(actual, [426, '13'], 'status and Sec-WebSocket-Version');
  });
});

check(function aRequestWithoutAKeyIsRefusedWith400() {
  return withServer('echo', [], async ({ port }) => {
    const { 'Sec-WebSocket-Key': _, ...headers } = HANDSHAKE;
    expect((await answer(port, { headers })).statusCode, 400, 'status');
  });
});

check(function aHeadBeyond16KibIsRefusedWith431() {
  return withServer('echo', [], async ({ port }) => {
    const headers = { ...HANDSHAKE, 'X-Padding': 'x'.repeat(2 ** 14) };
    expect((await answer(port, { headers })).statusCode, 431, 'status');
  });
});

check(function aPlainGetIsRefusedWith426() {
  return withServer('echo', [], async ({ port }) => {
    const response = await answer(port);
    expect([response.statusCode, response.headers.upgrade], [426, 'websocket'], 'status, Upgrade');
  });
});

check(function aMessageBeyondTheLimitIsAnsweredWith1009() {
  return withServer('echo', ['--max-message', '1000'], async (server) => {
    for (const fragments of [['x'.repeat(1001)], ['x'.repeat(600), 'x'.repeat(401)]]) {
      const client = await Client.open(server.url);
      await expectEcho(client, 'x'.repeat(1000), 'message of just the limit');
      sendFragments(client, fragments, false);
      expect((await client.closeSeen())[0], 1009, 'code of the close');
    }
  });
});

check(function oneConnectionTooManyIsRefusedWith503() {
  return withServer('echo', ['--max-connections', '3'], async (server) => {
    const clients = await openMany(server.url, 3);
    const status = async () => (await answer(server.port, { headers: HANDSHAKE })).statusCode;
    expect(await status(), 503, 'status');
    await expectEcho(clients[0], 'hello', 'message of an open connection');
    clients[0].ws.close();
    await within(clients[0].closed, 'close');
    const freed = async () => {
      while ((await status()) === 503) await sleep(10);
    };
    await within(freed(), 'free place');
  });
});

check(function aPortInUseFailsWithAHintToListen() {
  return withServer('echo', [], async ({ port }) => {
    const second = new Program('serve', '--listen', `127.0.0.1:${port}`);
    const { code, output, errors } = await second.ended();
    expect({ code, output }, { code: 1, output: '' }, 'exit code and output');
    expectIn('--listen', errors, 'errors');
    expectIn(String(port), errors, 'errors');
  });
});

await run();
