// SPDX-License-Identifier: MIT
// axe-core (from npm, pinned, into the build folder) asked about the page that is open.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build } from '../real/harness.mjs';

const from = path.join(import.meta.dirname, 'packages');
const to = path.join(build, 'test-npm', 'web');

// The script, or null, said aloud, where npm has no way to it.
export function axeSource() {
  const file = path.join(to, 'node_modules', 'axe-core', 'axe.min.js');
  const lock = fs.readFileSync(path.join(from, 'package-lock.json'), 'utf8');
  const stamp = path.join(to, 'installed');
  if (!fs.existsSync(stamp) || fs.readFileSync(stamp, 'utf8') !== lock) {
    fs.mkdirSync(to, { recursive: true });
    for (const name of ['package.json', 'package-lock.json']) fs.copyFileSync(path.join(from, name), path.join(to, name));
    const result = spawnSync('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: to, encoding: 'utf8' });
    if (result.status !== 0) {
      console.log(`SKIPPED: accessibility is not checked: npm ci in test/web/packages failed\n${result.stderr}`);
      return null;
    }
    fs.writeFileSync(stamp, lock);
  }
  return fs.readFileSync(file, 'utf8');
}

// No serious or critical problem by WCAG 2.1 AA and axe's good practice.
export async function assertAccessible(browser, source, what) {
  if (source === null) return;
  await browser.evaluate(`${source}; 1`);
  const found = await browser.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then((answer) => answer.violations
    .filter((rule) => ['serious', 'critical'].includes(rule.impact))
    .map((rule) => rule.id + ': ' + rule.nodes.slice(0, 3).map((node) => node.target + ' ' + node.failureSummary).join(' | ')))`);
  assert.deepEqual(found, [], what);
}
