// SPDX-License-Identifier: MIT
// A headless Chromium spoken to over a pipe (the DevTools protocol): no driver, no port, no packages.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const DEADLINE_MS = 120000;
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-default-browser-check',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--hide-scrollbars',
  '--remote-debugging-pipe'];

export function findBrowser() {
  const names = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome'].filter(Boolean);
  return names.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
}

export class Browser {
  static async start(program) {
    const browser = new Browser();
    browser.profile = fs.mkdtempSync(path.join(os.tmpdir(), 'forewarm-browser-'));
    browser.process = spawn(program, [...FLAGS, `--user-data-dir=${browser.profile}`, 'about:blank'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    browser.ended = new Promise((resolve) => {
      browser.process.on('exit', resolve);
    });
    browser.waiting = new Map();
    browser.events = [];
    browser.counter = { last: 0 };
    browser.read();
    const { targetInfos } = await browser.send('Target.getTargets');
    const page = targetInfos.find((target) => target.type === 'page');
    browser.session = (await browser.send('Target.attachToTarget', { targetId: page.targetId, flatten: true })).sessionId;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await browser.send(`${domain}.enable`);
    return browser;
  }

  read() {
    let rest = Buffer.alloc(0);
    this.process.stdio[4].on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
        const message = JSON.parse(rest.subarray(0, end).toString());
        rest = rest.subarray(end + 1);
        if (message.id === undefined) this.events.push(message);
        else this.waiting.get(message.id)?.(message);
      }
    });
  }

  send(method, params = {}) {
    const id = ++this.counter.last;
    const message = { id, method, params };
    if (this.session) message.sessionId = this.session;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer in ${DEADLINE_MS} ms`)), DEADLINE_MS);
      timer.unref();
      this.waiting.set(id, (answer) => {
        clearTimeout(timer);
        this.waiting.delete(id);
        if (answer.error) reject(new Error(`${method}: ${answer.error.message}`));
        else resolve(answer.result);
      });
      this.process.stdio[3].write(`${JSON.stringify(message)}\0`);
    });
  }

  async evaluate(expression) {
    const answer = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (answer.exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(answer.exceptionDetails)}`);
    return answer.result.value;
  }

  // Opens an address and waits until its modules have run.
  async open(address) {
    this.events = [];
    await this.send('Page.navigate', { url: address });
    const until = Date.now() + DEADLINE_MS;
    while (!this.events.some((event) => event.method === 'Page.loadEventFired')) {
      if (Date.now() > until) throw new Error(`${address} does not load`);
      await this.evaluate('1');
    }
  }

  // Another tab of the same profile; close it with close().
  async tab(address) {
    const { targetId } = await this.send('Target.createTarget', { url: address });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = Object.create(this, { session: { value: sessionId }, targetId: { value: targetId } });
    await tab.send('Runtime.enable');
    return tab;
  }

  close() {
    return this.send('Target.closeTarget', { targetId: this.targetId });
  }

  // What the page complained about: exceptions, console errors and warnings, blocked loads.
  complaints() {
    return this.events.filter((event) => event.method === 'Runtime.exceptionThrown' || event.method === 'Log.entryAdded'
      || (event.method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(event.params.type)))
      .map((event) => JSON.stringify(event.params));
  }

  requests() {
    return this.events.filter((event) => event.method === 'Network.requestWillBeSent').map((event) => event.params.request.url);
  }

  async look({ scheme = 'light', media = '', width = 1100, height = 900 } = {}) {
    await this.send('Emulation.setEmulatedMedia', { media, features: [{ name: 'prefers-color-scheme', value: scheme }] });
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  }

  async screenshot(file) {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
    fs.writeFileSync(file, Buffer.from(data, 'base64'));
  }

  // Closed in order where it answers: a killed one leaves helpers behind that still write into its profile.
  async stop() {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 10000);
    this.session = undefined;
    this.send('Browser.close').catch(() => {});
    await this.ended;
    clearTimeout(timer);
    for (const deadline = Date.now() + 20000; ; await pause(50)) {
      try {
        fs.rmSync(this.profile, { recursive: true, force: true });
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  }
}
