// SPDX-License-Identifier: MIT
// The dashboard at the control port in a real browser, in front of real model servers: it shows a model warming before its
// request, opens the reason of a decision, works with keys alone, acts behind the token, comes back after the daemon did, and
// has no serious problem for assistive technology. SCREENSHOTS=FOLDER keeps pictures of it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { existsSync, writeFileSync } from 'node:fs';
import { build, freePort, makeFolder, modelserverCommand, removeFolder, skipWithoutPrograms, startForewarm, waitFor } from '../real/harness.mjs';
import { assertAccessible, axeSource } from './axe.mjs';
import { Browser, findBrowser } from './browser.mjs';
import { parseEvent, lookOf } from '../../web/live.js';

const TOKEN = 'a-token-of-forty-characters-0123456789abcdef';
const EVIL = '<svg/onload=window.broken=1>';
const folder = makeFolder();
const running = [];

async function resource(id) {
  const port = await freePort();
  return { id, upstream: `http://127.0.0.1:${port}`, memory: '1GiB', warmer: { kind: 'exec', command: `exec ${modelserverCommand('m', port)}` },
    probe: { path: '/v1/chat/completions', body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], max_tokens: 1 }) } };
}

const post = (daemon, call, body, headers = {}, raw = null) => fetch(`${daemon.control}${call}`, { method: 'POST', body: raw ?? JSON.stringify(body), headers: { authorization: `Bearer ${TOKEN}`, ...headers } });
const text = (browser, selector) => browser.evaluate(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? ''`);
const until = (browser, what, expression) => waitFor(what, () => browser.evaluate(expression));
const lane = (id) => `[...document.querySelectorAll('.lane-row')].find((row) => !row.hidden && row.dataset.id === ${JSON.stringify(id)})`;

async function press(browser, ...keys) {
  for (const key of keys) {
    const more = key === 'Enter' ? { text: '\r', windowsVirtualKeyCode: 13 } : key === 'Tab' ? { windowsVirtualKeyCode: 9 } : key === 'Escape' ? { windowsVirtualKeyCode: 27 } : {};
    await browser.send('Input.dispatchKeyEvent', { type: 'keyDown', key, code: key, ...more });
    await browser.send('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key, ...more });
  }
}

function testParts() {
  assert.deepEqual(parseEvent('event: live\ndata: {"a":1}'), { name: 'live', data: '{"a":1}' });
  assert.equal(parseEvent(': ping'), null);
  assert.equal(lookOf({ state: 'warm', in_use: 1 }), 'used');
  assert.equal(lookOf({ state: 'verifying', in_use: 0 }), 'warming');
}

async function tokenIsAsked(browser, daemon) {
  await browser.open(`${daemon.control}/`);
  await until(browser, 'the question for the token', "document.getElementById('token-box')?.open");
  assert.equal(await text(browser, '#link'), 'token needed');
  await browser.send('Input.insertText', { text: TOKEN });
  await press(browser, 'Enter');
  await until(browser, 'the resources', `document.querySelectorAll('.lane-row:not([hidden])').length === 3`);
  assert.equal(await text(browser, '#link'), 'live');
}

// A hint makes it ready; the page shows the loading, then warm, and no request has come.
async function warmsBeforeItsRequest(browser, daemon) {
  await browser.evaluate(`window.seen = []; new MutationObserver(() => { const row = ${lane('soon')}; if (row) window.seen.push(row.dataset.state + ' ' + row.lastChild.textContent); })
    .observe(document.getElementById('lane-list'), { subtree: true, childList: true, characterData: true, attributes: true })`);
  assert.equal(await browser.evaluate(`${lane('soon')}.dataset.state`), 'cold');
  assert.ok((await post(daemon, '/v1/hints', { resource: 'soon', eta_s: 3, probability: 1 })).ok);
  await until(browser, 'the model is warm', `${lane('soon')}?.dataset.state === 'warm'`);
  const seen = await browser.evaluate('window.seen');
  assert.ok(seen.some((one) => /^(warming|verifying) (warming|queued) \d+ %/.test(one)), JSON.stringify(seen));
  const row = (await (await fetch(`${daemon.control}/v1/resources/soon`, { headers: { authorization: `Bearer ${TOKEN}` } })).json());
  assert.equal(row.accounts.requests, 0, 'nobody has asked yet');
  const answer = await fetch(`${daemon.base}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-session-id': 's' },
    body: JSON.stringify({ model: 'soon', messages: [{ role: 'user', content: 'hi' }], max_tokens: 1 }) });
  assert.equal(answer.headers.get('x-forewarm-state'), 'warm');
  await until(browser, 'the request among those met warm', "document.querySelector('.live-tiles .note').textContent === '1 of 1 requests'");
  await until(browser, 'the memory bar', "document.querySelector('.memory-bar').getAttribute('aria-label').includes('soon')");
}

// By keys alone: to the lanes, to a resource, its reason, an action behind the token, and back.
async function keysAlone(browser) {
  await browser.evaluate('document.body.focus(); document.activeElement.blur()');
  for (let i = 0; i < 40 && await browser.evaluate("document.activeElement.id !== 'lane-list'"); i += 1) await press(browser, 'Tab');
  assert.equal(await browser.evaluate('document.activeElement.id'), 'lane-list');
  await press(browser, 'Home');
  for (let i = 0; i < 3 && await browser.evaluate(`${lane('soon')}.getAttribute('aria-selected') !== 'true'`); i += 1) await press(browser, 'ArrowDown');
  assert.equal(await browser.evaluate("document.getElementById(document.getElementById('lane-list').getAttribute('aria-activedescendant')).dataset.id"), 'soon');
  await press(browser, 'Enter');
  await until(browser, 'the reasons', "document.querySelectorAll('#why .decisions li').length > 0");
  assert.equal(await text(browser, '#resource-title'), 'soon');
  const reasons = await browser.evaluate("[...document.querySelectorAll('#why .because')].map((node) => node.textContent)");
  assert.ok(reasons.some((reason) => /hint/.test(reason)), JSON.stringify(reasons));
  for (let i = 0; i < 10 && await browser.evaluate("document.activeElement.dataset.verb !== 'pin'"); i += 1) await press(browser, 'Tab');
  await press(browser, 'Enter');
  await until(browser, 'the pin', "document.getElementById('resource-state').textContent.includes('pinned')");
  await press(browser, 'Escape');
  await until(browser, 'the way back', "document.activeElement.id === 'lane-list'");
}

async function showsNamesAsText(browser) {
  assert.equal(await browser.evaluate(`${lane(EVIL)}.firstChild.textContent`), EVIL);
  await browser.evaluate("document.querySelector('#table summary').click()");
  await until(browser, 'the table', "document.querySelectorAll('#table tbody tr').length === 3");
  await browser.evaluate("{ const field = document.getElementById('filter'); field.value = 'SVG/ON'; field.dispatchEvent(new Event('input')); }");
  await until(browser, 'the filtered lanes', "document.querySelectorAll('.lane-row:not([hidden])').length === 1");
  assert.equal(await text(browser, '#count'), '1 of 3 resources');
  await browser.evaluate("{ const field = document.getElementById('filter'); field.value = ''; field.dispatchEvent(new Event('input')); }");
  await browser.evaluate("document.querySelector('#table summary').click()");
  assert.equal(await browser.evaluate('typeof window.broken'), 'undefined');
}

async function looksRight(browser, axe) {
  for (const scheme of ['light', 'dark']) {
    await browser.look({ scheme, width: 1400 });
    await browser.evaluate('new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))');
    await assertAccessible(browser, axe, `the dashboard, ${scheme}`);
    if (process.env.SCREENSHOTS) await browser.screenshot(path.join(process.env.SCREENSHOTS, `dashboard-${scheme}.png`));
    await browser.evaluate(`document.getElementById('lane-list').focus()`);
    await press(browser, 'Home', 'Enter');
    await until(browser, 'the reasons', "document.querySelectorAll('#why .decisions li, #why > p').length > 0");
    await assertAccessible(browser, axe, `one resource, ${scheme}`);
    if (process.env.SCREENSHOTS) await browser.screenshot(path.join(process.env.SCREENSHOTS, `dashboard-why-${scheme}.png`));
    await press(browser, 'Escape');
  }
  await browser.look({ width: 400 });
  await browser.evaluate('new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))');
  assert.ok(await browser.evaluate('document.documentElement.scrollWidth') <= 400, 'wider than a telephone');
  await browser.look({ width: 1400 });
}

// A page that was open while the daemon was away goes on by itself; that it was away is the only complaint.
async function comesBack(browser, daemon, config) {
  assert.deepEqual(browser.complaints().filter((said) => !/status of 401/.test(said)), []);
  await daemon.stop();
  await until(browser, 'the page to notice', "document.getElementById('link').textContent === 'reconnecting'");
  const again = await startForewarm(folder, { ...config, listen: new URL(daemon.base).host, control: { ...config.control, listen: new URL(daemon.control).host } });
  running.push(again);
  await until(browser, 'the page to be live again', "document.getElementById('link').textContent === 'live'");
  await until(browser, 'its resources', `${lane('soon')}?.dataset.state !== undefined && document.querySelectorAll('.lane-row:not([hidden])').length === 3`);
}

// Days of requests on a clock that the test sets: forecast, plan, and an anomaly appear where there was nothing.
async function showsWhatIsForeseen(browser, axe) {
  const program = path.join(build, 'test', 'forewarm_clock');
  if (!existsSync(program)) {
    console.log('SKIPPED: test/forewarm_clock is not built: forecast and plan are not looked at');
    return;
  }
  const clock = path.join(folder, 'clock');
  const set = (seconds) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(seconds) * 1000000000n);
    writeFileSync(clock, bytes, { flag: existsSync(clock) ? 'r+' : 'w' });
  };
  process.env.FOREWARM_CLOCK = clock;
  let now = 20000 * 86400;
  set(now);
  const away = makeFolder();
  const daemon = await startForewarm(away, { resources: [{ id: 'm', upstream: `http://127.0.0.1:${await freePort()}`, warmer: { kind: 'none' } }] }, program);
  running.push({ stop: () => daemon.stop().finally(() => removeFolder(away)) });
  const tenMinutes = async (times) => {
    const count = Math.round(times * (12 + 10 * Math.sin((((now % 86400) / 3600 - 9) * Math.PI) / 12)));
    await post(daemon, '/v1/observations', null, {}, '{"resource":"m","duration_s":90}\n'.repeat(count));
    now += 600;
    set(now);
  };
  const seen = async (call) => (await fetch(`${daemon.control}${call}`)).json();
  for (let i = 0; i < 6 * 82; i += 1) await tenMinutes(1);
  for (let i = 0; i < 18 && (await seen('/v1/anomalies')).anomalies.length === 0; i += 1) {
    await tenMinutes(6);
    await waitFor('the forecast of this hour', async () => Math.floor(Date.parse((await seen('/v1/forecast')).made_at) / 3600000) === Math.floor(now / 3600));
  }
  await waitFor('a plan', async () => (await seen('/v1/plan')).total.length > 0);
  await browser.open(`${daemon.control}/`);
  await until(browser, 'the forecast', "document.querySelectorAll('#forecast tbody tr').length > 24");
  await until(browser, 'the plan', "document.querySelectorAll('#plan tbody tr').length > 24");
  await until(browser, 'the anomaly', "/open|resolved/.test(document.querySelector('#anomalies tbody')?.textContent ?? '')");
  for (const scheme of ['light', 'dark']) {
    await browser.look({ scheme, width: 1500 });
    await browser.evaluate('new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))');
    await assertAccessible(browser, axe, `what is foreseen, ${scheme}`);
    if (process.env.SCREENSHOTS) await browser.screenshot(path.join(process.env.SCREENSHOTS, `dashboard-foreseen-${scheme}.png`));
  }
  assert.doesNotMatch(await browser.evaluate("document.getElementById('page').innerText"), /NaN|undefined|Infinity|\bnull\b/);
  assert.deepEqual(browser.complaints(), []);
}

async function main() {
  testParts();
  skipWithoutPrograms();
  const program = findBrowser();
  if (!program) {
    console.log('SKIPPED: there is no Chromium; set CHROMIUM');
    return 77;
  }
  writeFileSync(path.join(folder, 'token'), `${TOKEN}\n`, { mode: 0o600 });
  const config = { memory: '4GiB', resources: [await resource('soon'), await resource('other'), await resource(EVIL)] };
  config.control = { token_file: path.join(folder, 'token') };
  const daemon = await startForewarm(folder, config);
  running.push(daemon);
  const axe = axeSource();
  const browser = await Browser.start(program);
  try {
    await browser.look({ width: 1400 });
    await tokenIsAsked(browser, daemon);
    await warmsBeforeItsRequest(browser, daemon);
    await keysAlone(browser);
    await showsNamesAsText(browser);
    await looksRight(browser, axe);
    await comesBack(browser, daemon, config);
    await showsWhatIsForeseen(browser, axe);
  } finally {
    await browser.stop();
  }
  return 0;
}

process.exitCode = await main().finally(async () => {
  for (const program of running.reverse()) await program.stop();
  removeFolder(folder);
});
