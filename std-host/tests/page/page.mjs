// The page of `wirelet serve` in Chromium.

import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Program, check, expect, expectIn, run } from '../interop/harness.mjs';
import {
  choose,
  connect,
  expectAccessible,
  expectNoSidewaysScroll,
  messages,
  messagesAre,
  send,
  stateIs,
  until,
  withPage,
} from './browser.mjs';

const SECOND = 1000; // milliseconds; how often the page asks the server

check(function theFilesCarryAPolicyThatLetsNothingElseIn() {
  return withPage('echo', async (page) => {
    const responses = [];
    page.on('response', (response) => responses.push(response));
    await page.reload({ waitUntil: 'networkidle' });
    const files = responses.filter((response) => !response.url().endsWith('.json'));
    expect(files.length >= 12, true, `at least 12 files, of ${files.length}`);
    for (const file of files) {
      const headers = file.headers();
      expectIn("default-src 'none'", headers['content-security-policy'] ?? '', file.url());
      expect(headers['x-content-type-options'], 'nosniff', file.url());
    }
  });
});

check(function textAndBytesAreSentAndTheirEchoIsSeen() {
  return withPage('echo', async (page) => {
    await connect(page);
    await send(page, 'größer\nals');
    await messagesAre(page, [
      ['up', 'text', '12 B', 'größer als'],
      ['down', 'text', '12 B', 'größer als'],
    ]);
    await page.click('#clear');
    await choose(page, 'Hex');
    await send(page, '00 ff 2A');
    await messagesAre(page, [
      ['up', 'binary', '3 B', '00 ff 2a'],
      ['down', 'binary', '3 B', '00 ff 2a'],
    ]);
    await page.click('#clear');
    await choose(page, 'File');
    const buffer = Buffer.alloc(200_000, 7);
    await page.setInputFiles('#file', { name: 'seven', mimeType: 'application/octet-stream', buffer });
    await page.click('#send');
    const [up, down] = await until(() => messages(page), ({ length }) => length === 2, 'echo of the file');
    expect(up.slice(0, 3), ['up', 'binary', '200,000 B'], 'what was sent');
    expect(down.slice(0, 3), ['down', 'binary', '200,000 B'], 'what came back');
    await page.click('#log li.down summary');
    expectIn('The first 65,536 B of 200,000 B', await page.textContent('#log li.down .content'), 'note');
  });
});

for (const more of ['--deflate', '--deflate=9', '--deflate=15']) {
  const name = `theBrowserCompressesWith${more.replace(/\W/g, '')}AndThePageTellsByHowMuch`;
  const talk = async (page) => {
    await connect(page);
    const text = 'all of this is the same, '.repeat(200);
    for (const sent of [text, 'short', text]) {
      await send(page, sent);
      const size = `${sent.length.toLocaleString('en')} B`;
      const [up, down] = await until(() => messages(page), ({ length }) => length === 2, 'echo');
      expect([up.slice(0, 3), down.slice(0, 3)], [['up', 'text', size], ['down', 'text', size]], 'messages');
      await page.click('#clear');
    }
    const isTold = (figures) => /Compressed\s*to [1-9] %/.test(figures);
    await until(() => page.textContent('#figures'), isTold, 'ratio');
  };
  check({ [name]: () => withPage('echo', talk, { more: [more] }) }[name]);
}

check(function aMessageOpensToItsWholeContent() {
  return withPage('echo', async (page) => {
    await connect(page);
    await send(page, '{"n":12345678901234567890,"a":[1,{}],"s":"a:b,\\"c\\""}');
    await page.click('#log li.down summary');
    expect(
      await page.textContent('#log li.down pre'),
      '{\n  "n": 12345678901234567890,\n  "a": [\n    1,\n    {}\n  ],\n  "s": "a:b,\\"c\\""\n}',
      'JSON',
    );
    await page.click('#clear');
    await choose(page, 'Hex');
    await send(page, '48656c6c6f2c20776972656c65742100ff');
    await page.click('#log li.down summary');
    expect(
      await page.textContent('#log li.down pre'),
      '0000  48 65 6c 6c 6f 2c 20 77 69 72 65 6c 65 74 21 00  Hello, wirelet!·\n' +
        '0010  ff                                               ·',
      'hex dump',
    );
    await page.click('#log li.down .content button');
    const copied = await until(() => page.evaluate(() => navigator.clipboard.readText()), Boolean, 'copy');
    expect(copied, '48656c6c6f2c20776972656c65742100ff', 'copied bytes');
  });
});

check(function markupInAMessageStaysText() {
  return withPage('echo', async (page) => {
    const markup = '<img src="x" onerror="complain(1)"><script>complain(2)</script>';
    await connect(page);
    await send(page, markup);
    await page.click('#log li.down summary');
    expect(await page.textContent('#log li.down pre'), markup, 'message');
    expect(await page.locator('#log img, #log script').count(), 0, 'elements of the message');
  });
});

check(function whatCannotBeSentIsToldWithTheReason() {
  return withPage('echo', async (page) => {
    await connect(page);
    await choose(page, 'Hex');
    await send(page, '00 0g');
    expectIn('“g” is no hex digit', await page.textContent('#compose-error'), 'error');
    await send(page, '000');
    expectIn('3 hex digits are not whole bytes', await page.textContent('#compose-error'), 'error');
    await choose(page, 'File');
    await page.click('#send');
    expectIn('no file yet', await page.textContent('#compose-error'), 'error');
    expect(await messages(page), [], 'messages');
  });
});

check(function aUrlThatCannotBeUsedIsToldWithTheReason() {
  return withPage('echo', async (page) => {
    for (const [url, reason] of [
      ['ws://192.0.2.1/', 'its own server only'],
      ['gopher://127.0.0.1/', 'no WebSocket URL'],
      ['nonsense', 'nvalid URL'],
    ]) {
      await page.fill('#url', url);
      await page.click('#connect-button');
      expectIn(reason, await page.textContent('#state-text'), url);
    }
  });
});

check(function theConnectionListMarksThisPageAndShowsItsHistory() {
  return withPage('echo', async (page, server) => {
    const other = await Client.open(`${server.url}/other`);
    await until(() => page.locator('#peers tr').count(), (n) => n === 1, 'row of the other client');
    expect(await page.locator('#peers .badge').count(), 0, 'marks before the page is connected');
    await connect(page);
    await send(page, 'from the page');
    const own = page.locator('#peers tr', { hasText: 'this page' });
    await until(() => own.count(), (n) => n === 1, 'mark of this page');
    expect(await page.locator('#peers tr').count(), 2, 'connections');
    await own.click();
    const exchange = [
      ['up', 'text', '13 B', 'from the page'],
      ['down', 'text', '13 B', 'from the page'],
    ];
    await messagesAre(page, exchange, '#history-rows');
    await page.keyboard.press('Escape');

    await page.locator('#peers tr', { hasText: '/other' }).click();
    await until(() => page.textContent('#history-note'), (text) => text.includes('No message'), 'note');
    other.ws.send(Buffer.from([1, 2, 255]));
    const bytes = [
      ['up', 'binary', '3 B', '01 02 ff'],
      ['down', 'binary', '3 B', '01 02 ff'],
    ];
    await messagesAre(page, bytes, '#history-rows');
    await page.locator('#history-rows li.up summary').click();
    other.ws.send('later');
    await until(() => messages(page, '#history-rows'), ({ length }) => length === 4, 'later messages');
    expect(await page.locator('#history-rows li.up details').first().getAttribute('open'), '', 'open row');
    other.ws.terminate();
    await until(() => page.textContent('#history-note'), (text) => text.includes('is closed'), 'note');
    expect((await messages(page, '#history-rows')).length, 4, 'messages of the closed connection');
    await page.click('#history-close');
    await until(() => page.locator('#peers tr').count(), (n) => n === 1, 'row of the page alone');
  }, { allowed: /404/ });
});

check(function aLostConnectionIsOpenedAgainWhenTheServerIsBack() {
  const allowed = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|WebSocket connection/;
  const talk = async (page, server) => {
    await page.check('#reconnect');
    await connect(page);
    server.process.kill('SIGKILL');
    await stateIs(page, /^Closed: 1006 abnormal closure\. Next attempt in \d\.\d s$/);
    await stateIs(page, /^Not connected: .* Next attempt in \d\.\d s$/);
    await until(() => page.textContent('#server-text'), (text) => text === 'No answer from the server', 'notice');
    const again = new Program('serve', '--listen', `127.0.0.1:${server.port}`, '--mode', 'echo');
    await again.line();
    await stateIs(page, /^Open/);
    await until(() => page.textContent('#server-text'), (text) => text === 'Live', 'answer');
    await page.click('#clear');
    await send(page, 'again');
    await messagesAre(page, [
      ['up', 'text', '5 B', 'again'],
      ['down', 'text', '5 B', 'again'],
    ]);
    await until(() => page.locator('#peers .badge').count(), (n) => n === 1, 'mark of this page');
    await page.click('#connect-button');
    await stateIs(page, /^Closed: 1000 normal closure$/);
    await sleep(1.5 * SECOND);
    await stateIs(page, /^Closed/);
  };
  return withPage('echo', talk, { allowed });
});

check(function waitingForTheNextAttemptCanBeCancelled() {
  const talk = async (page, server) => {
    await page.check('#reconnect');
    await connect(page);
    server.process.kill('SIGKILL');
    await stateIs(page, /Next attempt/);
    await page.click('#connect-button');
    await stateIs(page, /^Closed$/);
    await sleep(1.5 * SECOND);
    await stateIs(page, /^Closed$/);
  };
  return withPage('echo', talk, { allowed: /ERR_|WebSocket connection/ });
});

check(function thePlotMovesWithTheTrafficOfOthersAndOfThePage() {
  return withPage('echo', async (page, server) => {
    const shape = (part) => page.getAttribute(`#messages-plot path.${part}`, 'd');
    const peaks = (d) => new Set([...d.matchAll(/,(\d+(\.\d+)?)/g)].map(([, y]) => y)).size;
    const pixels = async () => (await page.locator('#messages-plot svg').screenshot()).toString('base64');
    await until(() => shape('up.line'), (d) => d.includes('L'), 'line of two points');
    const before = await pixels();
    expect(peaks(await shape('up.line')), 1, 'heights of the line before any message');

    const other = await Client.open(server.url);
    for (let i = 0; i < 50; i += 1) other.ws.send('x'.repeat(100));
    await until(() => shape('up.line'), (d) => peaks(d) > 1, 'line that leaves zero');
    await until(() => shape('down.line'), (d) => peaks(d) > 1, 'line that leaves zero');
    expect(peaks(await shape('up.own')), 1, 'heights of the part of this page');
    expect((await pixels()) === before, false, 'same pixels');

    await connect(page);
    await send(page, 'of the page');
    await until(() => shape('up.own'), (d) => peaks(d) > 1, 'part of this page that leaves zero');
    await until(() => shape('down.own'), (d) => peaks(d) > 1, 'part of this page that leaves zero');

    // The rates, read by the keyboard, add up to what was sent.
    await page.focus('#bytes-plot svg');
    let sum = 0;
    for (let i = 0; i < 30; i += 1) {
      await page.keyboard.press('ArrowLeft');
      const said = await page.textContent('#bytes-plot .up b');
      const [, number, unit] = /^([\d.]+) (k?B)$/.exec(said) ?? [0, 0, 'B'];
      sum += Number(number) * (unit === 'kB' ? 1000 : 1);
    }
    expect(sum > 4000 && sum < 6000, true, `sum of the rates, ${sum}, near the 5,000 bytes sent`);
  });
});

check(function theLogKeepsAThousandRowsAndCountsTheDropped() {
  return withPage('chat', async (page, server) => {
    await connect(page);
    const other = await Client.open(server.url);
    for (let i = 1; i <= 1500; i += 1) other.ws.send(`message ${i}`);
    const counts = () => page.textContent('#log-counts');
    // 1,500 messages, and the two events of connecting.
    await until(counts, (text) => text === '1,000 of at most 1,000 rows · 502 older dropped', 'counts');
    const there = await messages(page);
    expect([there.length, there[0][3], there.at(-1)[3]], [1000, 'message 501', 'message 1500'], 'rows');
    const end = await page.$eval('#log-scroll', (box) => box.scrollHeight - box.scrollTop - box.clientHeight);
    expect(end < 2, true, 'newest row in view');
  });
});

check(function theLogIsPausedFilteredCopiedAndCleared() {
  return withPage('echo', async (page) => {
    const counts = () => page.textContent('#log-counts');
    await connect(page);
    await send(page, 'Alpha');
    await send(page, 'beta');
    await until(() => messages(page), ({ length }) => length === 4, 'messages');
    await page.click('#pause');
    await send(page, 'gamma');
    await until(counts, (text) => text.endsWith('paused, 2 waiting'), 'waiting rows');
    expect((await messages(page)).length, 4, 'messages while paused');
    await page.click('#pause');
    await until(() => messages(page), ({ length }) => length === 6, 'messages');
    await page.fill('#filter', 'ALPHA');
    await page.selectOption('#kind', 'down');
    await messagesAre(page, [['down', 'text', '5 B', 'Alpha']]);
    expectIn('1 pass the filter', await counts(), 'counts');
    await page.click('#copy');
    await until(() => page.textContent('#copy'), (text) => text === 'Copied', 'button');
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(/^\d\d:\d\d:\d\d\.\d{3}\tdown\ttext\t5\tAlpha$/.test(copied), true, copied);
    await page.click('#clear');
    expect(await page.locator('#log li').count(), 0, 'rows');
  });
});

check(function theEchoRoundTripIsTimedOnlyWhenAskedFor() {
  return withPage('echo', async (page) => {
    await connect(page);
    await sleep(1.5 * SECOND);
    expectIn('↑ 0, 0 B', await page.textContent('#own'), 'traffic before');
    await page.check('#echo');
    const times = () => page.textContent('#echo-times');
    const said = await until(times, (text) => text.endsWith('of 2'), 'times');
    expect(/^last [\d.]+ · median [\d.]+ · max [\d.]+ ms, of 2$/.test(said), true, said);
    expect(await messages(page), [], 'messages in the log');
    await page.uncheck('#echo');
    const own = await page.textContent('#own');
    await sleep(1.5 * SECOND);
    expect(await page.textContent('#own'), own, 'traffic after');
  });
});

check(function aServerThatDoesNotEchoIsNotProbed() {
  return withPage('sink', async (page) => {
    await connect(page);
    expect(await page.isDisabled('#echo'), true, 'disabled');
    expectIn('sink', await page.textContent('#echo-why'), 'reason');
  });
});

check(function aServerWithoutHistorySaysSo() {
  const talk = async (page) => {
    await connect(page);
    await until(() => page.locator('#peers tr').count(), (n) => n === 1, 'connection');
    await page.click('#peers tr');
    await until(() => page.textContent('#history-note'), (text) => text === 'This server keeps no history.', 'note');
  };
  return withPage('echo', talk, { history: 0 });
});

check(function theServerIsNotAskedWhileThePageIsHidden() {
  return withPage('echo', async (page) => {
    const hide = (hidden) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, hidden);
    let asked = 0;
    page.on('request', (request) => (asked += request.url().endsWith('status.json') ? 1 : 0));
    await until(() => asked, (n) => n >= 2, 'questions');
    await hide(true);
    asked = 0;
    await sleep(2.5 * SECOND);
    expect(asked <= 1, true, `questions while hidden, ${asked}, but for one under way`);
    await hide(false);
    await until(() => asked, (n) => n >= 2, 'questions');
  });
});

check(function theKeyboardIsEnough() {
  return withPage('echo', async (page) => {
    const { press, type } = { press: (key) => page.keyboard.press(key), type: (text) => page.keyboard.type(text) };
    const tabTo = async (selector) => {
      for (let i = 0; i < 40; i += 1) {
        await press('Tab');
        if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
      }
      throw new Error(`the tab key does not lead to ${selector}`);
    };
    await tabTo('#connect-button');
    await press('Enter');
    await stateIs(page, /^Open/);
    await tabTo('#message');
    await type('one');
    await press('Enter');
    await until(() => messages(page), ({ length }) => length === 2, 'echo');
    await type('two');
    await press('Shift+Enter');
    await type('lines');
    await press('Enter');
    const line = ['text', '9 B', 'two lines'];
    await until(() => messages(page), ({ length }) => length === 4, 'messages');
    expect((await messages(page))[3], ['down', ...line], 'last message');
    await tabTo('#log summary');
    await press('End');
    await press('ArrowUp');
    await press('Enter');
    expect(await page.textContent('#log details[open] pre'), 'two\nlines', 'opened row');
    await until(() => page.locator('#peers tr').count(), (n) => n === 1, 'connection');
    await tabTo('#peers button');
    await press('Enter');
    await until(() => messages(page, '#history-rows'), ({ length }) => length === 4, 'history');
    await press('Escape');
    expect(await page.isVisible('#history'), false, 'dialog');
  });
});

// Each size in each scheme: everything in view once, and a picture of it.
for (const colorScheme of ['light', 'dark']) {
  for (const [width, height] of [[1280, 800], [390, 844]]) {
    const look = { viewport: { width, height }, colorScheme, reducedMotion: 'reduce' };
    const name = `thePageIsAccessibleAndFits_${colorScheme}_${width}x${height}`;
    const tour = (page, server) => takeTour(page, server, `${colorScheme}-${width}x${height}`, width < 900);
    check({ [name]: () => withPage('echo', tour, { look }) }[name]);
  }
}

async function takeTour(page, server, name, phone) {
  const look = async (at) => {
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}-${at}.png` });
    await expectAccessible(page, at);
    await expectNoSidewaysScroll(page, at);
  };
  await look('closed');
  await connect(page);
  await page.check('#echo');
  await send(page, 'hello');
  await send(page, '{"name":"wirelet","bytes":12345678901234567890,"tags":["no_std","rfc6455"],"ok":true}');
  await choose(page, 'Hex');
  await send(page, '0002 48656c6c6f2c20776972656c6574 ff00 10203040506070');
  await choose(page, 'Text');
  await send(page, 'A longer text, which the line of the log cuts where it ends. '.repeat(5));
  const others = await Promise.all(['/', '/prices?of=all'].map((path) => Client.open(server.url + path)));
  for (let i = 0; i < 24; i += 1) {
    for (let j = 0; j < 2 + ((i * 7) % 5); j += 1) others[i % 2].ws.send('x'.repeat(20 + ((i * 37) % 90)));
    if (i % 5 === 0) await send(page, `tick ${i}`);
    await sleep(SECOND / 4);
  }
  await page.locator('#log li.down', { hasText: 'tags' }).locator('summary').click();
  await look('messages');
  if (phone) {
    await page.click('.views [data-view="server"]');
    await look('server');
  }
  await page.locator('#peers tr').last().click();
  await until(() => messages(page, '#history-rows'), ({ length }) => length > 2, 'history');
  await page.locator('#history-rows summary').last().click();
  await look('history');
}

await run();
