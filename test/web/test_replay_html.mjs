// SPDX-License-Identifier: MIT
// The page of `forewarm replay --html` in a real browser: it opens from a file without a network and without
// complaints, says the same numbers as --json, draws them, and shows names as text whatever they hold.
// SCREENSHOTS=FOLDER keeps pictures of it, light and dark.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Browser, findBrowser } from './browser.mjs';
import { amount, decadeTicks, duration, figures, makeScale, percent, roundTicks, timeTicks } from '../../web/charts.js';
import { change, headline, trade, whyCold } from '../../web/replay.js';

const forewarm = process.env.FOREWARM ?? 'build/forewarm';
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'forewarm-page-'));
const EVIL = '<script>window.broken = 1</script>';
const NAMES = [EVIL, '</script><img src=x onerror="window.broken = 2">', '"quoted" & \'single\' {{data}}', 'ö — 模型', 'plain'];

function replay(...options) {
  const run = spawnSync(forewarm, ['replay', ...options], { encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
}

function quoted(name) {
  return `"${name.replaceAll('"', '""')}"`;
}

// Four days of office hours for five resources, from a fixed seed.
function writeTrace(file) {
  let state = 12345;
  const draw = () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
  const rows = ['time,resource'];
  const begin = Date.UTC(2025, 0, 6) / 1000;
  for (let at = 0; at < 4 * 86400; at += Math.floor(-Math.log(1 - draw()) * 150) + 1) {
    const hour = (at / 3600) % 24;
    if (hour < 8 || hour > 18) continue;
    rows.push(`${begin + at},${quoted(NAMES[Math.floor(draw() ** 2 * NAMES.length)])}`);
  }
  fs.writeFileSync(file, `${rows.join('\n')}\n`);
  return rows.length - 1;
}

function testNumbers() {
  assert.equal(figures(54), '54');
  assert.equal(figures(1234.56), '1,235');
  assert.equal(figures(9.876), '9.88');
  assert.equal(percent(-3.72), '-3.7 %');
  assert.equal(amount(3600 * 510.2), '510 h');
  assert.equal(amount(90), '1.50 min');
  assert.equal(duration(0.275), '275 ms');
  assert.equal(duration(6.3), '6.3 s');
  assert.equal(duration(11), '11 s');
  assert.equal(duration(615), '10 min 15 s');
  assert.equal(duration(3600), '1 h');
  assert.equal(duration(86400 * 16 + 3600 * 7), '16 d 7 h');
  assert.deepEqual(roundTicks(95, 5), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(decadeTicks(3, 150), [2, 5, 10, 20, 50, 100, 200]);
  const linear = makeScale([5, 100], 0, 100);
  assert.equal(linear.log, false);
  assert.equal(linear.at(50), 50);
  const log = makeScale([0, 1, 1000], 0, 100);
  assert.equal(log.log, true);
  assert.equal(log.at(0), 0);
  assert.equal(Math.round(log.at(1000)), 100);
  assert.ok(log.at(1) > 0 && log.at(1) < log.at(10) && log.at(10) < log.at(100));
  assert.deepEqual(timeTicks(0, 4 * 3600 * 1000, 5, true).map((tick) => tick.text), ['start', '+1 h', '+2 h', '+3 h', '+4 h']);
  assert.deepEqual(timeTicks(Date.UTC(2025, 0, 6), Date.UTC(2025, 0, 8), 4, false).map((tick) => tick.text),
    ['00:00', '12:00', '00:00', '12:00', '00:00']);
}

function made({ cost, wait, idle }) {
  return { shown: 'planner', idle_price: 1, wait_price: 54, report: {
    ttl600: { ttl_s: 600, cost: 1000, cold: 10, requests: 100, wait_s: 10, idle_s: 450, load_s: 10 },
    hindsight: { best_ttl_s: 282, cost: 900, cold: 12, requests: 100, wait_s: 9, idle_s: 404, load_s: 10 },
    policies: [{ name: 'planner', cost, cold: 9, requests: 100, wait_s: { total: wait }, idle_s: idle, load_s: 10 }] } };
}

// What it says must be honest where it is worse.
function testWords() {
  assert.deepEqual(change(64, 100), { text: '36.0 % less', kind: 'good' });
  assert.deepEqual(change(136, 100), { text: '36.0 % more', kind: 'bad' });
  assert.deepEqual(change(100, 100), { text: 'the same', kind: '' });
  assert.equal(headline(made({ cost: 800, wait: 9, idle: 304 })),
    'forewarm would have cost 20.0 % less than a 10-minute timer and 11.1 % less than the best timer in hindsight (4 min 42 s)');
  assert.equal(headline(made({ cost: 950, wait: 9, idle: 454 })),
    'forewarm would have cost 5.0 % less than a 10-minute timer, but 5.6 % more than the best timer in hindsight (4 min 42 s)');
  assert.equal(headline(made({ cost: 1100, wait: 11, idle: 496 })),
    'forewarm would have cost 10.0 % more than a 10-minute timer and 22.2 % more than the best timer in hindsight (4 min 42 s)');
  assert.match(trade(made({ cost: 800, wait: 9, idle: 304 })).join(' '), /saves .* better on both sides/);
  assert.match(trade(made({ cost: 1100, wait: 11, idle: 496 })).join(' '), /adds .* worse on both sides. On this log, keep the timer/);
  // 150 warm seconds saved for 2 s more of waiting: worth it while a second of waiting is worth less than 75
  assert.match(trade(made({ cost: 958, wait: 12, idle: 300 })).join(' '), /saves 2.50 min .* pays for that with 2 s of waiting .* at 54 warm seconds; the trade is worth it below 75\.$/);
  assert.match(trade(made({ cost: 950, wait: 8, idle: 508 })).join(' '), /saves 2 s of waiting .* pays .* the trade is worth it above 29\.$/);
  assert.match(whyCold({ origin: 'first' }), /first request/);
  assert.match(whyCold({ origin: 'late', load_begun_s: -3, load_s: 11, gap_s: 100, regretted: true }),
    /begun 3 s before the request; loading took 11 s\. In hindsight, keeping it through the gap would have cost less/);
}

async function testHeadline(browser, report) {
  const ours = report.policies.find((policy) => policy.name === 'planner');
  const less = (value, than) => {
    const by = 100 * (value / than - 1);
    return `${percent(Math.abs(by))} ${by < 0 ? 'less' : 'more'}`;
  };
  const said = await browser.evaluate("document.getElementById('headline').textContent");
  assert.ok(said.includes(`${less(ours.cost, report.ttl600.cost)} than a 10-minute timer`), said);
  assert.ok(said.includes(`${less(ours.cost, report.hindsight.cost)} than the best timer in hindsight`), said);
  const tiles = await browser.evaluate("[...document.querySelectorAll('.tile')].map((tile) => tile.innerText.replace(/\\s+/g, ' '))");
  assert.equal(tiles.length, 3);
  const expected = [[ours.wait_s.total, report.ttl600.wait_s, report.hindsight.wait_s], [ours.idle_s, report.ttl600.idle_s, report.hindsight.idle_s],
    [ours.cost, report.ttl600.cost, report.hindsight.cost]];
  expected.forEach(([value, timer, best], i) => {
    for (const text of [amount(value), amount(timer), amount(best), less(value, timer), less(value, best)]) assert.ok(tiles[i].includes(text), `${text} in ${tiles[i]}`);
  });
  assert.ok(tiles[0].includes(`${ours.cold.toLocaleString('en-US')} of ${ours.requests.toLocaleString('en-US')} requests waited`), tiles[0]);
  const data = await browser.evaluate("JSON.parse(document.getElementById('data').textContent)");
  assert.deepEqual(data.report.policies, report.policies);
  const waits = data.waits.reduce((sum, row) => sum + row.wait_s, 0);
  assert.ok(Math.abs(waits - ours.wait_s.total) < 0.01, `${waits} and ${ours.wait_s.total}`);
  return data;
}

async function testCharts(browser, report, data) {
  const count = (selector) => browser.evaluate(`document.querySelectorAll(${JSON.stringify(selector)}).length`);
  assert.equal(await count('#frontier .point'), report.policies.length);
  assert.equal(await count('#frontier .point title'), report.policies.length);
  assert.equal(await count('#frontier .dot.ours'), 2); // the point and its key
  assert.equal(await count('#frontier .hit title'), data.curve.length);
  assert.ok(await count('#frontier path.curve') >= 1);
  assert.equal(await count('#costs .point'), report.policies.length);
  assert.equal(await count('#lanes .lane svg[role=img][aria-label]'), NAMES.length);
  for (const kind of ['warm', 'requests', 'cold']) {
    assert.ok(await browser.evaluate(`[...document.querySelectorAll('#lanes path.${kind}')].every((path) => path.getAttribute('d').length > 10)`), kind);
  }
  assert.equal(await count('#worst tbody tr'), 10);
  assert.ok(await count('#accounts tbody tr') >= 3);
  assert.equal(await browser.evaluate("[...document.querySelectorAll('svg[role]')].every((node) => node.getAttribute('aria-label'))"), true);
  // nothing is drawn outside of its place
  const numbers = await browser.evaluate("[...document.querySelectorAll('#page path')].every((path) => !/NaN|Infinity|undefined/.test(path.getAttribute('d')))");
  assert.equal(numbers, true);
  assert.equal(await browser.evaluate('/NaN|Infinity|undefined|null/.test(document.getElementById("page").innerText)'), false);
}

async function testViews(browser) {
  const paths = () => browser.evaluate("[...document.querySelectorAll('#lanes path.warm')].map((path) => path.getAttribute('d')).join()");
  const whole = await paths();
  await browser.evaluate("document.querySelectorAll('input[name=view]')[1].click()");
  assert.notEqual(await paths(), whole);
  await browser.evaluate("document.querySelectorAll('input[name=view]')[0].click()");
  assert.equal(await paths(), whole);
  const tip = await browser.evaluate(`(() => {
    const lane = document.querySelector('.lane');
    const box = lane.getBoundingClientRect();
    lane.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + box.width * 0.4, clientY: box.top + 5 }));
    return document.querySelector('.tip').textContent;
  })()`);
  assert.match(tip, /\d+ requests.*\nwarm \d+ % of the time/s);
  assert.equal(await browser.evaluate("[...document.querySelectorAll('details')].some((node) => node.open)"), false);
  await browser.evaluate("window.dispatchEvent(new Event('beforeprint'))");
  assert.equal(await browser.evaluate("[...document.querySelectorAll('details')].every((node) => node.open)"), true);
}

async function testNames(browser) {
  const names = await browser.evaluate("[...document.querySelectorAll('#lanes b.name')].map((node) => node.textContent)");
  assert.deepEqual([...names].sort(), [...NAMES].sort());
  assert.equal(await browser.evaluate('typeof window.broken'), 'undefined');
  assert.equal(await browser.evaluate("document.querySelectorAll('#page script, #page img').length"), 0);
}

// Where there are levels, half warm time is a lighter band on what is warm, with a key and words.
async function testLevels(browser, trace) {
  const page = path.join(folder, 'levels.html');
  replay('--load-time', '11s', '--half-load', '2s', '--half-price', '0.05', '--quiet', '--policy', 'planner', '--html', page, trace);
  await browser.open(pathToFileURL(page).href);
  assert.deepEqual(browser.complaints(), []);
  const bands = await browser.evaluate("[...document.querySelectorAll('#lanes path.half')].map((path) => path.getAttribute('d'))");
  assert.equal(bands.length, NAMES.length);
  assert.ok(bands.some((band) => band.length > 10) && bands.every((band) => !/NaN|undefined/.test(band)), bands.join());
  assert.match(await browser.evaluate("document.querySelector('[aria-labelledby=h-lanes] .keys').textContent"), /half warm: at a level between/);
  const data = await browser.evaluate("JSON.parse(document.getElementById('data').textContent)");
  for (const view of data.lanes[0].views) {
    const spent = new Array(data.columns).fill(0);
    for (const list of [view.warm, view.half]) {
      for (let i = 0; i < list.length; i += 3) for (let column = list[i]; column < list[i + 1]; column += 1) spent[column] += list[i + 2];
    }
    assert.ok(Math.max(...spent) <= 101, `warm and half warm for ${Math.max(...spent)} % of the time`);
  }
  const lane = data.lanes.findIndex((resource) => resource.views[0].half.length > 0);
  const column = data.lanes[lane].views[0].half[0];
  const tip = await browser.evaluate(`(() => {
    const name = ${JSON.stringify(data.lanes[lane].name)};
    const lane = [...document.querySelectorAll('.lane')].find((node) => node.previousSibling.title === name);
    const box = lane.getBoundingClientRect();
    lane.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + (box.width * ${column + 0.5}) / ${data.columns}, clientY: box.top + 5 }));
    return document.querySelector('.tip').textContent;
  })()`);
  assert.match(tip, /half warm \d+ %/);
}

// Logs with next to nothing in them, and comparisons without a timer: all must read well.
async function testOddPages(browser) {
  const write = (name, text) => {
    fs.writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const one = write('one.csv', 'time,resource\n5,a\n');
  const two = write('two.csv', 'time,resource\n0,a\n0,b\n1,a\n4000,b\n4001,a\n90000,a\n');
  const sizes = write('sizes.csv', 'resource,memory\n*,5GiB\n');
  const memory = ['--memory', '8GiB', '--sizes', sizes, two];
  const odd = [[[one], /forewarm would have cost the same as a 10-minute timer and the same as the best timer/], [['--policy', 'ttl:5m', two], /The policy “5 min timer” would have cost/],
    [['--policy', 'oracle', two], /The policy “knows the future” would have cost/], [memory, /forewarm would have cost .* than the least recently used and .* 5 min timer/],
    [['--policy', 'planner', ...memory], /^forewarm: \d of 6 requests would have waited$/], [['--load-time', '0s', two], /forewarm would have cost/],
    [['--score-from', '80000s', two], /forewarm would have cost/], [['--idle-price', '0', two], /forewarm would have cost/]];
  for (const [options, said] of odd) {
    const page = path.join(folder, 'odd.html');
    replay('--quiet', '--time-style', 'offset-s', '--html', page, ...options);
    await browser.open(pathToFileURL(page).href);
    const what = options.join(' ');
    assert.deepEqual(browser.complaints(), [], what);
    assert.match(await browser.evaluate("document.getElementById('headline').textContent"), said, what);
    const found = await browser.evaluate("(/NaN|Infinity|undefined|null|∞/.exec(document.getElementById('page').outerHTML) ?? [''])[0]");
    assert.equal(found, '', what);
  }
}

// A page that cannot be written, or has nothing to show, is an error with its place; nothing is left behind.
function testErrors() {
  const trace = path.join(folder, 'one.csv');
  const run = (...options) => spawnSync(forewarm, ['replay', '--quiet', '--time-style', 'offset-s', ...options, trace], { encoding: 'utf8' });
  const lost = run('--html', path.join(folder, 'no such folder', 'page.html'));
  assert.equal(lost.status, 3);
  assert.match(lost.stderr, /no such folder.*No such file/);
  const nothing = run('--policy', 'none', '--html', path.join(folder, 'none.html'));
  assert.equal(nothing.status, 2);
  assert.match(nothing.stderr, /--html: found no policy to show, expected --policy/);
  assert.equal(fs.existsSync(path.join(folder, 'none.html')), false);
  const both = run('--json', '--html', '-');
  assert.equal(both.status, 2);
  assert.match(both.stderr, /one thing on standard output/);
  assert.deepEqual(fs.readdirSync(folder).filter((name) => name.includes('.part-')), []);
}

async function pictures(browser, address) {
  if (!process.env.SCREENSHOTS) return;
  for (const scheme of ['light', 'dark']) {
    await browser.look({ scheme });
    await browser.open(address);
    await browser.screenshot(path.join(process.env.SCREENSHOTS, `replay-${scheme}.png`));
  }
}

async function main() {
  testNumbers();
  testWords();
  const program = findBrowser();
  if (!program) {
    console.error('SKIPPED: no Chromium (Debian package chromium): the page was not opened');
    return 77;
  }
  const trace = path.join(folder, 'day & night.csv');
  const page = path.join(folder, 'page.html');
  const requests = writeTrace(trace);
  const options = ['--load-time', '11s', '--quiet', trace];
  const report = JSON.parse(replay('--json', '--html', page, ...options));
  assert.equal(report.trace.requests, requests);
  const text = fs.readFileSync(page, 'utf8');
  assert.ok(!text.includes(EVIL), 'a name stands in the page as markup');
  assert.ok(text.length < 2e6, `${text.length} bytes`);
  assert.equal(replay('--html', '-', ...options), text, 'the page differs from run to run');
  const browser = await Browser.start(program);
  try {
    for (const scheme of ['light', 'dark']) {
      await browser.look({ scheme });
      await browser.open(pathToFileURL(page).href);
      assert.deepEqual(browser.complaints(), []);
      assert.deepEqual(browser.requests().filter((address) => !address.startsWith('data:')), [pathToFileURL(page).href]);
    }
    const data = await testHeadline(browser, report);
    await testCharts(browser, report, data);
    await testNames(browser);
    await testViews(browser);
    assert.equal(await browser.evaluate("document.querySelectorAll('#lanes path.half').length"), 0);
    await testLevels(browser, trace);
    await browser.open(pathToFileURL(page).href);
    await browser.look({ width: 400 });
    assert.ok(await browser.evaluate('document.documentElement.scrollWidth') <= 400, 'wider than a telephone');
    assert.deepEqual(browser.complaints(), []);
    await testOddPages(browser);
    testErrors();
    await pictures(browser, pathToFileURL(page).href);
  } finally {
    await browser.stop();
  }
  console.log(`the page of ${requests} requests: ${text.length} bytes, opened, read and drawn`);
  return 0;
}

process.exitCode = await main().finally(() => fs.rmSync(folder, { recursive: true, force: true }));
