// SPDX-License-Identifier: MIT
// Series over time, drawn by uPlot on a canvas: colours from the page's style, a line that reads out what is under
// the pointer or the arrow keys, and a redraw when light turns to dark.
import { html, svg, key, figures, day, instant } from './charts.js';
import uPlot from './uplot.js';

const HEIGHT = 260;
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif';
const scheme = typeof matchMedia === 'function' ? matchMedia('(prefers-color-scheme: dark)') : null;

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// The same colour, seen through.
function thin(name, share) {
  const [, r, g, b] = /^#(..)(..)(..)/.exec(colour(name)) ?? [0, '80', '80', '80'];
  return `rgba(${[r, g, b].map((part) => parseInt(part, 16)).join(',')},${share})`;
}

// Dates where a day or more lies between, times within a day, in UTC.
export function timeLabels(seconds, step) {
  let before = '';
  return seconds.map((at, i) => {
    const date = day(at * 1000);
    const year = new Date(at * 1000).getUTCFullYear();
    const fresh = date !== before;
    before = date;
    if (step >= 27 * 86400) return `${date.replace(/^\d+ /, '')} ${year}`;
    if (step >= 86400) return i === 0 ? day(at * 1000, true) : date;
    return fresh && (i === 0 || at % 86400 === 0) ? date : instant(at * 1000, false, step < 60).replace(/^.* (?=\d\d:)/, '');
  });
}

function axes(spec) {
  const common = { stroke: () => colour('soft'), font: FONT, grid: { stroke: () => colour('faint'), width: 1 },
    ticks: { stroke: () => colour('line'), width: 1, size: 5 } };
  const x = { ...common, space: 80, size: 32 };
  if (spec.numeric) x.values = (u, splits) => splits.map(spec.xTick ?? figures);
  else x.values = (u, splits, axis, space, step) => timeLabels(splits, step);
  if (spec.xSplits) x.splits = spec.xSplits;
  return [x, { ...common, size: 62, values: (u, splits) => splits.map(spec.yTick ?? figures) }];
}

// ---- what is drawn below the series: stretches of time with a colour, and lines that stand

function drawStretches(u, spec) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  for (const stretch of spec.stretches ?? []) {
    const from = u.valToPos(stretch.from, 'x', true);
    const to = Math.max(u.valToPos(stretch.to, 'x', true), from + 2 * devicePixelRatio);
    ctx.fillStyle = thin(stretch.kind, 0.18);
    if (!stretch.strip) ctx.fillRect(from, top, to - from, height);
    ctx.fillStyle = colour(stretch.kind);
    ctx.fillRect(from, top, to - from, 4 * devicePixelRatio);
  }
  ctx.restore();
}

function drawLines(u, spec) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  ctx.save();
  ctx.font = FONT.replace('12px', `${12 * devicePixelRatio}px`);
  for (const line of spec.lines ?? []) {
    const along = line.x !== undefined;
    const at = along ? u.valToPos(line.x, 'x', true) : u.valToPos(line.y, 'y', true);
    if (along ? at < left || at > left + width : at < top || at > top + height) continue;
    ctx.strokeStyle = colour(line.kind);
    ctx.fillStyle = colour('ink');
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(along ? at : left, along ? top : at);
    ctx.lineTo(along ? at : left + width, along ? top + height : at);
    ctx.stroke();
    const end = along && at > left + 0.8 * width;
    ctx.textAlign = along && !end ? 'left' : 'right';
    const space = 6 * devicePixelRatio;
    ctx.setLineDash([]);
    ctx.strokeStyle = colour('card');
    ctx.lineWidth = 4 * devicePixelRatio;
    const place = [line.name, along ? at + (end ? -space : space) : left + width - space,
      along ? top + (line.row ?? 0) * 15 * devicePixelRatio + 14 * devicePixelRatio : at - space];
    ctx.strokeText(...place);
    ctx.fillText(...place);
  }
  ctx.restore();
}

// ---- series

function seriesOf(row, spec) {
  return { label: row.name, stroke: () => (row.hidden ? 'transparent' : colour(row.kind)), width: row.hidden ? 0 : row.width ?? 1.5, dash: row.dash,
    fill: row.fill ? () => thin(row.kind, row.fill) : undefined, points: { show: false }, spanGaps: false,
    paths: row.bars ? uPlot.paths.bars({ size: [0.9, 60], align: 1 }) : row.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
    value: (u, value) => (value === null || value === undefined ? '' : (spec.yText ?? spec.yTick ?? figures)(value)) };
}

function readOut(u, spec, at) {
  if (at === null || at === undefined) return spec.hint ?? '';
  const place = spec.numeric ? (spec.xText ?? spec.xTick ?? figures)(u.data[0][at]) : `${instant(u.data[0][at] * 1000, false)} UTC`;
  const said = spec.series.filter((row, i) => !row.silent && u.data[i + 1][at] !== null && u.data[i + 1][at] !== undefined)
    .map((row) => `${row.name} ${(spec.yText ?? spec.yTick ?? figures)(u.data[spec.series.indexOf(row) + 1][at])}`);
  const found = (spec.stretches ?? []).filter((stretch) => u.data[0][at] >= stretch.from && u.data[0][at] < Math.max(stretch.to, stretch.from + 1));
  return [place, ...said, ...found.map((stretch) => stretch.note)].join(' · ');
}

function moveByKeys(u, event) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -24, PageDown: 24, Home: -Infinity, End: Infinity };
  const step = steps[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const [first, last] = u.series[0].idxs;
  const at = Math.min(Math.max((u.cursor.idx ?? (step > 0 ? first - 1 : last + 1)) + step, first), last);
  u.setCursor({ left: u.valToPos(u.data[0][at], 'x'), top: u.bbox.height / devicePixelRatio / 2 });
}

function rangeOf(spec) {
  return (u, low, high) => {
    if (spec.yRange) return spec.yRange;
    if (low === null || high === null) return [0, 1];
    const floor = spec.fromZero === false ? low - 0.08 * (high - low) : Math.min(0, low * 1.08);
    return [floor, high > floor ? high + 0.06 * (high - floor) : floor + 1];
  };
}

function make(spec, holder, line) {
  const width = Math.max(holder.clientWidth, 200);
  const options = { width, height: spec.height ?? HEIGHT, legend: { show: false }, axes: axes(spec), padding: [10, 14, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    scales: { x: { time: !spec.numeric }, y: { range: rangeOf(spec) } },
    cursor: { y: false, drag: { x: spec.zoom !== false, y: false }, points: { size: 6 } },
    bands: (spec.bands ?? []).map((band) => ({ series: [band.high + 1, band.low + 1], fill: () => thin(band.kind, band.share) })),
    series: [{}, ...spec.series.map((row) => seriesOf(row, spec))],
    hooks: { drawClear: [(u) => drawStretches(u, spec)], draw: [(u) => drawLines(u, spec)],
      setCursor: [(u) => {
        line.textContent = readOut(u, spec, u.cursor.left < 0 ? null : u.cursor.idx);
      }] } };
  return new uPlot(options, [spec.x, ...spec.series.map((row) => row.values)], holder);
}

function keyOf(row) {
  const style = { class: `ink-${row.kind}`, 'stroke-width': row.bars ? 10 : (row.width ?? 1.5) + 0.5, 'stroke-dasharray': row.dash ? row.dash.join(' ') : null, fill: 'none' };
  return key(svg('path', { ...style, d: 'M0 7H22' }), row.name);
}

function bandKey(band) {
  return key(svg('rect', { class: `area-${band.kind}`, x: 0, y: 1, width: 22, height: 12, opacity: Math.min(band.share * 1.6, 1) }), band.name);
}

// spec: {title, description, x: seconds (numeric: any numbers), series: [{name, values, kind: name of a colour, width, dash,
// fill: share, bars, stepped, hidden, silent: not in key and read-out}], bands: [{name, high, low: numbers of series, kind, share}],
// stretches: [{from, to, kind, note}], lines: [{x or y, name, kind}], yTick, yText, xTick, hint, height, keys: more entries}
// Gives a node with `plot.show(from, to)` and `plot.update(spec)` once it is on the page.
export function plot(spec) {
  const line = html('p', { class: 'readout' }, spec.hint ?? ' ');
  line.setAttribute('aria-live', 'polite');
  const keys = html('ul', { class: 'keys' }, ...spec.series.filter((row) => !row.silent).map(keyOf), ...(spec.bands ?? []).map(bandKey), ...(spec.keys ?? []));
  const holder = html('div', { class: 'plot', tabindex: 0, role: 'group', 'aria-label': `${spec.title}. ${spec.description} Arrow keys move through it.` });
  const node = html('div', { class: 'plotted' }, keys, holder, line);
  if (!uPlot) {
    holder.append(html('p', { class: 'soft' }, 'This build has no charts; the numbers are in the table below.'));
    node.plot = { show() {}, update() {} };
    return node;
  }
  let drawn = null;
  const draw = () => {
    if (drawn === null && holder.isConnected && holder.clientWidth > 0) {
      drawn = make(spec, holder, line);
      if (node.wanted) drawn.setScale('x', node.wanted);
    } else if (drawn !== null) drawn.setSize({ width: Math.max(holder.clientWidth, 200), height: spec.height ?? HEIGHT });
  };
  new ResizeObserver(draw).observe(holder);
  scheme?.addEventListener('change', () => drawn?.redraw());
  holder.addEventListener('keydown', (event) => drawn && moveByKeys(drawn, event));
  node.plot = {
    show(from, to) {
      node.wanted = { min: from, max: to };
      drawn?.setScale('x', node.wanted);
    },
    update(next) {
      Object.assign(spec, next);
      drawn?.setData([spec.x, ...spec.series.map((row) => row.values)]);
    },
  };
  return node;
}
