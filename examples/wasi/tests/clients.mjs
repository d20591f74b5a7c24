// The client of Node's `ws`, and Node's HTTP client, against the component that runs.

import { once } from 'node:events';
import { get } from 'node:http';
import {
  Client, check, expect, expectIn, run, within,
} from '../../../std-host/tests/interop/harness.mjs';

const URL = process.env.WIRELET_URL;

// Around the ends of the three length encodings, and far beyond.
const LENGTHS = [0, 1, 125, 126, 127, 65535, 65536, 2 ** 20];

async function expectEcho(client, message, what) {
  client.ws.send(message);
  expect(await client.receive(), message, what);
}

check(async function textOfEveryLengthEncodingIsEchoed() {
  const client = await Client.open(URL);
  for (const length of LENGTHS) await expectEcho(client, 'x'.repeat(length), `text of ${length}`);
});

check(async function binaryOfEveryLengthEncodingIsEchoed() {
  const client = await Client.open(URL);
  for (const length of LENGTHS) {
    await expectEcho(client, Buffer.from({ length }, (_, i) => i % 251), `binary of ${length}`);
  }
});

check(async function multiByteTextIsEchoed() {
  await expectEcho(await Client.open(URL), 'ß€😀\0\u2028'.repeat(50_000), 'text');
});

check(async function fragmentsAreEchoedAsOneMessage() {
  const client = await Client.open(URL);
  const fragments = ['frag', '', 'mentiert ', '€'.repeat(30_000), ''];
  fragments.forEach((fragment, i) => {
    client.ws.send(fragment, { fin: i === fragments.length - 1 });
  });
  expect(await client.receive(), fragments.join(''), 'text');
});

check(async function aPingBetweenFragmentsIsAnsweredAtOnce() {
  const client = await Client.open(URL);
  client.ws.send('one ', { fin: false });
  await client.ping('in between', '', 'x'.repeat(125));
  client.ws.send('message', { fin: true });
  expect(await client.receive(), 'one message', 'text');
  expect(client.pongs, ['in between', '', 'x'.repeat(125)], 'payloads of pongs');
});

check(async function twentyClientsAreServedAtOnce() {
  const clients = await Promise.all(Array.from({ length: 20 }, () => Client.open(URL)));
  await Promise.all(
    clients.map(async (client, i) => {
      for (let j = 0; j < 20; j++) await expectEcho(client, `${j} of ${i}`, `message ${j} of ${i}`);
    }),
  );
});

check(async function codesAndReasonsOfClosesComeBack() {
  for (const [code, reason] of [[1000, ''], [1001, 'going'], [3000, 'ü'.repeat(61)]]) {
    const client = await Client.open(URL);
    client.ws.close(code, reason);
    expect(await client.closeSeen(), [code, reason], 'close');
  }
});

check(async function anotherPathIsRefusedWith404() {
  const client = new Client(`${URL}/elsewhere`);
  const [error] = await within(once(client.ws, 'error'), 'error');
  expectIn('404', error.message, 'error');
});

check(async function aBrowserGetsThePageThatOpensTheWebSocket() {
  const [response] = await within(once(get(URL.replace('ws:', 'http:')), 'response'), 'response');
  const body = Buffer.concat(await within(response.toArray(), 'body')).toString();
  expect(response.statusCode, 200, 'status');
  expect(response.headers['content-type'], 'text/html; charset=utf-8', 'Content-Type');
  expectIn('new WebSocket(`ws://${location.host}/`)', body, 'page');
});

await run();
