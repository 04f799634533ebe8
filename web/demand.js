// SPDX-License-Identifier: MIT
// A demand series and its forecast as charts: what was, what comes and how sure that is, spikes, what is risked at
// which capacity. Used by the report and by the dashboard; numbers come as in `forewarm report --json`.
import { html, svg, number, figures, percent, duration, table, key, choice } from './charts.js';
import { plot } from './plots.js';

export const DAY_MS = 86400000;

// ---- numbers out of the document

export function times(from, step, count) {
  return Array.from({ length: count }, (unused, i) => (from + i * step) / 1000);
}

export function maxOf(values) {
  return values.reduce((most, value) => (value !== null && value > most ? value : most), -Infinity);
}

function middle(values) {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : NaN;
}

// The values of a level, 0.95 for instance; null where it was not asked for.
export function quantile(forecast, level) {
  const at = forecast.levels.findIndex((one) => Math.abs(one - level) < 1e-9);
  return at < 0 ? null : forecast.quantiles[at];
}

// P(more than `capacity` is asked for in step h): straight lines between the quantiles, and outside of them no more
// than the outermost says.
export function exceedance(forecast, h, capacity) {
  const { levels, quantiles } = forecast;
  if (capacity < quantiles[0][h]) return 1 - levels[0] * Math.min(Math.max(capacity / quantiles[0][h], 0), 1);
  for (let i = 1; i < levels.length; i += 1) {
    const [low, high] = [quantiles[i - 1][h], quantiles[i][h]];
    if (capacity < high) return 1 - levels[i - 1] - ((levels[i] - levels[i - 1]) * (capacity - low)) / (high - low);
  }
  const last = levels.length - 1;
  return quantiles[last][h] > 0 ? (1 - levels[last]) * Math.min(quantiles[last][h] / capacity, 1) : 0;
}

// Steps of the horizon in which more than `capacity` is asked for, on average over all that may come.
export function stepsShort(forecast, capacity) {
  return forecast.expected.reduce((sum, unused, h) => sum + exceedance(forecast, h, capacity), 0);
}

// What is usual to spike: hours by how likely one is.
const RISKS = [[0, 0.05, 'below 5 %'], [0.05, 0.1, '5 to 10 %'], [0.1, 0.25, '10 to 25 %'], [0.25, 0.5, '25 to 50 %'], [0.5, 1.01, 'above 50 %']];
export function riskBins(spike) {
  return RISKS.map(([low, high, name]) => ({ name, count: spike.filter((p) => p >= low && p < high).length }));
}

export function stepName(ms) {
  return ms === 3600000 ? 'hour' : ms === DAY_MS ? 'day' : `${duration(ms / 1000)} step`;
}

function steps(count, ms) {
  return ms === 3600000 ? `${figures(count)} h` : `${figures(count)} steps of ${duration(ms / 1000)}`;
}

export function section(id, title, ...children) {
  return html('section', { id, 'aria-labelledby': `h-${id}` }, html('h2', { id: `h-${id}` }, title), ...children);
}

export function more(summary, content) {
  return html('details', {}, html('summary', {}, summary), content);
}

// ---- what was

export const CLASSES = {
  feature_launch: { kind: 'used', name: 'feature launch' }, viral_event: { kind: 'warm', name: 'viral event' },
  api_abuse: { kind: 'cold', name: 'API abuse' }, gradual_growth: { kind: 'bound', name: 'gradual growth' },
};

export function classOf(name) {
  return CLASSES[name] ?? { kind: 'timer', name: name === 'none' ? 'like none known' : name.replaceAll('_', ' ') };
}

export function classKeys(events) {
  return [...new Set(events.map((event) => event.class))].map((name) =>
    key(svg('rect', { class: `area-${classOf(name).kind}`, x: 1, y: 2, width: 20, height: 10 }), classOf(name).name));
}

function monthTable(data) {
  const months = new Map();
  data.history.values.forEach((value, i) => {
    const at = new Date(data.history.start_ms + i * data.history.step_ms);
    const name = `${at.getUTCFullYear()}-${String(at.getUTCMonth() + 1).padStart(2, '0')}`;
    if (!months.has(name)) months.set(name, []);
    months.get(name).push([value, (data.history.high ?? data.history.values)[i]]);
  });
  const rows = [...months].map(([name, values]) => [name, figures(middle(values.map((pair) => pair[0]))), figures(maxOf(values.map((pair) => pair[1]))),
    number(data.events.filter((event) => new Date(event.begin_ms).toISOString().startsWith(name)).length)]);
  return table({ caption: 'Month by month', rows, columns: ['Month (UTC)', 'Mean', 'Highest', 'Events begun'].map((name, i) => ({ name, num: i > 0 })) });
}

const VIEWS = [['All', Infinity], ['Last year', 365], ['90 days', 90], ['30 days', 30], ['7 days', 7]];

export function historySection(data) {
  const { history, events } = data;
  const x = times(history.start_ms, history.step_ms, history.values.length);
  const [first, last] = [x[0], x[x.length - 1]];
  const series = history.high ? [{ name: 'highest of each stretch', values: history.high, kind: 'timer', width: 1 }] : [];
  series.push({ name: history.high ? `mean of ${duration(history.step_ms / 1000)}` : data.value, values: history.values, kind: 'ours', width: 1.25 });
  const drawn = plot({ title: 'History with anomalies', description: `${number(history.values.length)} values; ${number(events.length)} events, which the tables below list.`,
    x, series, keys: classKeys(events), height: 300, hint: 'Drag across the chart to look closer, double-click for all of it.',
    stretches: events.map((event) => ({ from: event.begin_ms / 1000, to: event.end_ms / 1000, kind: classOf(event.class).kind, strip: event.class === 'gradual_growth',
      note: `${classOf(event.class).name}, ${figures(event.multiplier ?? 1)} times the usual` })) });
  const views = VIEWS.filter(([unused, days], i) => i === 0 || (last - first) / 86400 > days * 1.2);
  return section('history', 'What was', html('div', { class: 'bar' }, choice('Which part of the history to draw', 'span', views.map((view) => view[0]),
    (i) => drawn.plot.show(views[i][1] === Infinity ? first : last - views[i][1] * 86400, last))),
  html('figure', {}, drawn, html('figcaption', {}, `What stands out is marked by its kind. ${data.reading}`.replaceAll('\n', ' '))),
  more('The numbers, month by month', monthTable(data)));
}

// ---- what comes

function scenarioSeries(data, shown) {
  const { forecast, history } = data;
  const back = Math.min(shown, history.high ? 0 : history.values.length);
  const past = history.values.slice(history.values.length - back);
  const pad = (values) => [...Array(back).fill(null), ...values];
  const level = (at) => pad(quantile(forecast, at) ?? Array(forecast.expected.length).fill(null));
  return { x: [...times(history.start_ms + (history.values.length - back) * history.step_ms, history.step_ms, back), ...times(forecast.start_ms, forecast.step_ms, forecast.expected.length)],
    back, series: [
      { name: 'was', values: [...past, ...forecast.expected.map(() => null)], kind: 'ink', width: 1.25 },
      { name: 'P5', values: level(0.05), kind: 'ours', hidden: true, silent: true }, { name: 'P25', values: level(0.25), kind: 'ours', hidden: true, silent: true },
      { name: 'P75', values: level(0.75), kind: 'ours', hidden: true, silent: true },
      { name: 'conservative (P95)', values: level(0.95), kind: 'warm', width: 1.5 },
      { name: 'emergency (P99)', values: level(0.99), kind: 'cold', width: 1.5, dash: [4, 3] },
      { name: 'trend and seasons', values: pad(forecast.baseline), kind: 'timer', width: 1.5, dash: [7, 4] },
      { name: 'expected', values: pad(forecast.expected), kind: 'ours', width: 2.5 }] };
}

function judged(data) {
  const { verdict, step_ms: step } = data.forecast;
  if (verdict.length === 0) return null;
  const less = (error, than) => (than > 0 ? `${number(100 * (1 - error / than))} %` : 'not known');
  const learned = data.judged.split('\n').filter((line) => line !== '' && !/^(how well|up to) /.test(line));
  return more('How well its own past was foretold', html('div', {}, ...learned.map((line) => html('p', {}, line)), table({ caption: 'Mean distance from what came, over the past that it was asked about', columns:
    ['Ahead, up to', 'Cases', 'Off by', 'The last day again', 'less than it', 'The last week again', 'less than it', 'What is said'].map((name, i) => ({ name, num: i > 0 && i < 7 })),
  rows: verdict.map((row) => [duration((row.up_to_steps * step) / 1000), number(row.cases), figures(row.error ?? 0), row.last_day_error === null ? '' : figures(row.last_day_error),
    less(row.error, row.last_day_error), row.last_week_error === null ? '' : figures(row.last_week_error), less(row.error, row.last_week_error), row.fell_back ? 'a season repeated: it was better' : 'the model']) })));
}

// Row by row up to two weeks of hours, else the highest of each day.
function forecastTable(forecast) {
  const p = (level, h) => quantile(forecast, level)?.[h] ?? NaN;
  const all = forecast.expected.map((unused, h) => h);
  const byDay = new Map();
  for (const h of all) {
    const date = new Date(forecast.start_ms + h * forecast.step_ms).toISOString().slice(0, 10);
    byDay.set(date, [...(byDay.get(date) ?? []), h]);
  }
  const long = forecast.expected.length > 400;
  const groups = long ? [...byDay] : all.map((h) => [new Date(forecast.start_ms + h * forecast.step_ms).toISOString().slice(0, 16).replace('T', ' '), [h]]);
  const most = (hours, pick) => figures(maxOf(hours.map(pick)));
  return table({ caption: long ? 'The highest of each day' : 'Step by step', columns: ['When (UTC)', 'Expected', 'Baseline', 'P50', 'P75', 'P90', 'P95', 'P99', 'Spike', 'Capacity'].map((name, i) => ({ name, num: i > 0 })),
    rows: groups.map(([name, hours]) => [name, most(hours, (h) => forecast.expected[h]), most(hours, (h) => forecast.baseline[h]), ...[0.5, 0.75, 0.9, 0.95, 0.99].map((level) => most(hours, (h) => p(level, h))),
      percent(100 * maxOf(hours.map((h) => forecast.spike[h]))), most(hours, (h) => forecast.capacity[h])]) });
}

// The emergency scenario may lie far outside: then it leaves the chart, and the words say how far.
function scenarioTop(drawn) {
  const named = (name) => maxOf(drawn.series.find((row) => row.name.startsWith(name)).values);
  const calm = Math.max(named('was'), named('conservative'), named('expected'));
  const far = named('emergency');
  return { top: far > 1.6 * calm ? 1.25 * calm : Math.max(far, calm) * 1.06, far, leaves: far > 1.6 * calm };
}

export function scenarioSection(data) {
  const { forecast } = data;
  const drawn = scenarioSeries(data, Math.min(2 * forecast.expected.length, 500));
  const { top, far, leaves } = scenarioTop(drawn);
  const chart = plot({ title: 'What comes, in scenarios', description: `Expected demand for ${number(forecast.expected.length)} steps with bands for half and nine tenths of what may come.`,
    ...drawn, height: 320, yRange: [Math.min(0, -maxOf(drawn.series[1].values.map((v) => (v === null ? null : -v)))), top],
    bands: [{ name: 'P5 to P95', high: 4, low: 1, kind: 'ours', share: 0.13 }, { name: 'P25 to P75', high: 3, low: 2, kind: 'ours', share: 0.22 }],
    lines: [{ x: forecast.start_ms / 1000, name: 'from here on: forecast', kind: 'soft' }], hint: 'Arrow keys or the pointer read the chart out.' });
  return section('scenarios', 'What comes', html('figure', {}, chart, html('figcaption', {},
    `The bands are as wide as this series' own past errors say.${leaves ? ` The emergency scenario leaves the chart: it goes up to ${figures(far)}.` : ''}`)),
  judged(data), more('The numbers of the forecast', forecastTable(forecast)));
}

// ---- spikes and risk

export function spikeSection(data) {
  const { forecast } = data;
  const bins = riskBins(forecast.spike);
  const chart = plot({ title: 'Spike probability', description: `How likely each ${stepName(forecast.step_ms)} is to see more than ${forecast.spike_times} times the usual.`,
    x: times(forecast.start_ms, forecast.step_ms, forecast.spike.length), series: [{ name: 'spike probability', values: forecast.spike, kind: 'cold', fill: 0.25, stepped: true }],
    yTick: (value) => percent(100 * value), yRange: [0, Math.max(0.1, Math.min(1, maxOf(forecast.spike) * 1.2))], height: 200 });
  return section('spikes', 'How likely spikes are', html('figure', {}, chart, html('figcaption', {}, `A spike: more than ${forecast.spike_times} times what is usual at that time.`)),
    table({ caption: `${stepName(forecast.step_ms)[0].toUpperCase()}${stepName(forecast.step_ms).slice(1)}s by how likely a spike is`, columns: [{ name: 'Spike probability' }, { name: 'Steps', num: true }, { name: 'Share', num: true }],
      rows: bins.map((bin) => [bin.name, number(bin.count), percent((100 * bin.count) / forecast.spike.length)]) }));
}

export function riskCurve(forecast, points = 120) {
  const highest = maxOf(quantile(forecast, 0.95) ?? forecast.capacity);
  const top = Math.max(maxOf(forecast.capacity), highest) * 1.15;
  const from = Math.max(0, 0.6 * Math.min(...forecast.expected));
  const x = Array.from({ length: points }, (unused, i) => from + ((top - from) * i) / (points - 1));
  return { x, short: x.map((capacity) => stepsShort(forecast, capacity)) };
}

export function riskSection(data) {
  const { forecast } = data;
  const { x, short } = riskCurve(forecast);
  const marks = [['highest expected', maxOf(forecast.expected)], ['highest P95', maxOf(quantile(forecast, 0.95))], [`${figures(forecast.buffer)} × highest P95`, maxOf(forecast.capacity)]];
  const share = (count) => percent((100 * count) / forecast.expected.length);
  const chart = plot({ title: 'What is risked at which capacity', description: 'Expected time short of capacity over the horizon, by capacity held all the time.',
    x, numeric: true, series: [{ name: 'expected time short', values: short.map((count) => count / forecast.expected.length), kind: 'cold', fill: 0.2, width: 2 }],
    yTick: (value) => percent(100 * value), xText: (value) => `capacity ${figures(value)}`, zoom: false, height: 240,
    lines: marks.map(([name, value], row) => ({ x: value, name, kind: 'soft', row })) });
  return section('risk', 'What is risked at which capacity', html('figure', {}, chart,
    html('figcaption', {}, `Left to right: more capacity, held for the whole horizon of ${duration((forecast.expected.length * forecast.step_ms) / 1000)}; up: more of the time short of it, on average over all that may come.`)),
  table({ caption: 'Risk at three capacities', columns: ['Capacity', 'Held', 'Expected time short', 'Share'].map((name, i) => ({ name, num: i > 0 })),
    rows: marks.map(([name, value]) => [name, figures(value), steps(stepsShort(forecast, value), forecast.step_ms), share(stepsShort(forecast, value))]) }));
}

