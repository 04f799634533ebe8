// SPDX-License-Identifier: MIT
// W5: the example page in a real browser: two tabs and one warm-up, progress that moves, then an answer at warm speed; a
// warm-up survives leaving the page, begins with the first keystroke where that is asked for, and its failure is in nobody's way.
import assert from 'node:assert/strict';
import path from 'node:path';
import { freePort, makeFolder, modelserverCommand, removeFolder, skipWithoutPrograms, start, startForewarm, waitFor } from '../real/harness.mjs';
import { Browser, findBrowser } from './browser.mjs';

const SLOW = '--size 768MiB --layers 3 --width 512';
const example = path.join(import.meta.dirname, '..', '..', 'examples', 'page');
const folder = makeFolder();
const running = [];

// The model server behind one of the page's models; `slow` has a load that takes a while.
async function resource(id, slow) {
  const port = await freePort();
  const quick = modelserverCommand(id, port);
  const weights = path.join(folder, 'slow.weights');
  const command = slow ? `${quick.replace(/ --weights.*/, '')} --weights ${weights} ${SLOW}` : quick;
  return { id, upstream: `http://127.0.0.1:${port}`, warmer: { kind: 'exec', command: `exec ${command}` },
    probe: { path: '/v1/chat/completions', body: JSON.stringify({ model: id, messages: [{ role: 'user', content: 'hi' }], max_tokens: 1 }) } };
}

// The example's own server, with another model and other addresses. Each one is an origin of its own.
async function servePage(daemon, model, port) {
  const program = start('python3', [path.join(example, 'serve.py'), '--port', String(port), '--data', daemon.base, '--control', daemon.control,
    '--model', model], path.join(folder, `page-${port}.log`));
  running.push(program);
  const address = `http://127.0.0.1:${port}/`;
  await waitFor(`${address} answers`, () => fetch(address).then((answer) => answer.ok, () => false));
  return address;
}

const words = (tab) => tab.evaluate("document.getElementById('words')?.textContent ?? ''");
const asked = (tab) => tab.evaluate("performance.getEntriesByType('resource').filter((entry) => entry.name.endsWith('/start-warmup')).length");
const state = async (daemon, id) => (await (await fetch(`${daemon.control}/v1/resources/${id}`)).json());

async function countLoads(daemon, id) {
  const metrics = await (await fetch(`${daemon.control}/metrics`)).text();
  const rows = [...metrics.matchAll(/^forewarm_warmups_total\{([^}]*)\} (\d+)/gm)].filter((row) => row[1].includes(`resource="${id}"`));
  return rows.reduce((sum, row) => sum + Number(row[2]), 0);
}

async function ask(tab) {
  await tab.evaluate("delete document.getElementById('answer').dataset.seconds; document.getElementById('form').requestSubmit()");
  await waitFor('an answer', () => tab.evaluate("document.getElementById('answer').textContent !== '…'"));
  return tab.evaluate("({ text: document.getElementById('answer').textContent, ...document.getElementById('answer').dataset })");
}

async function testTwoTabs(browser, daemon, address) {
  const begun = Date.now();
  const tabs = [await browser.tab(address)];
  await waitFor('the first tab to ask', () => asked(tabs[0]).catch(() => 0));
  tabs.push(await browser.tab(address));
  const seen = tabs.map(() => []);
  await waitFor('both tabs to be ready', async () => {
    for (const [i, tab] of tabs.entries()) {
      const shown = await tab.evaluate("({ words: document.getElementById('words')?.textContent, bar: document.getElementById('bar')?.value })").catch(() => ({}));
      if (/^Preparing the model…/.test(shown.words) && seen[i].at(-1) !== shown.bar) seen[i].push(shown.bar);
    }
    return (await Promise.all(tabs.map(words))).every((text) => text === 'Ready.');
  });
  const loaded = (Date.now() - begun) / 1000;
  for (const values of seen) {
    assert.ok(values.length >= 3, `progress moved in both tabs: ${JSON.stringify(seen)}`);
    assert.ok(values.every((value, i) => value < 1 && (i === 0 || value >= values[i - 1])), `never back: ${values}`);
  }
  const calls = await Promise.all(tabs.map(asked));
  assert.equal(calls[0] + calls[1], 1, `one tab asked: ${calls}`);
  assert.equal(await countLoads(daemon, 'slow'), 1);
  for (const tab of tabs) {
    const answer = await ask(tab);
    assert.equal(answer.state, 'warm', JSON.stringify(answer));
    assert.ok(answer.text.length > 3 && Number(answer.seconds) < loaded / 2, `${JSON.stringify(answer)} after ${loaded} s of loading`);
  }
  const kept = await tabs[0].evaluate("forewarm.last('slow')");
  assert.ok(kept.ready >= begun && kept.asked >= begun, JSON.stringify(kept));
  await testCooldown(tabs[0], address);
  await tabs[1].close();
  return { tab: tabs[0], loaded, steps: seen.map((values) => values.length) };
}

// Whoever opens the page again does not ask again; it looks, and is told the truth.
async function testCooldown(tab, address) {
  const again = await tab.tab(address);
  await waitFor('the page to be ready', async () => await words(again) === 'Ready.');
  assert.equal(await asked(again), 0);
  await again.close();
}

async function testNavigation(tab, daemon) {
  await tab.evaluate("forewarm.warm('left'); location.assign('other.html')");
  await waitFor('the other page', () => tab.evaluate("document.title === 'Another page'").catch(() => false));
  await waitFor('what the page before began', async () => (await state(daemon, 'left')).state === 'warm');
}

// Tabs that open in the same instant may both ask; there is one load.
async function testSameInstant(browser, daemon, address) {
  const tabs = await Promise.all([browser.tab(address), browser.tab(address), browser.tab(address)]);
  await waitFor('the scripts', async () => (await Promise.all(tabs.map((tab) => tab.evaluate('!!window.forewarm').catch(() => false)))).every(Boolean));
  const ends = await Promise.all(tabs.map((tab) => tab.evaluate("forewarm.warm('same').then((s) => s.status)")));
  assert.deepEqual(ends, ['warmed', 'warmed', 'warmed']);
  assert.equal(await countLoads(daemon, 'same'), 1);
  for (const tab of tabs) await tab.close();
}

async function testFirstKey(browser, daemon, address) {
  const tab = await browser.tab(address);
  await waitFor('the script', () => tab.evaluate('!!window.forewarm').catch(() => false));
  await tab.evaluate("window.typed = forewarm.warm('typed', { on: 'input', element: document.getElementById('question') }).then((s) => s.status); 1");
  await tab.evaluate('new Promise((go) => setTimeout(go, 300))');
  assert.equal((await state(daemon, 'typed')).state, 'cold', 'nothing was typed');
  await tab.evaluate("document.getElementById('question').focus()");
  await tab.send('Input.insertText', { text: 'W' });
  assert.equal(await tab.evaluate('window.typed'), 'warmed');
  assert.equal((await state(daemon, 'typed')).state, 'warm');
  await tab.close();
}

async function testFailure(browser, address, what) {
  const tab = await browser.tab(address);
  await waitFor(`the page to give up: ${what}`, async () => await words(tab).catch(() => '') === 'The first request will be slow.');
  const answer = await ask(tab);
  await tab.close();
  return answer;
}

async function main() {
  skipWithoutPrograms();
  const program = findBrowser();
  if (!program) {
    console.log('SKIPPED: there is no Chromium; set CHROMIUM');
    return 77;
  }
  const ports = [];
  while (ports.length < 3) ports.push(await freePort());
  const origins = ports.slice(0, 2).map((port) => `http://127.0.0.1:${port}`).join(' ');
  const broken = { ...await resource('broken'), warmer: { kind: 'exec', command: 'false' } };
  const daemon = await startForewarm(folder, { allowed_origins: origins, cooldown: '0s',
    resources: [await resource('slow', true), await resource('left'), await resource('same'), await resource('typed'), await resource('cold'), broken] });
  running.push(daemon);
  const browser = await Browser.start(program);
  try {
    const [slow, failing, foreign] = [await servePage(daemon, 'slow', ports[0]), await servePage(daemon, 'broken', ports[1]),
      await servePage(daemon, 'cold', ports[2])];
    const { tab, loaded, steps } = await testTwoTabs(browser, daemon, slow);
    await testNavigation(tab, daemon);
    await testSameInstant(browser, daemon, slow);
    await testFirstKey(browser, daemon, slow);
    assert.match((await testFailure(browser, failing, 'the warm-up fails')).text, /broken/);
    const answer = await testFailure(browser, foreign, 'its origin is not allowed');
    assert.equal(answer.state, 'cold', 'the request itself loads it');
    assert.ok(answer.text.length > 3);
    console.log(`two tabs, one load of ${loaded.toFixed(1)} s, ${steps.join(' and ')} steps of progress; then warm answers`);
  } finally {
    await browser.stop();
  }
  return 0;
}

process.exitCode = await main().finally(async () => {
  for (const program of running.reverse()) await program.stop();
  removeFolder(folder);
});
