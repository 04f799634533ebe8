// SPDX-License-Identifier: MIT
// What stands around the lanes: the tiles, memory as one bar, sessions and what they want next, forecast, capacity,
// anomalies and alerts. A call that this daemon does not have, or whose data is not there yet, is a sentence, not an error.
import { html, number, figures, amount, duration, percent, table } from './charts.js';
import { plot } from './plots.js';
import { classOf } from './demand.js';
import { costChart, planTable, unitChart, wordLists } from './capacity.js';
import { bytes } from './resource.js';
import { lookOf } from './live.js';

// ---- tiles

export class Tiles {
  constructor() {
    this.cells = new Map(['Met warm', 'Waited', 'Loaded ahead', 'Regret', 'Warm and unused'].map((name) => [name, [html('div', { class: 'big' }, '–'), html('p', { class: 'note' }, ' ')]]));
    this.node = html('div', { class: 'tiles live-tiles' }, ...[...this.cells].map(([name, cell]) => html('div', { class: 'tile' }, html('h3', {}, name), ...cell)));
  }

  set(name, value, note) {
    const [big, small] = this.cells.get(name);
    if (big.textContent !== value) big.textContent = value;
    if (small.textContent !== note) small.textContent = note;
  }

  update(totals) {
    const warm = totals.requests - totals.cold;
    this.set('Met warm', totals.requests > 0 ? percent((100 * warm) / totals.requests) : '–', `${number(warm)} of ${number(totals.requests)} requests`);
    this.set('Waited', amount(totals.wait_s), totals.cold > 0 ? `${duration(totals.wait_s / totals.cold)} for each that met a cold one` : 'nobody had to');
    const settled = totals.hits + totals.unused;
    this.set('Loaded ahead', number(totals.ahead), settled > 0 ? `${number(totals.hits)} of ${number(settled)} judged were used; ${amount(totals.wasted_s)} wasted` : 'none has been judged yet');
    this.set('Regret', amount(totals.regret_s), 'waited for what was let go too early or loaded too late');
    this.set('Warm and unused', totals.warm_s > 0 ? percent((100 * totals.idle_s) / totals.warm_s) : '–', `${amount(totals.idle_s)} of ${amount(totals.warm_s)} warm`);
  }
}

// ---- memory

const SEGMENTS = 10;

// The largest first, the rest together: [{name, bytes, look}].
export function memorySegments(book) {
  const held = [...book.rows.values()].filter(({ row }) => row.memory > 0 && ['used', 'warm', 'warming', 'leaving'].includes(lookOf(row)))
    .map(({ row }) => ({ name: row.id, bytes: row.memory, look: lookOf(row) })).sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  const rest = held.slice(SEGMENTS);
  if (rest.length > 0) held.splice(SEGMENTS, rest.length, { name: `${number(rest.length)} others`, bytes: rest.reduce((sum, one) => sum + one.bytes, 0), look: 'warm' });
  return held;
}

export class MemoryBar {
  constructor() {
    this.bar = html('div', { class: 'memory-bar', role: 'img' });
    this.words = html('p', { class: 'memory-words' });
    this.list = html('ul', { class: 'memory-list' });
    this.node = html('section', { 'aria-labelledby': 'h-memory', class: 'panel' }, html('h2', { id: 'h-memory' }, 'Memory'), this.words, this.bar, this.list);
  }

  update(book) {
    const { used_bytes: used, budget_bytes: budget } = book.totals;
    const segments = memorySegments(book);
    const shown = segments.map((one) => `${one.name} ${one.bytes} ${one.look}`).join() + used + budget;
    if (this.shown === shown) return;
    this.shown = shown;
    const whole = Math.max(budget ?? 0, used, segments.reduce((sum, one) => sum + one.bytes, 0), 1);
    this.words.textContent = budget === null ? `${used > 0 ? bytes(used) : 'Nothing'} used; there is no limit.` : `${bytes(used)} of ${bytes(budget)} used, ${used < budget ? bytes(budget - used) : 'nothing'} free.`;
    this.bar.replaceChildren(...segments.map((one) => {
      const part = html('span', { class: `segment look-${one.look}`, title: `${one.name}: ${bytes(one.bytes)}, ${one.look === 'used' ? 'in use' : one.look}` }, html('span', { class: 'name' }, one.name));
      part.style.width = `${(100 * one.bytes) / whole}%`;
      return part;
    }));
    this.bar.setAttribute('aria-label', `${this.words.textContent} ${segments.map((one) => `${one.name} ${bytes(one.bytes)}`).join(', ')}`);
    this.list.replaceChildren(...segments.map((one) => html('li', {}, html('span', { class: 'name' }, one.name), html('span', {}, bytes(one.bytes)))));
  }
}

// ---- what is expected next

export function expected(book, most) {
  return [...book.rows.values()].map(({ row }) => row).filter((row) => row.chances[5] >= 0.02).sort((a, b) => b.chances[5] - a.chances[5] || (a.id < b.id ? -1 : 1)).slice(0, most);
}

export class NextPanel {
  constructor(open) {
    this.list = html('ol', { class: 'next-list' });
    this.sessions = html('div', { id: 'sessions' });
    this.node = html('section', { 'aria-labelledby': 'h-next', class: 'panel' }, html('h2', { id: 'h-next' }, 'Expected next'), this.list, html('h3', {}, 'Sessions'), this.sessions);
    this.list.addEventListener('click', (event) => {
      const button = event.target.closest('button');
      if (button) open(button.dataset.id);
    });
  }

  update(book) {
    const rows = expected(book, 8);
    const shown = rows.map((row) => `${row.id} ${row.chances[5]} ${lookOf(row)}`).join();
    if (this.shown === shown) return;
    this.shown = shown;
    this.list.replaceChildren(...rows.map((row) => {
      const meter = html('span', { class: 'meter', 'aria-hidden': 'true' }, html('span', {}));
      meter.firstChild.style.width = `${100 * row.chances[5]}%`;
      return html('li', {}, html('button', { type: 'button', class: 'plain', 'data-id': row.id }, html('span', { class: 'name' }, row.id), meter,
        html('span', { class: 'chance' }, `${number(100 * row.chances[5])} %`), html('span', { class: `dot-state look-${lookOf(row)}` }, lookOf(row) === 'used' ? 'in use' : lookOf(row))));
    }), ...(rows.length === 0 ? [html('li', { class: 'soft' }, 'Nothing is expected within ten minutes.')] : [html('li', { class: 'soft' }, 'Chance of a request within ten minutes.')]));
  }

  showSessions(answer) {
    const open = answer.sessions.filter((session) => session.age_s < 1800).slice(0, 8);
    if (open.length === 0) {
      this.sessions.replaceChildren(html('p', { class: 'soft' }, 'No session asked within half an hour. Requests name theirs in the header X-Session-Id.'));
      return;
    }
    this.sessions.replaceChildren(html('ul', { class: 'session-list' }, ...open.map((session) => {
      const likely = session.next.filter((one) => one.probability >= 0.05);
      return html('li', {}, html('span', { class: 'soft' }, `${duration(Math.max(Math.round(session.age_s), 1))} ago `), html('span', { class: 'name' }, session.resource), html('span', { class: 'soft' }, ', then '),
        ...(likely.length === 0 ? [html('span', { class: 'soft' }, 'nothing likely')] : likely.flatMap((one, i) => [i > 0 ? ', ' : '', html('b', { class: 'name' }, one.resource), ` ${number(100 * one.probability)} %`])));
    })));
  }
}

// ---- forecast, capacity, anomalies, alerts

function note(text) {
  return html('p', { class: 'soft' }, text);
}

function ageWords(answer) {
  const age = answer.age_s === null || answer.age_s === undefined ? '' : `made ${duration(Math.max(answer.age_s, 1))} ago`;
  return [answer.model ? `model ${answer.model}` : '', age, answer.stale ? 'stale: the last good one is kept' : '', answer.reason ?? ''].filter(Boolean).join('; ');
}

export function forecastView(answer) {
  const rows = answer.forecast ?? [];
  if (rows.length === 0) return note(`There is no forecast yet${answer.reason ? `: ${answer.reason}` : '. It needs some hours of requests.'}`);
  const past = answer.history?.requests ?? [];
  const begin = answer.history?.start ? Date.parse(answer.history.start) / 1000 : 0;
  const step = answer.history?.every_s ?? 3600;
  const x = [...past.map((unused, i) => begin + i * step), ...rows.map((row) => Date.parse(row.timestamp) / 1000)];
  const pad = (key) => [...past.map(() => null), ...rows.map((row) => row[key] ?? null)];
  const chart = plot({ title: 'Requests an hour', description: 'What was, what is expected, and P95.', x, height: 220, series: [{ name: 'was', values: [...past, ...rows.map(() => null)], kind: 'ink', width: 1.25 },
    { name: 'P50', values: pad('p50'), kind: 'ours', hidden: true, silent: true }, { name: 'P95', values: pad('p95'), kind: 'warm' }, { name: 'expected', values: pad('expected_value'), kind: 'ours', width: 2.5 }],
  bands: [{ name: 'P50 to P95', high: 2, low: 1, kind: 'ours', share: 0.18 }], lines: [{ x: Date.parse(rows[0].timestamp) / 1000, name: 'forecast', kind: 'soft' }] });
  const numbers = table({ caption: 'Hour by hour', columns: ['When (UTC)', 'Expected', 'P50', 'P95', 'Spike'].map((name, i) => ({ name, num: i > 0 })),
    rows: rows.slice(0, 48).map((row) => [row.timestamp.slice(0, 16).replace('T', ' '), figures(row.expected_value), row.p50 === undefined ? '' : figures(row.p50), row.p95 === undefined ? '' : figures(row.p95), percent(100 * row.spike_probability)]) });
  return html('div', {}, chart, note(`${ageWords(answer)}.`), html('details', {}, html('summary', {}, 'The numbers of the next two days'), numbers));
}

function planRow(one) {
  const now = one.plan[0];
  const fleet = one.report?.fleets?.recommended;
  return [html('span', { class: 'name' }, one.resource), now ? number(now.recommended_gpus) : '–', fleet ? number(fleet.peak_gpus) : '–', fleet ? number(fleet.cost_per_month) : '–', fleet ? percent(100 * fleet.utilization) : '–', one.reason ?? (one.stale ? 'stale' : '')];
}

export function planView(answer) {
  const { plans, total } = answer;
  if (plans.length === 0 || total.length === 0) return note(`There is no plan yet${plans[0]?.reason ? `: ${plans[0].reason}` : '; it follows the forecast.'}`);
  const numbers = table({ caption: 'By resource', rows: plans.slice(0, 20).map(planRow), columns: [{ name: 'Resource' }, { name: 'GPUs now', num: true }, { name: 'at most', num: true }, { name: 'USD a month', num: true }, { name: 'Use', num: true }, { name: '' }] });
  const words = plans.filter((one) => one.report?.recommendations).slice(0, 20).map((one) => html('details', {}, html('summary', {}, 'What to do for ', html('span', { class: 'name' }, one.resource)), wordLists(one.report.recommendations)));
  return html('div', {}, unitChart(total), costChart(total), numbers, ...words, html('details', {}, html('summary', {}, 'The numbers of all together'), planTable(total)));
}

export function anomalyView(answer) {
  const list = answer.anomalies ?? [];
  if (list.length === 0) return note('Nothing has stood out.');
  const rows = [...list].sort((a, b) => (a.began_at < b.began_at ? 1 : -1)).slice(0, 12).map((one) => [one.began_at?.slice(0, 16).replace('T', ' ') ?? '', html('span', { class: one.state === 'open' ? 'bad' : 'soft' }, one.state ?? ''),
    html('span', { class: 'name' }, one.resource ?? 'all'), classOf(one.class).name + (one.planned ? ' (planned)' : ''), one.multiplier === null || one.multiplier === undefined ? '' : `× ${figures(one.multiplier)}`, one.reason]);
  return table({ caption: 'Latest first', rows, columns: [{ name: 'Began (UTC)', kind: 'when' }, { name: 'State' }, { name: 'Of' }, { name: 'Kind' }, { name: 'Height', num: true }, { name: 'Why', kind: 'why' }] });
}

export function alertView(answer) {
  const list = answer.alerts ?? [];
  if (list.length === 0) return note('No alert is open, and none was.');
  const rows = list.slice(0, 20).map((one) => [html('span', { class: one.status === 'firing' ? 'bad' : 'soft' }, one.status), one.severity, html('span', { class: 'name' }, one.subject || one.rule), one.summary, (one.since ?? '').slice(0, 16).replace('T', ' ')]);
  return table({ caption: 'Latest first', rows, columns: [{ name: 'State' }, { name: 'Severity' }, { name: 'About' }, { name: 'What' }, { name: 'Since (UTC)', kind: 'when' }] });
}

const VIEWS_ASKED = [['forecast', 'Forecast', '/v1/forecast', forecastView], ['plan', 'Capacity', '/v1/plan', planView], ['anomalies', 'Anomalies', '/v1/anomalies', anomalyView], ['alerts', 'Alerts', '/v1/alerts', alertView]];

export class AskedPanels {
  constructor(link) {
    this.link = link;
    this.bodies = new Map();
    this.node = html('div', { class: 'asked' }, ...VIEWS_ASKED.map(([name, title]) => {
      const body = html('div', {}, note('Asking …'));
      this.bodies.set(name, { body, shown: '' });
      return html('section', { id: name, class: 'panel', 'aria-labelledby': `h-${name}` }, html('h2', { id: `h-${name}` }, title), body);
    }));
  }

  // `offers`: the calls this daemon has.
  async look(offers) {
    await Promise.all(VIEWS_ASKED.map(async ([name, , path, view]) => {
      const panel = this.bodies.get(name);
      panel.body.parentNode.hidden = !offers.includes(path);
      if (!offers.includes(path)) return;
      let text;
      let make;
      try {
        const answer = await this.link().call(path);
        text = JSON.stringify(answer, (key, value) => (key === 'age_s' ? undefined : value));
        make = () => view(answer);
      } catch (error) {
        text = `${error.status} ${error.message}`;
        make = () => note(`Not to be had now: ${error.message}`);
      }
      if (panel.shown === text || panel.body.contains(document.activeElement)) return;
      panel.shown = text;
      panel.body.replaceChildren(make());
    }));
  }
}
