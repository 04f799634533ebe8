// SPDX-License-Identifier: MIT
// The dashboard with a thousand resources under traffic, scrolled all the time: frames a second and the longest wait
// for one, beside a blank page in the same browser, three times in turn; and what it costs the daemon.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { makeFolder, removeFolder, startForewarm, waitFor } from '../../test/real/harness.mjs';
import { Browser, findBrowser } from '../../test/web/browser.mjs';

const RESOURCES = 1000;
const ROUNDS = 3;
const SECONDS = 5;
const OBSERVED_A_SECOND = 200;

const frames = (step) => `new Promise((done) => {
  const times = [];
  const step = ${step};
  const begin = performance.now();
  const next = (now) => {
    times.push(now);
    step(now - begin);
    if (now - begin < ${SECONDS * 1000}) requestAnimationFrame(next);
    else {
      const gaps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b);
      done({ fps: 1000 * gaps.length / (times[times.length - 1] - times[0]), p95: gaps[Math.floor(gaps.length * 0.95)], most: gaps[gaps.length - 1] });
    }
  };
  requestAnimationFrame(next);
})`;

const nothing = '() => {}';
const scroll = `(passed) => {
  const view = document.querySelector('.lane-view');
  view.scrollTop = (view.scrollHeight - view.clientHeight) * Math.abs(Math.sin(passed / 2500));
}`;

function middle(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

// Processor seconds of a process so far.
function spent(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function traffic(daemon) {
  let number = 0;
  const timer = setInterval(() => {
    const lines = Array.from({ length: OBSERVED_A_SECOND / 4 }, () => {
      number += 1;
      return JSON.stringify({ resource: `model-${(number * number * 7919) % RESOURCES}`, session: `s${number % 40}`, duration_s: 0.3 });
    });
    fetch(`${daemon.control}/v1/observations`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: lines.join('\n') }).catch(() => {});
  }, 250);
  return () => clearInterval(timer);
}

async function costOf(daemon, seconds) {
  const before = spent(daemon.child.pid);
  await new Promise((go) => setTimeout(go, seconds * 1000));
  return (100 * (spent(daemon.child.pid) - before)) / seconds;
}

function record(rows) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const machine = `${os.cpus().length}x ${os.cpus()[0].model.replace(/ \d+-Core.*| Processor.*/g, '').trim()}, Linux ${os.machine()}`;
  const date = new Date().toISOString().slice(0, 10);
  const note = `scrolled all the time, ${OBSERVED_A_SECOND} requests a second, median of ${ROUNDS}, software rendering, load ${os.loadavg()[0].toFixed(0)} on the machine`;
  for (const row of rows) {
    const line = [date, commit, 'web', row.metric, `"dashboard, ${RESOURCES} resources"`, row.value.toFixed(1), row.unit, row.peer ?? '', row.peerValue?.toFixed(1) ?? '', row.peerValue ? (row.value / row.peerValue).toFixed(3) : '', `"${machine}"`, `"${note}"`].join(',');
    console.log(line);
    if (!process.env.DRY) fs.appendFileSync(path.join(import.meta.dirname, '..', 'results.csv'), `${line}\n`);
  }
}

async function main() {
  const program = findBrowser();
  if (!program) throw new Error('no Chromium (Debian package chromium)');
  const folder = makeFolder();
  const resources = Array.from({ length: RESOURCES }, (unused, i) => ({ id: `model-${i}`, upstream: 'http://127.0.0.1:9', memory: '1MiB', warmer: { kind: 'none' } }));
  const daemon = await startForewarm(folder, { resources });
  const stop = traffic(daemon);
  const browser = await Browser.start(program);
  try {
    const alone = await costOf(daemon, 5);
    const [blank, live] = [[], []];
    await browser.look({ width: 1500, height: 1000 });
    for (let round = 0; round < ROUNDS; round += 1) {
      await browser.open('about:blank');
      blank.push(await browser.evaluate(frames(nothing)));
      await browser.open(`${daemon.control}/`);
      await waitFor('the lanes', () => browser.evaluate(`document.getElementById('count')?.textContent === '1,000 resources'`));
      await waitFor('rows', () => browser.evaluate("document.querySelectorAll('.lane-row:not([hidden])').length > 5"));
      live.push(await browser.evaluate(frames(scroll)));
    }
    const watched = await costOf(daemon, 5);
    const { accounts } = await (await fetch(`${daemon.control}/v1/resources`)).json();
    const shown = await browser.evaluate("document.querySelector('.live-tiles .note').textContent");
    if (accounts.requests < 1000) throw new Error(`only ${accounts.requests} requests were observed`);
    console.log(JSON.stringify({ blank, live, alone, watched, requests: accounts.requests, shown }));
    const pick = (list, key) => middle(list.map((one) => one[key]));
    record([{ metric: 'frames_per_s', value: pick(live, 'fps'), unit: '1/s', peer: 'blank page', peerValue: pick(blank, 'fps') },
      { metric: 'frame_p95', value: pick(live, 'p95'), unit: 'ms', peer: 'blank page', peerValue: pick(blank, 'p95') },
      { metric: 'daemon_processor', value: watched, unit: '% of a core', peer: 'nobody looks', peerValue: alone }]);
  } finally {
    stop();
    await browser.stop();
    await daemon.stop();
    removeFolder(folder);
  }
}

await main();
