// SPDX-License-Identifier: MIT
// D13: the page of `forewarm report` in a real browser: it opens from a file with the network off, says the numbers of --json,
// draws every picture of the specification, reads out by keys, and is sound on series with next to nothing in them.
// SCREENSHOTS=FOLDER keeps pictures of it, light and dark.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, forewarm } from '../real/harness.mjs';
import { assertAccessible, axeSource } from './axe.mjs';
import { Browser, findBrowser } from './browser.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'forewarm-report-'));
const EVIL = '<script>window.broken = 1</script>';
const hasCharts = !/^var uPlot=null/.test(fs.readFileSync(path.join(build, 'vendor', 'uplot.js'), 'utf8'));
const SECTIONS = ['scenarios', 'capacity', 'history', 'spikes', 'risk', 'classes', 'impact', 'bursts', 'parts'];

function run(...args) {
  return spawnSync(forewarm, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
}

function file(name, text) {
  fs.writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
}

function report(page, ...args) {
  const result = run('report', '--quiet', '-o', page, ...args);
  assert.equal(result.status, 0, `${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

// Something other than nothing is drawn on each canvas.
const drawn = `[...document.querySelectorAll('canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
  return count;
})`;

async function open(browser, page) {
  await browser.open(pathToFileURL(page).href);
  await browser.evaluate('new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))');
  assert.deepEqual(browser.complaints(), [], page);
  assert.deepEqual(browser.requests().filter((address) => !address.startsWith('data:')), [pathToFileURL(page).href]);
}

async function testPage(browser, page, data) {
  await open(browser, page);
  assert.deepEqual(await browser.evaluate("[...document.querySelectorAll('main section')].map((node) => node.id)"), SECTIONS);
  const words = await browser.evaluate("document.getElementById('page').innerText");
  assert.doesNotMatch(words, /NaN|undefined|Infinity|\bnull\b/);
  assert.equal(await browser.evaluate('typeof window.broken'), 'undefined');
  const expected = Math.max(...data.forecast.expected);
  const said = await browser.evaluate("document.querySelector('.tile .big').textContent");
  assert.ok(Math.abs(Number(said.replaceAll(',', '')) - expected) <= expected * 0.006, `${said} for ${expected}`);
  const events = await browser.evaluate("[...document.querySelectorAll('.tile .big')].at(-1).textContent");
  assert.equal(Number(events), data.event_count);
  const launches = await browser.evaluate("document.querySelectorAll('#impact tbody tr').length");
  assert.equal(launches, data.events.filter((event) => event.course).length);
  assert.ok(launches >= 1);
  const fleets = await browser.evaluate("document.querySelector('#capacity tr.ours').innerText");
  assert.ok(fleets.includes(data.plan.fleets.recommended.peak_gpus) && fleets.includes(Math.round(data.plan.fleets.recommended.cost_per_month).toLocaleString('en-US')), fleets);
  const sentences = Object.values(data.plan.recommendations).flat();
  assert.equal(await browser.evaluate("document.querySelectorAll('#capacity .words li').length"), sentences.length);
  if (!hasCharts) return;
  const counts = await browser.evaluate(drawn);
  assert.equal(counts.length, 9 + data.parts.cycles.length, 'a canvas for each chart');
  assert.ok(counts.every((count) => count > 2000), `each has something on it: ${counts}`);
}

async function testKeys(browser) {
  if (!hasCharts) return;
  await browser.evaluate("document.querySelector('#scenarios .plot').focus()");
  const readout = () => browser.evaluate("document.querySelector('#scenarios .readout').textContent");
  const press = (key) => browser.send('Input.dispatchKeyEvent', { type: 'keyDown', key, code: key });
  await press('End');
  const last = await readout();
  await press('ArrowLeft');
  assert.match(last, /UTC · .*expected [\d,.]+/);
  assert.notEqual(await readout(), last);
}

async function testViews(browser) {
  if (!hasCharts) return;
  const picture = () => browser.evaluate("document.querySelector('#history canvas').toDataURL()");
  const whole = await picture();
  await browser.evaluate("document.querySelectorAll('#history input')[1].click()");
  await browser.evaluate('new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))');
  assert.notEqual(await picture(), whole);
}

// Light or dark, a telephone, and on paper.
async function testLooks(browser, page, axe) {
  for (const scheme of ['light', 'dark']) {
    await browser.look({ scheme });
    await open(browser, page);
    await assertAccessible(browser, axe, `the report, ${scheme}`);
    if (process.env.SCREENSHOTS) await browser.screenshot(path.join(process.env.SCREENSHOTS, `report-${scheme}.png`));
  }
  await browser.look({ width: 400 });
  await open(browser, page);
  assert.ok(await browser.evaluate('document.documentElement.scrollWidth') <= 400, 'wider than a telephone');
  await browser.look();
}

function rows(count, every, value) {
  const lines = Array.from({ length: count }, (unused, i) => `${new Date(Date.UTC(2026, 0, 1) + i * every).toISOString()},${value(i)}`);
  return `time,value\n${lines.join('\n')}\n`;
}

async function testOddSeries(browser) {
  const hour = 3600000;
  const odd = { constant: rows(300, hour, () => 7), zero: rows(300, hour, () => 0), few: rows(30, hour, (i) => i % 5), days: rows(90, 24 * hour, (i) => 100 + i + (i % 7)),
    holes: rows(500, hour, (i) => (i % 50 < 20 ? '' : 50 + (i % 24))), negative: rows(400, hour, (i) => Math.sin(i / 4) * 10),
    minutes: rows(3000, 60000, (i) => 10 + (i % 60)), evil: rows(200, hour, (i) => i).replace('time,value', `time,"${EVIL}"`) };
  for (const [name, text] of Object.entries(odd)) {
    const page = path.join(folder, `${name}.html`);
    const horizon = { few: '3h', minutes: '2h' }[name] ?? '2d';
    report(page, '--horizon', horizon, ...(name === 'evil' ? ['--value', EVIL] : []), file(`${name}.csv`, text));
    assert.ok(!fs.readFileSync(page, 'utf8').includes(EVIL), 'a name stands in the page as markup');
    await open(browser, page);
    assert.doesNotMatch(await browser.evaluate("document.getElementById('page').innerText"), /NaN|undefined|Infinity|\bnull\b/, name);
    assert.equal(await browser.evaluate('typeof window.broken'), 'undefined');
  }
}

// What cannot be written or is asked for wrongly is an error with its place; nothing is left behind.
function testErrors(series) {
  const none = run('report', series);
  assert.equal(none.status, 2);
  assert.match(none.stderr, /-o: missing, expected -o FILE.html/);
  const lost = run('report', '--quiet', series, '-o', path.join(folder, 'no such folder', 'page.html'));
  assert.equal(lost.status, 3);
  assert.match(lost.stderr, /no such folder/);
  const offers = run('report', '--quiet', '-o', '-', '--offers', file('offers.yaml', '- {tier: moon, price_per_hour: 1}\n'), series);
  assert.equal(offers.status, 2);
  assert.match(offers.stderr, /offers.yaml:1.*moon/);
  const both = run('report', '--json', '-o', '-', series);
  assert.equal(both.status, 2);
  const text = run('report', '-o', '-', file('words.csv', 'time,value\nnow,many\n'));
  assert.equal(text.status, 2);
  assert.equal(text.stdout, '');
  assert.deepEqual(fs.readdirSync(folder).filter((name) => name.includes('.part-')), []);
}

async function main() {
  const [series, events, page] = ['two.csv', 'events.yaml', 'page.html'].map((name) => path.join(folder, name));
  assert.equal(run('synth', 'demand', '--seed', '3', '--quiet', '--events', events, '-o', series).status, 0);
  const begun = Date.now();
  const data = JSON.parse(report(page, '--json', '--events', events, series));
  console.log(`two years of hours: ${((Date.now() - begun) / 1000).toFixed(1)} s, ${fs.statSync(page).size} bytes`);
  assert.equal(report('-', '--events', events, series), fs.readFileSync(page, 'utf8'), 'the page differs from run to run');
  testErrors(series);
  const program = findBrowser();
  if (!program) {
    console.error('SKIPPED: no Chromium (Debian package chromium): the page was not opened');
    return 77;
  }
  if (!hasCharts) console.log('SKIPPED: this build has no uPlot: tables alone are looked at');
  const axe = axeSource();
  const browser = await Browser.start(program);
  try {
    await browser.look();
    await browser.send('Network.emulateNetworkConditions', { offline: true, latency: 0, downloadThroughput: 0, uploadThroughput: 0 });
    await testPage(browser, page, data);
    await testKeys(browser);
    await testViews(browser);
    await testLooks(browser, page, axe);
    await testOddSeries(browser);
  } finally {
    await browser.stop();
  }
  return 0;
}

process.exitCode = await main().finally(() => fs.rmSync(folder, { recursive: true, force: true }));
