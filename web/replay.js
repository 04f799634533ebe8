// SPDX-License-Identifier: MIT
// The page of `forewarm replay --html`: draws the JSON block that the program put into it.
import { html, svg, number, figures, percent, amount, duration, day, instant, timeTicks, table, key, choice, scatter, stackedBars, lane, laneColumn, laneTotal, attachTip } from './charts.js';

const ORACLES = ['oracle', 'oracle-reactive'];
const PLAIN = {
  planner: 'forewarm', cold: 'never keep', breakeven: 'break-even timer', median: 'median rule', hybrid: 'hybrid histogram',
  lru: 'least recently used', oracle: 'knows the future', 'oracle-reactive': 'knows when to let go',
};
const UNITS = { ms: 'ms', s: 's', m: 'min', h: 'h', d: 'd' };

export function plainName(name) {
  const timer = /^ttl:(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(name);
  if (timer) return `${timer[1]} ${UNITS[timer[2]]} timer`;
  return PLAIN[name] ?? name;
}

export function isBound(name) {
  return ORACLES.includes(name);
}

function rowOf(policy) {
  return { name: plainName(policy.name), cold: policy.cold, requests: policy.requests, wait: policy.wait_s.total,
    idle: policy.idle_s, load: policy.load_s, cost: policy.cost };
}

function timerRow(timer, name) {
  return { name, cold: timer.cold, requests: timer.requests, wait: timer.wait_s, idle: timer.idle_s, load: timer.load_s, cost: timer.cost };
}

// What the shown policy is measured against: the timer people have and the best there is; under a memory
// budget, where no closed form holds, what else was run.
export function baselines(data) {
  const { ttl600, hindsight, policies } = data.report;
  if (ttl600 && hindsight) {
    return [{ ...timerRow(ttl600, '10-minute timer'), brief: '10 min timer' },
      { ...timerRow(hindsight, `best timer in hindsight (${duration(hindsight.best_ttl_s)})`), brief: 'best timer' }];
  }
  return policies.filter((policy) => policy.name !== data.shown && (policy.name === 'lru' || policy.name.startsWith('ttl:')))
    .sort((a, b) => (b.name === 'lru') - (a.name === 'lru')).slice(0, 2).map(rowOf);
}

export function more(value, than) {
  return than > 0 ? 100 * (value / than - 1) : 0;
}

// "36 % less" and whether that is good; every figure here is better when it is smaller.
export function change(value, than) {
  if (!(than > 0)) return { text: value > 0 ? 'more than none' : 'the same', kind: value > 0 ? 'bad' : '' };
  const by = more(value, than);
  if (Math.abs(by) < 0.05) return { text: 'the same', kind: '' };
  return { text: `${percent(Math.abs(by))} ${by < 0 ? 'less' : 'more'}`, kind: by < 0 ? 'good' : 'bad' };
}

export function headline(data) {
  const ours = rowOf(data.report.policies.find((policy) => policy.name === data.shown));
  const against = baselines(data);
  const name = ours.name === 'forewarm' ? 'forewarm' : `The policy “${ours.name}”`;
  if (against.length === 0) return `${name}: ${number(ours.cold)} of ${number(ours.requests)} requests would have waited`;
  const said = against.map((row) => ({ row, by: more(ours.cost, row.cost), ...change(ours.cost, row.cost) }));
  const part = ({ row, by, text }, i) =>
    `${Math.abs(by) < 0.05 ? 'the same as' : `${text} than`} ${i === 0 && row.name.startsWith('10') ? 'a' : 'the'} ${row.name}`;
  const joint = said.length > 1 && (said[0].by < 0) !== (said[1].by < 0) ? ', but ' : ' and ';
  return `${name} would have cost ${said.map(part).join(joint)}`;
}

// The trade in plain words: what is saved, what it costs, and up to which price of waiting it holds.
export function trade(data) {
  const ours = rowOf(data.report.policies.find((policy) => policy.name === data.shown));
  const row = baselines(data)[0];
  if (!row) return [];
  const idle = ours.idle - row.idle;
  const wait = ours.wait - row.wait;
  const idleText = `${amount(Math.abs(idle))} of keeping models warm for nobody (${change(ours.idle, row.idle).text})`;
  const waitText = `${amount(Math.abs(wait))} of waiting (${change(ours.wait, row.wait).text})`;
  const said = [];
  if (idle <= 0 && wait <= 0) said.push(`Against the ${row.name} it saves ${idleText} and ${waitText}: better on both sides.`);
  else if (idle > 0 && wait > 0) said.push(`Against the ${row.name} it adds ${idleText} and ${waitText}: worse on both sides. On this log, keep the timer.`);
  else if (idle <= 0) said.push(`Against the ${row.name} it saves ${idleText}, and pays for that with ${waitText}.`);
  else said.push(`Against the ${row.name} it saves ${waitText}, and pays for that with ${idleText}.`);
  const price = -(data.idle_price * idle + (ours.load - row.load)) / wait / (data.idle_price || 1);
  const yours = `You priced a second of waiting at ${figures(data.wait_price / (data.idle_price || 1))} warm seconds`;
  if (wait > 0 && price > 0) said.push(`${yours}; the trade is worth it below ${figures(price)}.`);
  else if (wait < 0 && price > 0) said.push(`${yours}; the trade is worth it above ${figures(price)}.`);
  else said.push(`${yours}.`);
  return said;
}

function perWarmSecond(data, cost) {
  return cost / (data.idle_price || 1);
}

function tile(name, note, value, rows) {
  const [, big, unit] = /^([\d.,]+) (.+)$/.exec(value) ?? [null, value, ''];
  return html('section', { class: 'tile' }, html('h3', {}, name),
    html('div', { class: 'big' }, big, ' ', html('span', { class: 'unit' }, unit)), html('p', { class: 'note' }, note),
    html('dl', {}, ...rows.map((row) => html('div', {}, html('dt', {}, row.name), html('dd', {}, row.value),
      html('dd', { class: row.kind }, row.change)))));
}

function tiles(data) {
  const ours = rowOf(data.report.policies.find((policy) => policy.name === data.shown));
  const against = baselines(data);
  const rows = (pick, write) => against.map((row) => {
    const { text, kind } = change(pick(ours), pick(row));
    return { name: row.brief ?? row.name, value: write(pick(row)), change: text, kind };
  });
  const coldPct = (100 * ours.cold) / Math.max(ours.requests, 1);
  return html('div', { class: 'tiles' },
    tile('Waiting for models to load', `${number(ours.cold)} of ${number(ours.requests)} requests waited (${percent(coldPct)})`,
      amount(ours.wait), rows((row) => row.wait, amount)),
    tile('Warm and unused', 'kept ready while nobody used it', amount(ours.idle), rows((row) => row.idle, amount)),
    tile('Cost in all, as warm time', `unused + loading + ${figures(data.wait_price / (data.idle_price || 1))} × waiting`,
      amount(perWarmSecond(data, ours.cost)), rows((row) => perWarmSecond(data, row.cost), amount)));
}

function span(data) {
  if (data.offset_times) return duration((data.to_ms - data.from_ms) / 1000);
  return `${day(data.from_ms)} to ${day(data.to_ms, true)} (${duration((data.to_ms - data.from_ms) / 1000)})`;
}

function top(data) {
  const { trace } = data.report;
  const ours = data.report.policies.find((policy) => policy.name === data.shown);
  const scored = data.from_given ? `, scored on the last ${number(ours.requests)} of ${number(trace.requests)} requests` : `, ${number(trace.requests)} requests`;
  return html('header', {},
    html('p', { class: 'eyebrow' }, 'forewarm replay · ', html('span', { class: 'name' }, data.source),
      ` · ${span(data)}${scored} for ${number(trace.resources)} resources`),
    html('h1', { id: 'headline' }, headline(data)), html('p', { id: 'trade' }, trade(data).join(' ')), tiles(data));
}

// ---- all policies

function policyNote(data, policy) {
  const cost = amount(perWarmSecond(data, policy.cost));
  return `${plainName(policy.name)}: ${percent(policy.cold_pct)} of requests waited, ${amount(policy.wait_s.total)} in all; `
    + `${amount(policy.idle_s)} warm and unused; cost ${cost} of warm time`;
}

function policyKind(data, name) {
  return name === data.shown ? 'ours' : isBound(name) ? 'bound' : '';
}

function frontier(data) {
  const points = data.report.policies.map((policy) => ({ x: policy.idle_s / 3600, y: policy.cold_pct, name: plainName(policy.name),
    kind: policyKind(data, policy.name), note: policyNote(data, policy) }));
  const curve = data.curve.map((timer) => ({ x: timer.idle_s / 3600, y: timer.cold_pct,
    note: `${duration(timer.ttl_s)} timer: ${percent(timer.cold_pct)} of requests waited; ${amount(timer.idle_s)} warm and unused` }));
  const chart = scatter({ title: 'Warm time against waiting, every policy', points, curve,
    description: 'Each point is a policy: to the left is less memory held for nobody, lower is fewer requests that wait. The numbers are in the table below.',
    xName: 'hours warm and unused', yName: '% of requests that waited', xTick: (value) => (value === 0 ? '0' : number(value, value < 1 ? 2 : 0)),
    yTick: (value) => `${value}` });
  return html('figure', { id: 'frontier' },
    html('ul', { class: 'keys' },
      key(svg('circle', { class: 'dot ours', cx: 11, cy: 7, r: 6 }), plainName(data.shown)),
      key(svg('circle', { class: 'dot', cx: 11, cy: 7, r: 5 }), 'another policy'),
      curve.length > 0 ? key(svg('path', { class: 'curve', d: 'M0 7H22' }), 'every fixed timer from 15 s to 10 h') : null,
      points.some((point) => point.kind === 'bound') ? key(svg('path', { class: 'dot bound', d: 'M11 1l6 6l-6 6l-6 -6z' }), 'a bound: knows the future, cannot be run') : null),
    chart,
    html('figcaption', {}, curve.length > 0 ? 'Left of the line and below it is better than any fixed timer for all resources; right of it and above, worse.'
      : 'Left and down is better.'));
}

function costBars(data) {
  const sorted = [...data.report.policies].sort((a, b) => a.cost - b.cost);
  const rows = sorted.map((policy) => ({ name: plainName(policy.name), kind: policyKind(data, policy.name), note: policyNote(data, policy),
    text: amount(perWarmSecond(data, policy.cost)),
    parts: [data.idle_price * policy.idle_s, policy.load_s, data.wait_price * policy.wait_s.total] }));
  const ours = data.report.policies.find((policy) => policy.name === data.shown);
  const cap = 3 * Math.max(ours.cost, ...baselines(data).map((row) => row.cost));
  return html('figure', { id: 'costs' },
    html('ul', { class: 'keys' },
      key(svg('rect', { class: 'part-idle', x: 2, y: 1, width: 18, height: 12 }), 'warm and unused'),
      key(svg('rect', { class: 'part-load', x: 2, y: 1, width: 18, height: 12 }), 'loading'),
      key(svg('rect', { class: 'part-wait', x: 2, y: 1, width: 18, height: 12 }), `waiting, at ${figures(data.wait_price / (data.idle_price || 1))} warm seconds a second`)),
    stackedBars({ title: 'Cost of every policy in warm time, cheapest first', rows, cap: cap > 0 ? cap : Infinity, kinds: ['part-idle', 'part-load', 'part-wait'] }),
    html('figcaption', {}, `Cost of every policy, as warm time; cheapest first.${rows.some((row) => row.parts.reduce((sum, part) => sum + part, 0) > cap) ? ' Two strokes: the bar is cut off, the number holds.' : ''}`));
}

function policyTable(data) {
  const sorted = [...data.report.policies].sort((a, b) => a.cost - b.cost);
  const best = data.report.hindsight;
  const rows = sorted.map((policy) => [plainName(policy.name) + (isBound(policy.name) ? ' (bound)' : ''), policy.name, percent(policy.cold_pct), amount(policy.wait_s.total),
    `${figures(policy.wait_s.p95)} s`, `${figures(policy.wait_s.p99)} s`, amount(policy.idle_s), number(policy.loads),
    policy.prewarms.issued > 0 ? `${number(policy.prewarms.hit)} of ${number(policy.prewarms.issued)}` : 'none', amount(perWarmSecond(data, policy.cost)),
    best ? `${policy.cost_vs_best_ttl_pct >= 0 ? '+' : '−'}${number(Math.abs(policy.cost_vs_best_ttl_pct), 1)} %` : 'no such']);
  const columns = ['Policy', 'as an option', 'Waited', 'Waiting in all', 'Wait p95', 'Wait p99', 'Warm, unused', 'Loads', 'Loaded ahead, used', 'Cost', 'against best timer'];
  return html('details', {}, html('summary', {}, 'The numbers behind both charts'),
    table({ caption: 'Every policy on this log, cheapest first', rows, kinds: sorted.map((policy) => policyKind(data, policy.name)),
      columns: columns.map((name, i) => ({ name, num: i > 1 })) }));
}

// ---- resources

function laneText(data, view, column) {
  const seen = data.views[view];
  const from = seen.from_ms + column * seen.column_ms;
  return { from, text: `${instant(from, data.offset_times, seen.column_ms < 60000)}, ${duration(seen.column_ms / 1000)}` };
}

function laneCounts(shown) {
  return `${number(laneTotal(shown.requests))} requests, ${number(laneTotal(shown.cold))} waited`;
}

function drawLanes(data, set, view, tip) {
  const cells = data.sets[set].lanes.map((i) => data.lanes[i]).flatMap((resource) => {
    const shown = resource.views[view];
    const box = html('div', { class: 'lane' }, lane(shown, data.columns, `${resource.name}: ${laneCounts(shown)}`));
    attachTip(box, tip, (share) => {
      const column = Math.floor(share * data.columns);
      const held = laneColumn(shown, column);
      const lines = [laneText(data, view, column).text, `${number(held.requests)} requests${held.cold ? `, ${number(held.cold)} waited` : ''}`, `warm ${held.warm} % of the time${held.half ? `, half warm ${held.half} %` : ''}`];
      if (held.used + held.unused > 0) lines.push(`loaded ahead: ${held.used} used, ${held.unused} not`);
      return lines.join('\n');
    });
    return [html('div', { class: 'label', title: resource.name }, html('b', { class: 'name' }, resource.name),
      html('span', {}, laneCounts(shown))), box];
  });
  const seen = data.views[view];
  const ticks = timeTicks(seen.from_ms, seen.to_ms, 9, data.offset_times)
    .filter((tick) => tick.at < seen.from_ms + 0.97 * (seen.to_ms - seen.from_ms)).map((tick) => {
    const mark = html('span', {}, tick.text);
    mark.style.left = `${(100 * (tick.at - seen.from_ms)) / (seen.column_ms * data.columns)}%`;
    return mark;
  });
  return html('div', { class: 'lanes' }, ...cells, html('div', {}), html('div', { class: 'times', 'aria-hidden': 'true' }, ...ticks));
}

function viewName(data, view) {
  const { from_ms: from, to_ms: to } = data.views[view];
  const length = duration(Math.round((to - from) / 1000));
  if (view === 0) return `All ${length}`;
  const long = to - from >= 86400000;
  return `Busiest ${long ? 'day' : 'hour'}: ${long && !data.offset_times ? day(from) : instant(from, data.offset_times)}`;
}

function laneTable(data) {
  const timer = Boolean(data.report.ttl600);
  const rows = data.lanes.map((resource) => [html('span', { class: 'name' }, resource.name), number(resource.requests), number(resource.cold),
    amount(resource.wait_s), amount(resource.idle_s), number(resource.loads),
    ...(timer ? [number(resource.timer_cold), amount(resource.timer_wait_s), amount(resource.timer_idle_s)] : [])]);
  const names = ['Resource', 'Requests', 'Waited', 'Waiting in all', 'Warm, unused', 'Loads', ...(timer ? ['10 min timer: waited', 'waiting in all', 'warm, unused'] : [])];
  const { others } = data;
  const foot = others.resources > 0 ? [`${number(others.resources)} others`, number(others.requests), number(others.cold), amount(others.wait_s),
    amount(others.idle_s), number(others.loads), ...(timer ? ['', '', ''] : [])] : null;
  return html('details', {}, html('summary', {}, 'The numbers, resource by resource'),
    table({ caption: `What ${plainName(data.shown)} did for the resources that are drawn`, rows, foot, columns: names.map((name, i) => ({ name, num: i > 0 })) }));
}

const SETS = { requests: 'Most requests', pauses: 'Most pauses' };

function resources(data, tip) {
  const shown = { set: 0, view: 0 };
  const holder = html('div', { id: 'lanes' });
  const about = html('p', { 'aria-live': 'polite' });
  const redraw = (changed) => {
    Object.assign(shown, changed);
    const { lanes, words } = data.sets[shown.set];
    about.textContent = data.others.resources > 0 ? `The ${lanes.length} of ${number(data.report.trace.resources)} resources that were ${words}.` : 'Every resource.';
    holder.replaceChildren(drawLanes(data, shown.set, shown.view, tip));
  };
  redraw({});
  const sets = data.sets.filter((set) => set.lanes.length > 0);
  const all = data.others.resources === 0;
  const keys = html('ul', { class: 'keys' },
    key(svg('path', { class: 'cold', 'stroke-width': 2, d: 'M6 1v12M11 4v9M16 1v12' }), 'requests that waited'),
    key(svg('path', { class: 'warm', d: 'M0 14V4H14V9H22V14z' }), 'warm (height: share of the time)'),
    data.lanes.some((resource) => resource.views[0].half) ? key(svg('path', { class: 'half', d: 'M0 14V4H14V9H22V14z' }), 'half warm: at a level between') : null,
    key(svg('path', { class: 'requests', d: 'M4 2v10M8 2v5M12 2v10M18 2v8' }), 'requests'),
    key(svg('path', { class: 'used', d: 'M11 2l5 10h-10z' }), 'loaded ahead, used'),
    key(svg('path', { class: 'unused', d: 'M11 2l5 10h-10z' }), 'loaded ahead, not used'));
  return html('section', { 'aria-labelledby': 'h-lanes' }, html('h2', { id: 'h-lanes' }, `What ${plainName(data.shown)} would have done`), about,
    html('div', { class: 'bar' }, all ? null : choice('Which resources to draw', 'set', sets.map((set) => SETS[set.name] ?? set.name), (set) => redraw({ set })),
      choice('Which part of the log to draw', 'view', data.views.map((seen, view) => viewName(data, view)), (view) => redraw({ view }))),
    html('figure', {}, keys, holder), laneTable(data));
}

// ---- cold starts and accounts

function sentence(text) {
  return text ? `${text[0].toUpperCase()}${text.slice(1)}.` : '';
}

export function whyCold(cold) {
  const said = [];
  if (cold.origin === 'first') said.push('The first request for it in this log: nothing could have told.');
  else if (cold.origin === 'late') said.push(`It was being loaded ahead, begun ${duration(-cold.load_begun_s)} before the request; loading took ${duration(cold.load_s)}.`);
  else said.push(sentence(cold.because || cold.words));
  if (cold.unloaded_s !== undefined) said.push(`Unloaded ${duration(cold.unloaded_s)} before this request.`);
  if (cold.gap_s !== undefined) said.push(`In hindsight, keeping it through the gap would have cost ${cold.regretted ? 'less' : 'more'} than this cold start.`);
  return said.join(' ');
}

function worst(data) {
  const rows = data.worst.map((cold) => [html('span', { class: 'name' }, cold.name), instant(cold.at_ms, data.offset_times, true), amount(cold.wait_s),
    number(cold.requests), `${figures(cold.wait_max_s)} s`, cold.gap_s === undefined ? 'none before' : duration(cold.gap_s), whyCold(cold)]);
  const columns = [{ name: 'Resource' }, { name: data.offset_times ? 'When' : 'When (UTC)', kind: 'when' }, { name: 'Waiting in all', num: true }, { name: 'Requests that waited', num: true },
    { name: 'Longest', num: true }, { name: 'Since the request before', num: true }, { name: 'Why it was cold', kind: 'why' }];
  return html('section', { 'aria-labelledby': 'h-worst', id: 'worst' }, html('h2', { id: 'h-worst' }, 'The worst cold starts, and why'),
    rows.length > 0 ? table({ caption: 'Requests that wait for the same load are one cold start; the longest waiting in all comes first.', rows, columns })
      : html('p', {}, 'No request had to wait.'));
}

const CAUSES = { none: 'no cause given', request: 'a request that waited', plan: 'the plan, ahead of a request', hint: 'a hint', page: 'a page or program', operator: 'an operator', pin: 'a pin' };

function accounts(data) {
  const waited = data.waits.reduce((sum, row) => sum + row.wait_s, 0);
  const regret = data.waits.reduce((sum, row) => sum + row.regret_s, 0);
  const waits = table({ caption: 'Where the waiting came from: what the resource was when the request came', columns: ['It was', 'Cold starts', 'Requests', 'Waiting', 'Worth avoiding'].map((name, i) => ({ name, num: i > 0 })),
    rows: data.waits.map((row) => [sentence(row.words).slice(0, -1), number(row.starts), number(row.requests), amount(row.wait_s), row.regret_s > 0 ? `${amount(row.regret_s)} in ${number(row.regretted)} starts` : 'none']),
    foot: ['All', number(data.waits.reduce((sum, row) => sum + row.starts, 0)), number(data.waits.reduce((sum, row) => sum + row.requests, 0)), amount(waited), amount(regret)] });
  const loads = table({ caption: 'What loads were begun for, and whether anybody came', columns: ['Begun for', 'Loads', 'Used', 'Not used', 'Warm for nobody'].map((name, i) => ({ name, num: i > 0 })),
    rows: data.loads.map((row) => [sentence(CAUSES[row.cause] ?? row.cause).slice(0, -1), number(row.begun), number(row.used), number(row.unused), amount(row.wasted_s)]) });
  const said = waited > 0 ? `Of ${amount(waited)} of waiting, ${amount(regret)} (${percent((100 * regret) / waited)}) were worth avoiding: keeping the resource through the gap would have cost less than its cold start did. That is known afterwards only; the rest was cheaper to wait for.` : 'Nobody waited.';
  return html('section', { 'aria-labelledby': 'h-accounts', id: 'accounts' }, html('h2', { id: 'h-accounts' }, 'Accounts: waits, hits, waste, regret'), html('p', {}, said), waits, loads);
}

function foot(data) {
  const { trace } = data.report;
  const ours = data.report.policies.find((policy) => policy.name === data.shown);
  const loads = data.measured_loads > 0 ? `load times drawn from ${number(data.measured_loads)} measured ones (median ${duration(data.load_s)})` : `every load takes ${duration(data.load_s)}`;
  const left = [trace.skipped > 0 ? `${number(trace.skipped)} unreadable rows skipped` : '', trace.duplicates > 0 ? `${number(trace.duplicates)} duplicates kept` : ''].filter(Boolean);
  return html('footer', {},
    html('p', {}, `How this was made: the engine that decides in production ran over the log on virtual time, once for every policy; ${loads}. `
      + `Cost = ${figures(data.idle_price)} × idle seconds + load seconds + ${figures(data.wait_price)} × seconds waited. Only what begins up to the last request is counted`
      + `${left.length > 0 ? `; ${left.join(', ')}` : ''}. It assumes that users would have asked at the same moments, whatever they waited.`),
    html('p', {}, `${data.program} · decision hash ${ours.decision_hash}${data.offset_times ? '' : ' · times are UTC'}`));
}

function draw(data) {
  const tip = html('div', { class: 'tip', hidden: '', 'aria-hidden': 'true' });
  document.title = `forewarm replay: ${data.source}`;
  document.getElementById('page').append(top(data),
    html('section', { 'aria-labelledby': 'h-policies' }, html('h2', { id: 'h-policies' }, 'Every policy on this log'), frontier(data), costBars(data), policyTable(data)),
    resources(data, tip), worst(data), accounts(data), foot(data), tip);
  window.addEventListener('beforeprint', () => document.querySelectorAll('details').forEach((node) => {
    node.open = true;
  }));
}

if (typeof document !== 'undefined') draw(JSON.parse(document.getElementById('data').textContent));
