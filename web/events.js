// SPDX-License-Identifier: MIT
// Anomalies as charts: which kinds there were, what launches did to demand, how long bursts last and how high they go,
// and the series taken apart into trend and cycles.
import { html, svg, number, figures, percent, duration, instant, table, key, scatter, stackedBars } from './charts.js';
import { plot } from './plots.js';
import { classOf, section, more, times } from './demand.js';

const NAMED = 12;

// ---- kinds

export function byClass(events) {
  const found = new Map();
  for (const event of events) found.set(event.class, [...(found.get(event.class) ?? []), event]);
  return [...found].map(([name, list]) => ({ name, list })).sort((a, b) => b.list.length - a.list.length);
}

function median(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  return sorted.length > 0 ? sorted[sorted.length >> 1] : NaN;
}

function said(value, text) {
  return Number.isFinite(value) ? text(value) : 'not known';
}

export function eventTable(events, caption) {
  const rows = [...events].sort((a, b) => b.at_ms - a.at_ms).map((event) => [`${instant(event.begin_ms)} ${new Date(event.begin_ms).getUTCFullYear()}`,
    classOf(event.class).name + (event.planned ? ` (planned: ${event.planned})` : ''), percent(100 * event.probability), said(event.multiplier ?? NaN, (value) => `× ${figures(value)}`),
    event.ongoing ? `${duration(event.duration_h * 3600)} so far` : duration(event.duration_h * 3600), event.reason]);
  return table({ caption, rows, columns: [{ name: 'Began (UTC)', kind: 'when' }, { name: 'Kind' }, { name: 'Sure', num: true }, { name: 'Height', num: true }, { name: 'Lasted', num: true }, { name: 'Why', kind: 'why' }] });
}

export function classSection(data) {
  const classes = byClass(data.events);
  if (classes.length === 0) return section('classes', 'What stood out', html('p', {}, 'Nothing did: no row is strange enough.'));
  const rows = classes.map(({ name, list }) => ({ name: classOf(name).name, kind: '', parts: [list.length], text: number(list.length), note: `${classOf(name).name}: ${list.length} events` }));
  const bars = stackedBars({ title: 'Events by kind', rows, cap: Infinity, kinds: ['part-events'] });
  bars.querySelectorAll('rect').forEach((bar, i) => bar.setAttribute('class', `area-${classOf(classes[i].name).kind}`));
  const summary = table({ caption: 'Events by kind', columns: ['Kind', 'Events', 'Height, median', 'Lasted, median', 'Hours in all'].map((name, i) => ({ name, num: i > 0 })),
    rows: classes.map(({ name, list }) => [classOf(name).name, number(list.length), said(median(list.map((event) => event.multiplier)), (value) => `× ${figures(value)}`),
      said(median(list.map((event) => event.duration_h)), (value) => duration(value * 3600)), `${number(list.reduce((sum, event) => sum + event.duration_h, 0))} h`]) });
  const left = data.event_count - data.events.length;
  return section('classes', 'What stood out', html('figure', {}, bars, html('figcaption', {}, `Found by the detector “${data.detector}”, told apart by height, length, rise, callers and plans.${left > 0 ? ` The ${number(left)} oldest are not shown.` : ''}`)),
    summary, more('Every event, with the reason', eventTable(data.events, 'Latest first')));
}

// ---- launches: before and after

export function impactSection(data) {
  const launches = data.events.filter((event) => event.course);
  if (launches.length === 0) return section('impact', 'What launches did', html('p', {}, 'There was no launch, planned or found, in this series. Plans are told by --events.'));
  const days = launches[0].course.length;
  const x = Array.from({ length: days }, (unused, i) => i - 7);
  const mean = x.map((unused, i) => {
    const known = launches.map((event) => event.course[i]).filter((value) => value !== null);
    return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
  });
  const series = launches.map((event, i) => ({ name: event.planned ?? `launch of ${instant(event.begin_ms)}`, values: event.course, kind: 'timer', width: 1, silent: i > 0 || launches.length > 1 }));
  if (launches.length > 1) series.push({ name: `mean of ${launches.length} launches`, values: mean, kind: 'used', width: 3 });
  else series[0].kind = 'used';
  const chart = plot({ title: 'Demand around launches', description: 'Day by day, times the mean of the week before; day 0 is the launch.', x, numeric: true, series, xSplits: () => [-7, 0, 7, 14, 20], xTick: (value) => (value > 0 ? `+${value} d` : `${value} d`),
    xText: (value) => `day ${value > 0 ? '+' : ''}${value}`, yTick: (value) => `× ${figures(value)}`, lines: [{ x: 0, name: 'launch', kind: 'soft' }], zoom: false,
    keys: launches.length > 1 ? [key(svg('path', { class: 'ink-timer', d: 'M0 7H22' }), 'each of them')] : [] });
  const change = (from, to) => (from > 0 && to !== null ? `${to >= from ? '+' : '−'}${percent(100 * Math.abs(to / from - 1))}` : 'not known');
  const rows = launches.map((event) => [event.planned ?? 'not planned', `${instant(event.begin_ms)} ${new Date(event.begin_ms).getUTCFullYear()}`, said(event.before ?? NaN, figures), said(event.during ?? NaN, figures), change(event.before, event.during),
    event.ongoing ? 'not over' : said(event.after ?? NaN, figures), event.ongoing ? '' : change(event.before, event.after)]);
  return section('impact', 'What launches did', html('figure', {}, chart, html('figcaption', {}, 'One line a launch. What stays above 1 after three weeks is what the launch left behind, with growth and season in it.')),
    table({ caption: 'Mean demand in the week before, during, and in the week after', rows, columns: ['Launch', 'Began (UTC)', 'Before', 'During', 'change', 'After', 'change'].map((name, i) => ({ name, num: i > 1 })) }));
}

// ---- bursts: how long, how high

export function burstSection(data) {
  const bursts = data.events.filter((event) => event.multiplier !== null && event.multiplier > 0);
  if (bursts.length === 0) return null;
  const high = [...bursts].sort((a, b) => b.multiplier - a.multiplier).slice(0, NAMED);
  const points = bursts.slice(-400).map((event) => ({ x: event.duration_h, y: event.multiplier, kind: `class-${classOf(event.class).kind}`, name: high.includes(event) ? event.planned ?? '' : '',
    note: `${classOf(event.class).name}, ${instant(event.begin_ms)}: ${figures(event.multiplier)} times the usual for ${duration(event.duration_h * 3600)}` }));
  const hours = (value) => `${number(value)} h`;
  const chart = scatter({ title: 'How long events last and how high they go', points, curve: [], description: 'Each point is an event. The table of events has the numbers.',
    xName: 'duration', yName: 'times the usual', xTick: hours, yTick: (value) => `× ${value}` });
  return section('bursts', 'How long bursts last, and how high they go', html('figure', {},
    html('ul', { class: 'keys' }, ...byClass(bursts).map(({ name }) => key(svg('circle', { class: `dot class-${classOf(name).kind}`, cx: 11, cy: 7, r: 5 }), classOf(name).name))), chart,
    html('figcaption', {}, 'Short and high at the left is what buffers are for; long and high at the right is what must be planned.')));
}

// ---- taken apart

const CYCLES = { yearly: 'Over the year', weekly: 'Over the week', daily: 'Over the day' };
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const MONTH_NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function placeIn(cycle, share) {
  if (cycle.name === 'weekly') return `${WEEKDAYS[Math.floor(share * 7) % 7]} ${String(Math.floor((share * 168) % 24)).padStart(2, '0')}:00`;
  if (cycle.name === 'daily') return `${String(Math.floor(share * 24)).padStart(2, '0')}:${String(Math.floor((share * 1440) % 60)).padStart(2, '0')}`;
  return MONTH_NAMES[Math.min(Math.floor(share * 12), 11)];
}

function cycleChart(parts, cycle) {
  const parted = { weekly: 7, daily: 4, yearly: 4 }[cycle.name];
  const x = cycle.values.map((unused, i) => i / cycle.values.length);
  const value = (one) => (parts.multiplies ? `${one >= 0 ? '+' : '−'}${percent(Math.abs(100 * one))}` : figures(one));
  const drawn = plot({ title: CYCLES[cycle.name], description: `The ${cycle.name} cycle, ${parts.multiplies ? 'as a share of the trend' : 'in the units of the series'}.`, x, numeric: true, series: [{ name: CYCLES[cycle.name].toLowerCase(), values: cycle.values, kind: 'used', width: 2, fill: 0.12 }],
    xSplits: () => Array.from({ length: parted }, (unused, i) => i / parted), xTick: (share) => placeIn(cycle, share + 1e-9).replace(/^(\w{3}) .*/, '$1'), xText: (share) => placeIn(cycle, share + 1e-9), yTick: value, height: 190, zoom: false });
  return html('figure', {}, html('h3', {}, CYCLES[cycle.name]), drawn);
}

function cycleRow(parts, cycle) {
  const high = cycle.values.indexOf(Math.max(...cycle.values));
  const low = cycle.values.indexOf(Math.min(...cycle.values));
  const text = (value) => (parts.multiplies ? `${value >= 0 ? '+' : '−'}${percent(Math.abs(100 * value))}` : figures(value));
  const place = (i) => placeIn(cycle, i / cycle.values.length);
  return [CYCLES[cycle.name], place(high), text(cycle.values[high]), place(low), text(cycle.values[low])];
}

export function partsSection(data) {
  const { parts } = data;
  if (!parts) return section('parts', 'What it is made of', html('p', {}, `It could not be taken apart: ${data.no_parts}`));
  const [first, last] = [parts.trend[0], parts.trend[parts.trend.length - 1]];
  const trend = plot({ title: 'Trend', description: `From ${figures(first)} to ${figures(last)}.`, x: times(parts.start_ms, parts.step_ms, parts.trend.length), series: [{ name: 'trend', values: parts.trend, kind: 'ours', width: 2.5 }], height: 200 });
  const explained = parts.explained === null ? '' : ` Trend and cycles together explain ${percent(100 * parts.explained)} of the variance outside of events.`;
  return section('parts', 'What it is made of', html('p', {}, `The series without its events, taken apart into a trend and cycles${parts.multiplies ? ', which multiply' : ', which add up'}.${explained} Times are UTC.`),
    html('figure', {}, html('h3', {}, 'Trend'), trend), html('div', { class: 'cycles' }, ...parts.cycles.map((cycle) => cycleChart(parts, cycle))),
    parts.cycles.length > 0 ? table({ caption: 'When each cycle is high and low', rows: parts.cycles.map((cycle) => cycleRow(parts, cycle)), columns: ['Cycle', 'Highest', 'by', 'Lowest', 'by'].map((name, i) => ({ name, num: i === 2 || i === 4 })) }) : null);
}
