// SPDX-License-Identifier: MIT
// A plan of capacity as charts: GPUs, what they cost, how much of them is used, and what that saves from. Numbers come as in
// `forewarm plan --json`.
import { html, number, figures, percent, table, duration } from './charts.js';
import { plot } from './plots.js';
import { maxOf, section, more } from './demand.js';

const SECTIONS = { capacity_planning: 'Capacity', cost_analysis: 'Cost', immediate: 'Now', short_term: 'Soon', long_term: 'Later' };
const FLEETS = { now: 'as it is now', baseline: 'baseline', expected: 'expected', recommended: 'recommended', conservative: 'conservative (P95)', emergency: 'emergency (P99)', burst: 'burst-ready all the time' };

function timesOf(rows) {
  return rows.map((row) => Date.parse(row.timestamp) / 1000);
}

export function unitChart(rows) {
  const cases = rows[0].baseline?.gpus !== undefined ? [{ name: 'emergency (P99)', values: rows.map((row) => row.emergency.gpus), kind: 'cold', stepped: true, dash: [3, 3], width: 1.25 },
    { name: 'baseline', values: rows.map((row) => row.baseline.gpus), kind: 'timer', stepped: true, dash: [7, 4], width: 1.25 }] : [];
  return plot({ title: 'GPUs', description: `Recommended and burst-ready, step by step; ${number(maxOf(rows.map((row) => row.recommended_gpus)))} recommended at most.`, x: timesOf(rows), yTick: (value) => (Number.isInteger(value) ? number(value) : ''), yText: number,
    series: [...cases, { name: 'burst-ready', values: rows.map((row) => row.burst_ready_gpus), kind: 'warm', stepped: true }, { name: 'recommended', values: rows.map((row) => row.recommended_gpus), kind: 'ours', stepped: true, width: 2.5, fill: 0.12 }], height: 240 });
}

export function costChart(rows) {
  return plot({ title: 'Cost an hour', description: 'Of the recommended GPUs, USD.', x: timesOf(rows), series: [{ name: 'USD an hour', values: rows.map((row) => row.recommended_cost_per_hour), kind: 'used', stepped: true, fill: 0.2, width: 2 }], height: 170 });
}

export function useChart(rows, settings) {
  const lines = settings ? [{ y: settings.target_utilization, name: 'target', kind: 'soft' }, { y: settings.warning_utilization, name: 'warning', kind: 'cold' }] : [];
  const values = rows.map((row) => row.expected_utilization);
  return plot({ title: 'Use', description: 'Share of the recommended GPUs that the expected demand uses.', x: timesOf(rows), series: [{ name: 'expected use', values, kind: 'ours', width: 2, fill: 0.1 }], lines,
    yTick: (value) => percent(100 * value), yRange: [0, Math.max(1, maxOf(values) * 1.05)], height: 190 });
}

function fleetTable(plan) {
  const shown = Object.keys(FLEETS).filter((name) => plan.fleets[name] && (name !== 'now' || plan.comparison.current_told));
  const rows = shown.map((name) => {
    const fleet = plan.fleets[name];
    return [FLEETS[name], figures(fleet.average_gpus), number(fleet.peak_gpus), number(fleet.cost_per_month), percent(100 * fleet.utilization), `${figures(fleet.shortage_hours)} h`, `${figures(fleet.strained_hours)} h`, percent(100 * fleet.shortage_probability)];
  });
  return table({ caption: 'The same demand with each fleet', rows, kinds: shown.map((name) => (name === 'recommended' ? 'ours' : '')),
    columns: ['Fleet', 'GPUs, mean', 'at most', 'USD a month', 'Use', 'Expected short', 'Above the warning', 'Chance of any shortage'].map((name, i) => ({ name, num: i > 0 })) });
}

export function wordLists(recommendations) {
  return html('div', { class: 'words' }, ...Object.entries(SECTIONS).filter(([name]) => recommendations[name]?.length > 0).map(([name, title]) =>
    html('div', {}, html('h3', {}, title), html('ul', {}, ...recommendations[name].map((sentence) => html('li', {}, sentence))))));
}

export function planTable(rows) {
  const long = rows.length > 400;
  return table({ caption: long ? 'The first 400 steps' : 'Step by step', columns: ['When (UTC)', 'Recommended', 'Burst-ready', 'USD an hour', 'Use', 'Decided by'].map((name, i) => ({ name, num: i > 0 && i < 5 })),
    rows: rows.slice(0, 400).map((row) => [row.timestamp.slice(0, 16).replace('T', ' '), number(row.recommended_gpus), number(row.burst_ready_gpus), figures(row.recommended_cost_per_hour), row.expected_utilization === undefined ? '' : percent(100 * row.expected_utilization), row.decided_by ?? '']) });
}

export function capacitySection(data) {
  const { plan } = data;
  if (!plan) return section('capacity', 'What it takes', html('p', {}, `There is no plan: ${data.no_plan}`));
  const { settings } = plan;
  const assumed = `A GPU is taken to do ${figures(settings.unit_capacity)} of ${data.value} and to cost ${figures(plan.comparison.gpu_price_per_hour)} USD an hour; `
    + `what runs shall do for the highest demand within ${duration(settings.lead_time_s)} with a probability of ${percent(100 * settings.service_level)}.`;
  return section('capacity', 'What it takes', html('p', {}, assumed), html('figure', {}, html('h3', {}, 'GPUs'), unitChart(plan.plan)),
    html('div', { class: 'pair' }, html('figure', {}, html('h3', {}, 'Cost'), costChart(plan.plan)), html('figure', {}, html('h3', {}, 'Use'), useChart(plan.plan, settings))),
    fleetTable(plan), wordLists(plan.recommendations), more('The numbers of the plan', planTable(plan.plan)));
}
