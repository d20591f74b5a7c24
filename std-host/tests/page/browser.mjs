// A page in Chromium that must not complain, and what the checks do on it.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterwards, expect, withPageOf } from '../interop/harness.mjs';

const require = createRequire(import.meta.url);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  // It opens no page but the server's, and in a container there is no sandbox.
  chromiumSandbox: false,
});

const TIME_LIMIT = 10_000; // milliseconds, for each wait
const DESKTOP = { viewport: { width: 1280, height: 800 }, colorScheme: 'light' };

/** Runs a server, with `more` options, and the page of it; `allowed` are the errors that the console may show. */
export function withPage(mode, talk, { look = DESKTOP, allowed = /^$/, history = 100, more = [] } = {}) {
  return withPageOf(mode, ['--history', String(history), ...more], async (server) => {
    const line = await server.line();
    expect(line, `page at http://127.0.0.1:${server.port}`, 'second line');
    const page = await openPage(server, look);
    await talk(page, server);
    expect(page.complaints.filter((text) => !allowed.test(text)), [], 'complaints of the browser');
  });
}

/** Opens the page of a server; gathers what the browser complains of. */
async function openPage(server, look = DESKTOP) {
  const context = await browser.newContext({ ...look, permissions: ['clipboard-read', 'clipboard-write'] });
  afterwards(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(TIME_LIMIT);
  page.complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text());
  });
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  await page.exposeFunction('complain', (text) => page.complaints.push(text));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      window.complain(`${event.violatedDirective} was violated by ${event.blockedURI}`);
    });
  });
  await page.goto(`http://127.0.0.1:${server.port}/`);
  await until(() => page.textContent('#server-text'), (text) => text === 'Live', 'answer of the server');
  return page;
}

/** Waits until a value is as wanted, and returns it. */
export async function until(look, wanted, what) {
  const end = Date.now() + TIME_LIMIT;
  for (;;) {
    const value = await look();
    if (wanted(value)) return value;
    if (Date.now() > end) throw new Error(`${what}: it stayed ${JSON.stringify(value)}`);
    await sleep(50);
  }
}

export async function connect(page) {
  await page.click('#connect-button');
  await stateIs(page, /^Open/);
}

export function stateIs(page, wanted) {
  return until(() => page.textContent('#state-text'), (text) => wanted.test(text), 'state');
}

/** Chooses what to send: Text, Hex or File. */
export function choose(page, kind) {
  return page.locator('.segments').getByText(kind, { exact: true }).click();
}

export async function send(page, message) {
  await page.fill('#message', message);
  await page.click('#send');
}

/** Returns way, kind, size and text of each message in a list. */
export function messages(page, list = '#log') {
  return page.$$eval(`${list} > li:not(.event):not([hidden])`, (rows) =>
    rows.map((row) => [
      row.className,
      ...['.kind', '.size', '.preview'].map((part) => row.querySelector(part).textContent),
    ]),
  );
}

export function messagesAre(page, expected, list) {
  const wanted = JSON.stringify(expected);
  return until(() => messages(page, list), (value) => JSON.stringify(value) === wanted, `messages ${wanted}`);
}

/** Fails on what people cannot see, reach or understand. */
export async function expectAccessible(page, where) {
  // Evaluated by the debugger, where the policy of the page does not hold.
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const told = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
  expect(told, [], `rules of accessibility broken by ${where}`);
}

export async function expectNoSidewaysScroll(page, where) {
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(beyond, 0, `pixels that ${where} is too wide`);
}
