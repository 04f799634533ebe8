// SPDX-License-Identifier: MIT
// Charts without a library: SVG and tables made from numbers. What comes from outside goes in as text nodes
// and attributes, never as markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function html(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

// ---- numbers and times for people; English words, so English digits whatever the browser speaks

export function number(value, decimals = 0) {
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

// Three figures are enough.
export function figures(value) {
  const size = Math.abs(value);
  return number(value, size >= 99.95 || Number.isInteger(value) ? 0 : size >= 9.995 ? 1 : 2);
}

export function percent(value) {
  return `${number(value, Math.abs(value) < 99.95 ? 1 : 0)} %`;
}

// One unit: an amount of time to compare with others.
export function amount(seconds) {
  if (seconds >= 3600) return `${figures(seconds / 3600)} h`;
  if (seconds >= 60) return `${figures(seconds / 60)} min`;
  return `${figures(seconds)} s`;
}

// Two units: how long ago, how long a gap.
export function duration(seconds) {
  if (seconds < 1) return `${number(seconds * 1000)} ms`;
  if (seconds < 10) return `${number(seconds, 1).replace('.0', '')} s`;
  const parts = [];
  let rest = Math.round(seconds);
  for (const [unit, name] of [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']]) {
    if (rest >= unit) parts.push(`${Math.floor(rest / unit)} ${name}`);
    else if (parts.length > 0) break;
    rest %= unit;
  }
  return parts.slice(0, 2).join(' ');
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function two(value) {
  return String(value).padStart(2, '0');
}

export function day(ms, withYear = false) {
  const at = new Date(ms);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}${withYear ? ` ${at.getUTCFullYear()}` : ''}`;
}

// In UTC; a trace whose times count from its start has no dates.
export function instant(ms, isOffset, seconds = false) {
  if (isOffset) return ms === 0 ? 'start' : `+${duration(ms / 1000)}`;
  const at = new Date(ms);
  return `${day(ms)} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}${seconds ? `:${two(at.getUTCSeconds())}` : ''}`;
}

// ---- scales

// 0, 20, 40, ...: about `count` round numbers up to at least `max`.
export function roundTicks(max, count) {
  if (!(max > 0)) return [0, 1];
  const rough = max / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const ticks = [];
  for (let i = 0; i * step < max + step * 0.999; i += 1) ticks.push(i * step);
  return ticks;
}

// 1, 2, 5, 10, 20, and so on, from at most `least` to at least `max`; tens alone when there are many.
export function decadeTicks(least, max) {
  const ticks = [];
  const factors = max / least > 2000 ? [1] : [1, 2, 5];
  for (let power = Math.floor(Math.log10(least)); ticks.length === 0 || ticks[ticks.length - 1] < max; power += 1) {
    ticks.push(...factors.map((factor) => factor * 10 ** power));
  }
  const first = ticks.findLastIndex((tick) => tick <= least * 1.000001);
  const last = ticks.findIndex((tick) => tick >= max * 0.999999);
  return ticks.slice(Math.max(first, 0), last + 1);
}

// Places on [from, to]; logarithmic when the positive values span more than a factor of 40. Then zero, and
// what is smaller than a ten-thousandth of the largest, has a place of its own before the first tick.
export function makeScale(values, from, to) {
  const max = Math.max(...values, 0);
  const positive = values.filter((value) => value > max / 10000);
  const least = Math.min(...positive, max);
  if (max <= 0 || max / least < 40) {
    const ticks = roundTicks(max, 6);
    const top = ticks[ticks.length - 1];
    return { log: false, ticks, at: (value) => from + ((to - from) * value) / top };
  }
  const ticks = decadeTicks(least, max);
  const low = Math.log10(ticks[0]);
  const high = Math.log10(ticks[ticks.length - 1]);
  const zero = positive.length < values.length;
  const begin = zero ? from + (to - from) * 0.07 : from;
  const at = (value) => (value < ticks[0] * 0.999999 ? from : begin + ((to - begin) * (Math.log10(value) - low)) / (high - low));
  return { log: true, ticks: zero ? [0, ...ticks] : ticks, at };
}

const STEPS = [1, 5, 15, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400,
  14 * 86400, 30 * 86400, 90 * 86400, 365 * 86400];

export function timeTicks(fromMs, toMs, count, isOffset) {
  const step = (STEPS.find((seconds) => (toMs - fromMs) / 1000 / seconds <= count) ?? STEPS[STEPS.length - 1]) * 1000;
  const ticks = [];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) {
    const text = isOffset || step < 86400000 ? instant(at, isOffset).replace(/^.* (?=\d\d:)/, '') : day(at);
    ticks.push({ at, text });
  }
  return ticks;
}

// ---- tables

// columns: {name, num, kind}; a cell is text, a number already written, or a node. The first cell of a row
// is its heading. `foot` is one more row.
export function table({ caption, columns, rows, kinds = [], foot = null }) {
  const cell = (content, i) =>
    html(i === 0 ? 'th' : 'td', { class: [columns[i].num && 'num', columns[i].kind].filter(Boolean).join(' ') || null,
      scope: i === 0 ? 'row' : null }, content);
  const line = (row, kind) => html('tr', { class: kind || null }, ...row.map(cell));
  return html('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    html('table', {},
      html('caption', {}, caption),
      html('thead', {}, html('tr', {}, ...columns.map((column) =>
        html('th', { scope: 'col', class: column.num ? 'num' : null }, column.name)))),
      html('tbody', {}, ...rows.map((row, i) => line(row, kinds[i]))),
      foot && html('tfoot', {}, line(foot))));
}

// ---- keys and choices

// One entry of a chart's key.
export function key(drawing, text) {
  return html('li', {}, svg('svg', { viewBox: '0 0 22 14', 'aria-hidden': 'true' }, drawing), text);
}

// Radio buttons side by side; `choose(i)` is told which.
export function choice(legend, name, texts, choose) {
  if (texts.length < 2) return null;
  return html('fieldset', { class: 'choice' }, html('legend', {}, legend), ...texts.map((text, i) => {
    const input = html('input', { type: 'radio', name, value: i, checked: i === 0 ? '' : null });
    input.addEventListener('change', () => choose(i));
    return html('label', {}, input, text);
  }));
}

// ---- scatter: points, a line through what is to be beaten, names that do not cover each other

function overlaps(a, b) {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

function placeName(point, taken, bounds) {
  const w = point.name.length * (point.kind === 'ours' ? 9.6 : 7.2) + 4;
  const h = 14;
  const tries = [[9, -7], [-w - 9, -7], [-w / 2, -24], [-w / 2, 11], [9, -21], [9, 8], [-w - 9, -21], [-w - 9, 8],
    [9, -36], [9, 24], [-w - 9, 24], [-w - 9, -36], [-w / 2, 28], [-w / 2, -42]];
  for (const [dx, dy] of tries) {
    const box = { x: point.px + dx, y: point.py + dy, w, h };
    const inside = box.x >= bounds.x && box.x + w <= bounds.x + bounds.w && box.y >= bounds.y - 8 && box.y + h <= bounds.y + bounds.h;
    if (inside && !taken.some((other) => overlaps(box, other))) return box;
  }
  return null; // its title and the table still name it
}

function scatterFrame(spec, x, y, area) {
  const frame = [];
  for (const tick of y.ticks) {
    const at = y.at(tick);
    frame.push(svg('line', { class: 'grid', x1: area.left, x2: area.right, y1: at, y2: at }),
      svg('text', { x: area.left - 8, y: at + 4, 'text-anchor': 'end' }, spec.yTick(tick)));
  }
  for (const tick of x.ticks) {
    const at = x.at(tick);
    frame.push(svg('line', { class: 'grid', x1: at, x2: at, y1: area.top, y2: area.bottom }),
      svg('text', { x: at, y: area.bottom + 18, 'text-anchor': 'middle' }, spec.xTick(tick)));
  }
  frame.push(svg('line', { class: 'axis', x1: area.left, x2: area.right, y1: area.bottom, y2: area.bottom }),
    svg('text', { x: area.right, y: area.bottom + 38, 'text-anchor': 'end' }, spec.xName + (x.log ? ', log scale' : '')),
    svg('text', { x: area.left - 40, y: area.top - 14 }, spec.yName + (y.log ? ', log scale' : '')));
  return frame;
}

function scatterDot(point) {
  const shape = point.kind === 'bound'
    ? svg('path', { class: 'dot bound', d: `M${point.px} ${point.py - 6}l6 6l-6 6l-6 -6z` })
    : svg('circle', { class: `dot ${point.kind}`, cx: point.px, cy: point.py, r: point.kind === 'ours' ? 7 : 5 });
  return svg('g', { class: 'point', tabindex: 0, role: 'img', 'aria-label': point.note },
    svg('title', {}, point.note),
    svg('circle', { cx: point.px, cy: point.py, r: 14, fill: 'transparent' }),
    point.kind === 'ours' ? svg('circle', { class: 'halo', cx: point.px, cy: point.py, r: 11 }) : null, shape);
}

// spec: {title, description, points: [{x, y, name, kind, note}], curve: [{x, y, note}], xName, yName, xTick, yTick}
export function scatter(spec) {
  const area = { left: 52, right: 940, top: 34, bottom: 380 };
  const all = [...spec.points, ...spec.curve];
  const x = makeScale(all.map((point) => point.x), area.left, area.right);
  const y = makeScale(all.map((point) => point.y), area.bottom, area.top);
  const place = (point) => ({ ...point, px: x.at(point.x), py: y.at(point.y) });
  const points = spec.points.map(place);
  const curve = spec.curve.map(place).sort((a, b) => a.px - b.px);
  const taken = points.map((point) => ({ x: point.px - 7, y: point.py - 7, w: 14, h: 14 }));
  taken.push(...curve.map((point) => ({ x: point.px - 4, y: point.py - 4, w: 8, h: 8 })));
  const names = [];
  const bounds = { x: area.left, y: area.top, w: area.right + 30 - area.left, h: area.bottom - area.top };
  for (const point of [...points].sort((a, b) => (b.kind === 'ours') - (a.kind === 'ours'))) {
    const box = point.name ? placeName(point, taken, bounds) : null;
    if (!box) continue;
    taken.push(box);
    names.push(svg('text', { class: `name ${point.kind}`, x: box.x + 2, y: box.y + 11, 'aria-hidden': 'true' }, point.name));
  }
  return svg('svg', { viewBox: '0 0 980 430', role: 'group', 'aria-label': `${spec.title}. ${spec.description}` },
    ...scatterFrame(spec, x, y, area),
    curve.length > 1 ? svg('path', { class: 'curve', d: `M${curve.map((point) => `${point.px.toFixed(1)} ${point.py.toFixed(1)}`).join('L')}` }) : null,
    ...curve.map((point) => svg('circle', { class: 'hit', cx: point.px, cy: point.py, r: 6, fill: 'transparent' }, svg('title', {}, point.note))),
    ...points.map(scatterDot), ...names);
}

// ---- stacked bars, one a row

// spec: {title, cap, rows: [{name, kind, note, text, parts: [value]}], kinds: [class of each part]}
// What is longer than `cap` is cut off and marked: one outlier would make all others alike.
export function stackedBars(spec) {
  const left = 190;
  const right = 860;
  const step = 27;
  const sums = spec.rows.map((row) => row.parts.reduce((sum, part) => sum + part, 0));
  const max = Math.min(Math.max(...sums, 1e-9), spec.cap);
  const rows = spec.rows.map((row, i) => {
    let at = left;
    const bars = row.parts.map((part, k) => {
      const width = Math.min(((right - left) * part) / max, right - at);
      const bar = svg('rect', { class: spec.kinds[k], x: at, y: i * step + 4, width, height: step - 9 });
      at += width;
      return bar;
    });
    const cut = sums[i] > max * 1.000001;
    return svg('g', { class: 'point', role: 'img', 'aria-label': row.note }, svg('title', {}, row.note),
      svg('text', { class: `name ${row.kind}`, x: left - 10, y: i * step + 17, 'text-anchor': 'end' }, row.name), ...bars,
      cut ? svg('path', { class: 'cut', d: `M${right - 26} ${i * step + 24}l8 -22M${right - 18} ${i * step + 24}l8 -22` }) : null,
      svg('text', { x: at + 8, y: i * step + 17 }, row.text));
  });
  return svg('svg', { viewBox: `0 0 980 ${spec.rows.length * step + 4}`, role: 'group', 'aria-label': spec.title }, ...rows);
}

// ---- lanes: one resource's time; arrivals below, warm in the middle, cold starts above

const LANE = { height: 50, cold: 12, top: 14, base: 36 };

function eachPair(list, visit) {
  for (let i = 0; i + 1 < list.length; i += 2) visit(list[i], list[i + 1]);
}

function marks(list, from, height, max) {
  let path = '';
  eachPair(list, (column, count) => {
    const size = Math.max(0.35, Math.sqrt(count / max)) * height;
    path += `M${column + 0.5} ${from}v${size.toFixed(1)}`;
  });
  return path;
}

function warmPath(list) {
  let path = '';
  for (let i = 0; i + 2 < list.length; i += 3) {
    const height = Math.max(0.08, list[i + 2] / 100) * (LANE.base - LANE.top);
    path += `M${list[i]} ${LANE.base}v${(-height).toFixed(1)}h${list[i + 1] - list[i]}v${height.toFixed(1)}z`;
  }
  return path;
}

function triangles(list) {
  let path = '';
  eachPair(list, (column) => {
    path += `M${column + 0.5} ${LANE.base - 7}l4 7h-8z`;
  });
  return path;
}

function largest(list) {
  let max = 1;
  eachPair(list, (column, count) => {
    max = Math.max(max, count);
  });
  return max;
}

// Half warm stands on what is warm in the same column.
function halfPath(half, warm) {
  let path = '';
  const at = (list, column) => {
    for (let i = 0; i + 2 < list.length; i += 3) if (column >= list[i] && column < list[i + 1]) return list[i + 2];
    return 0;
  };
  const ends = [...new Set([...half, ...warm].filter((value, i) => i % 3 < 2))].sort((a, b) => a - b);
  for (let i = 0; i + 1 < ends.length; i += 1) {
    const share = at(half, ends[i]);
    const under = (at(warm, ends[i]) / 100) * (LANE.base - LANE.top);
    const height = Math.max(0.08, share / 100) * (LANE.base - LANE.top);
    if (share > 0) path += `M${ends[i]} ${(LANE.base - under).toFixed(1)}v${(-height).toFixed(1)}h${ends[i + 1] - ends[i]}v${height.toFixed(1)}z`;
  }
  return path;
}

// shown: {warm, half?: [from, to, percent, ...], requests, cold, used, unused: [column, count, ...]}
export function lane(shown, columns, label) {
  const thin = { 'vector-effect': 'non-scaling-stroke' };
  return svg('svg', { viewBox: `0 0 ${columns} ${LANE.height}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    svg('rect', { class: 'back', x: 0, y: LANE.base, width: columns, height: 1 }),
    svg('path', { class: 'warm', d: warmPath(shown.warm) }),
    ...(shown.half ? [svg('path', { class: 'half', d: halfPath(shown.half, shown.warm) })] : []),
    svg('path', { class: 'requests', ...thin, d: marks(shown.requests, LANE.base + 3, LANE.height - LANE.base - 3, largest(shown.requests)) }),
    svg('path', { class: 'used', d: triangles(shown.used) }),
    svg('path', { class: 'unused', ...thin, d: triangles(shown.unused) }),
    svg('path', { class: 'cold', ...thin, 'stroke-width': 2, d: marks(shown.cold, 1, LANE.cold - 1, largest(shown.cold)) }));
}

// All there is in a lane, of one kind.
export function laneTotal(list) {
  let total = 0;
  eachPair(list, (column, count) => {
    total += count;
  });
  return total;
}

// What one column of a lane holds.
export function laneColumn(shown, column) {
  const found = {};
  for (const kind of ['warm', 'half']) {
    const list = shown[kind] ?? [];
    found[kind] = 0;
    for (let i = 0; i + 2 < list.length; i += 3) if (column >= list[i] && column < list[i + 1]) found[kind] = list[i + 2];
  }
  for (const kind of ['requests', 'cold', 'used', 'unused']) {
    found[kind] = 0;
    eachPair(shown[kind], (at, count) => {
      if (at === column) found[kind] = count;
    });
  }
  return found;
}

// A box beside the pointer; `describe(share)` gives its text for a place from 0 to 1 across the node.
export function attachTip(node, tip, describe) {
  const hide = () => {
    tip.hidden = true;
  };
  node.addEventListener('pointermove', (event) => {
    const box = node.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 0.999999);
    tip.textContent = describe(share);
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8);
    const above = event.clientY - tip.offsetHeight - 12;
    tip.style.left = `${Math.max(left, 8)}px`;
    tip.style.top = `${above > 4 ? above : event.clientY + 18}px`;
  });
  node.addEventListener('pointerleave', hide);
}
