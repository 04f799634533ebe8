// SPDX-License-Identifier: MIT
// The page of `forewarm report`: puts the charts of a demand series in an order for reading.
import { html, number, figures, percent, duration, day } from './charts.js';
import { maxOf, quantile, historySection, scenarioSection, spikeSection, riskSection } from './demand.js';
import { byClass, classSection, impactSection, burstSection, partsSection } from './events.js';
import { capacitySection } from './capacity.js';
import { classOf } from './demand.js';

function meanOf(values) {
  const known = values.filter((value) => value !== null);
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

// What somebody with ten seconds should know.
export function headline(data) {
  const { forecast, history } = data;
  const ahead = duration((forecast.expected.length * forecast.step_ms) / 1000);
  const back = history.values.slice(-forecast.expected.length);
  const [was, comes] = [meanOf(back), meanOf(forecast.expected)];
  const change = was > 0 ? comes / was - 1 : 0;
  const trend = Math.abs(change) < 0.02 ? 'as much as' : `${percent(Math.abs(100 * change))} ${change > 0 ? 'more' : 'less'} than`;
  return `The next ${ahead}: ${figures(comes)} on average, ${trend} in the ${ahead} before. One hour in twenty may ask for more than P95, which reaches ${figures(maxOf(quantile(forecast, 0.95)))}.`
    .replace('One hour', forecast.step_ms === 3600000 ? 'One hour' : 'One step');
}

function tile(name, value, note) {
  return html('div', { class: 'tile' }, html('h3', {}, name), html('div', { class: 'big' }, value), html('p', { class: 'note' }, note));
}

function capacityTile(data) {
  if (!data.plan) return tile('Capacity to hold', figures(maxOf(data.forecast.capacity)), `${figures(data.forecast.buffer)} × the highest P95`);
  const most = Math.max(...data.plan.plan.map((row) => row.recommended_gpus));
  return tile('GPUs at most', number(most), `${number(data.plan.fleets.recommended.cost_per_month)} USD a month; at ${percent(100 * data.plan.settings.service_level)} service`);
}

function tiles(data) {
  const { forecast } = data;
  const highest = forecast.expected.indexOf(maxOf(forecast.expected));
  const at = new Date(forecast.start_ms + highest * forecast.step_ms).toISOString().slice(0, 16).replace('T', ' ');
  const spike = maxOf(forecast.spike);
  const when = new Date(forecast.start_ms + forecast.spike.indexOf(spike) * forecast.step_ms).toISOString().slice(0, 16).replace('T', ' ');
  const kinds = byClass(data.events).slice(0, 3).map(({ name, list }) => `${number(list.length)} ${classOf(name).name}`).join(', ');
  return html('div', { class: 'tiles' }, tile('Highest expected', figures(forecast.expected[highest]), `at ${at} UTC`),
    capacityTile(data),
    tile('Likeliest spike', percent(100 * spike), `at ${when} UTC; more than ${forecast.spike_times} times the usual`),
    tile('Stood out', number(data.event_count), kinds || 'nothing did'));
}

function span(data) {
  const { start_ms: from, step_ms: step, values } = data.history;
  const to = from + step * values.length;
  return `${day(from, true)} to ${day(to, true)} (${duration((to - from) / 1000)})`;
}

function draw(data) {
  document.title = `forewarm report: ${data.source}`;
  document.getElementById('page').append(html('header', {},
    html('p', { class: 'eyebrow' }, 'forewarm report · ', html('span', { class: 'name' }, data.source), ' · ', html('span', { class: 'name' }, data.value), ` · ${span(data)}`),
    html('h1', { id: 'headline' }, headline(data)), tiles(data)),
  ...[scenarioSection, capacitySection, historySection, spikeSection, riskSection, classSection, impactSection, burstSection, partsSection].map((make) => make(data)).filter(Boolean),
  html('footer', {}, html('p', {}, `${data.program} · model ${data.forecast.model} · times are UTC`)));
  window.addEventListener('beforeprint', () => document.querySelectorAll('details').forEach((node) => {
    node.open = true;
  }));
}

if (typeof document !== 'undefined') draw(JSON.parse(document.getElementById('data').textContent));
