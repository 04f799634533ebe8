// SPDX-License-Identifier: MIT
// Resources as lanes: one canvas over what is in sight, however many there are, and beside each lane a real row of the page
// that keyboards and screen readers find. Left of the line is what was, right of it what is expected.
import { html, number, duration } from './charts.js';
import { colour } from './plots.js';
import { lookOf } from './live.js';

export const LANE_HEIGHT = 38;
const PAST = 0.68; // share of the width
const HORIZONS_S = [15, 30, 60, 120, 300, 600, 1200, 3600];
const LOOKS = { used: 'in use', warm: 'warm', warming: 'warming', leaving: 'unloading', failed: 'failed', cold: 'cold', half: 'half warm' };

// Chance of a request within half a minute, stretch by stretch of what lies ahead: [{from, to, share}] in seconds.
export function density(chances) {
  let [before, at] = [0, 0];
  return chances.map((chance, i) => {
    const length = HORIZONS_S[i] - at;
    const left = Math.max((1 - Math.max(chance, before)) / Math.max(1 - before, 1e-6), 0.01);
    const stretch = { from: at, to: HORIZONS_S[i], share: 1 - left ** (30 / length) };
    [before, at] = [Math.max(chance, before), HORIZONS_S[i]];
    return stretch;
  });
}

// What a row says, for the row beside the lane and for screen readers.
export function stateWords(row, now) {
  const look = LOOKS[lookOf(row)];
  if (row.in_progress) return `${row.stage === 'queued' ? 'queued' : look} ${Math.round(100 * row.progress)} %${row.eta_s ? `, ${duration(Math.max(Math.ceil(row.eta_s), 1))} left` : ''}`;
  if (look === 'failed') return `failed${row.error ? `: ${row.error}` : ''}`;
  return row.since_ms === null ? look : `${look} for ${duration(Math.max(Math.round((now - row.since_ms) / 1000), 0) || 1)}`;
}

export function aheadWords(row, now) {
  const soon = row.chances[5];
  const next = row.next_ms !== null && row.next_ms > now ? `next in about ${duration(Math.round((row.next_ms - now) / 1000) || 1)}, ` : '';
  return `${next}${number(100 * soon)} % within 10 min`;
}

function xOf(lanes, at) {
  return lanes.width * PAST + ((at - lanes.now) / lanes.spanMs) * lanes.width * PAST;
}

function stripes(ctx, tone) {
  const tile = document.createElement('canvas');
  tile.width = 8;
  tile.height = 8;
  const pen = tile.getContext('2d');
  pen.strokeStyle = tone;
  pen.lineWidth = 2.4;
  pen.beginPath();
  for (const from of [-8, 0, 8]) {
    pen.moveTo(from, 8);
    pen.lineTo(from + 8, 0);
  }
  pen.stroke();
  return ctx.createPattern(tile, 'repeat');
}

// Colours are asked for once a scheme.
export function palette(ctx) {
  const tones = Object.fromEntries(['ours', 'warm', 'cold', 'used', 'bound', 'timer', 'ink', 'soft', 'line', 'faint', 'card'].map((name) => [name, colour(name)]));
  return { ...tones, warming: stripes(ctx, tones.warm), leaving: stripes(ctx, tones.timer), failed: stripes(ctx, tones.cold) };
}

function drawLook(ctx, tones, look, box) {
  const { x, y, w } = box;
  if (look === 'cold') {
    ctx.fillStyle = tones.line;
    ctx.fillRect(x, y + 12, w, 1);
    return;
  }
  ctx.fillStyle = { used: tones.warm, warm: tones.warm, half: tones.warm, warming: tones.warming, leaving: tones.leaving, failed: tones.failed }[look];
  ctx.globalAlpha = look === 'warm' ? 0.75 : look === 'half' ? 0.35 : 1;
  ctx.fillRect(x, y + 4, w, 16);
  ctx.globalAlpha = 1;
  if (look === 'used') {
    ctx.fillStyle = tones.used;
    ctx.fillRect(x, y + 15, w, 5);
  }
}

function drawPast(lanes, ctx, tones, entry, y) {
  const edge = lanes.width * PAST;
  const { looks, ticks, row } = entry;
  for (let i = looks.length - 1; i >= 0; i -= 1) {
    const to = i + 1 < looks.length ? xOf(lanes, looks[i + 1].at) : edge;
    const from = Math.max(xOf(lanes, looks[i].at), 0);
    if (to > from) drawLook(ctx, tones, looks[i].look, { x: from, y, w: Math.min(to, edge) - from });
    if (from <= 0) break;
  }
  if (row.in_progress && row.stage !== 'queued') {
    const from = Math.max(xOf(lanes, row.since_ms ?? lanes.now), 0);
    ctx.fillStyle = tones.warm;
    ctx.fillRect(from, y + 4 + 16 * (1 - row.progress), edge - from, 16 * row.progress);
  }
  for (let i = ticks.length - 1; i >= 0; i -= 1) {
    const x = xOf(lanes, ticks[i].at);
    if (x < 0) break;
    const height = Math.min(4 + 3 * Math.sqrt(ticks[i].count), 13);
    ctx.fillStyle = ticks[i].cold > 0 ? tones.cold : tones.soft;
    ctx.fillRect(x - 0.75, y + LANE_HEIGHT - 3 - height, ticks[i].cold > 0 ? 2.5 : 1.5, height);
  }
}

function drawAhead(lanes, ctx, tones, entry, y) {
  const { row, heard } = entry;
  const edge = lanes.width * PAST;
  ctx.fillStyle = tones.ours;
  for (const { from, to, share } of density(row.chances)) {
    const [x, end] = [Math.max(xOf(lanes, heard + 1000 * from), edge), Math.min(xOf(lanes, heard + 1000 * to), lanes.width)];
    if (end <= x || share < 0.004) continue;
    ctx.globalAlpha = Math.min(0.08 + 0.8 * share, 0.88);
    ctx.fillRect(x, y + 4, end - x, 16);
  }
  ctx.globalAlpha = 1;
  for (const [at, tone, up] of [[row.warm_at_ms, tones.warm, true], [row.unload_at_ms, tones.timer, false]]) {
    const x = at === null ? -1 : xOf(lanes, at);
    if (x < edge || x > lanes.width) continue;
    ctx.fillStyle = tone;
    ctx.beginPath();
    ctx.moveTo(x - 5, y + (up ? 33 : 24));
    ctx.lineTo(x + 5, y + (up ? 33 : 24));
    ctx.lineTo(x, y + (up ? 24 : 33));
    ctx.fill();
  }
  const next = row.next_ms === null ? -1 : xOf(lanes, row.next_ms);
  if (next > edge && next < lanes.width) {
    ctx.strokeStyle = tones.ink;
    ctx.lineWidth = 1.5;
    ctx.setLineDash([2, 2]);
    ctx.beginPath();
    ctx.moveTo(next, y + 2);
    ctx.lineTo(next, y + LANE_HEIGHT - 4);
    ctx.stroke();
    ctx.setLineDash([]);
  }
}

// One list of lanes. `order()` gives the ids to show; `pick(id)` is told which was chosen.
export class Lanes {
  constructor(book, order, pick) {
    Object.assign(this, { book, order, pick, spanMs: 600000, ids: [], chosen: null, asked: false, rows: [] });
    this.canvas = html('canvas', { 'aria-hidden': 'true' });
    this.list = html('div', { class: 'lane-list', role: 'listbox', tabindex: 0, id: 'lane-list', 'aria-label': 'Resources. Arrow keys choose one, Enter opens it.' });
    this.times = html('div', { class: 'lane-times', 'aria-hidden': 'true' });
    this.view = html('div', { class: 'lane-view' }, this.canvas, this.list);
    this.node = html('div', { class: 'lane-holder' }, this.times, this.view);
    this.list.addEventListener('keydown', (event) => this.key(event));
    this.view.addEventListener('scroll', () => this.ask(), { passive: true });
    this.view.addEventListener('click', (event) => this.click(event));
    new ResizeObserver(() => this.size()).observe(this.view);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.tones = null;
      this.ask();
    });
  }

  size() {
    const ratio = devicePixelRatio || 1;
    const name = Number.parseFloat(getComputedStyle(this.view).getPropertyValue('--lane-name')) || 210;
    this.nameWidth = name;
    this.width = Math.max(this.view.clientWidth - name, 60);
    this.height = this.view.clientHeight;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.times.style.marginLeft = `${name}px`;
    this.tones = null;
    this.ask();
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  // New order, new rows.
  refresh() {
    this.ids = this.order();
    this.list.style.height = `${this.ids.length * LANE_HEIGHT}px`;
    if (!this.ids.includes(this.chosen)) this.chosen = null;
    this.ask();
  }

  draw() {
    if (!this.width) return;
    const ctx = this.canvas.getContext('2d');
    const ratio = devicePixelRatio || 1;
    this.tones ??= palette(ctx);
    this.now = this.book.now();
    const top = this.view.scrollTop;
    const first = Math.max(Math.floor(top / LANE_HEIGHT), 0);
    const last = Math.min(Math.ceil((top + this.height) / LANE_HEIGHT), this.ids.length);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    for (let i = first; i < last; i += 1) {
      const entry = this.book.rows.get(this.ids[i]);
      const y = i * LANE_HEIGHT - top;
      if (this.ids[i] === this.chosen) {
        ctx.fillStyle = this.tones.faint;
        ctx.fillRect(0, y, this.width, LANE_HEIGHT);
      }
      if (!entry) continue;
      drawPast(this, ctx, this.tones, entry, y);
      drawAhead(this, ctx, this.tones, entry, y);
    }
    ctx.fillStyle = this.tones.ink;
    ctx.fillRect(this.width * PAST - 0.5, 0, 1, this.height);
    this.drawNames(first, last);
    this.drawTimes();
  }

  drawNames(first, last) {
    while (this.rows.length < last - first) {
      const row = html('div', { class: 'lane-row', role: 'option' }, html('b', { class: 'name' }), html('span', {}));
      this.rows.push(row);
      this.list.append(row);
    }
    this.rows.forEach((row, i) => {
      const id = this.ids[first + i];
      const entry = first + i < last ? this.book.rows.get(id) : undefined;
      row.hidden = !entry;
      if (entry) this.fillName(row, id, entry.row, first + i);
    });
    const chosen = this.rows.find((row) => !row.hidden && row.dataset.id === this.chosen);
    if (chosen) this.list.setAttribute('aria-activedescendant', chosen.id);
    else this.list.removeAttribute('aria-activedescendant');
  }

  fillName(row, id, data, at) {
    const words = stateWords(data, this.now);
    const text = `${words}${data.held > 0 ? `, ${data.held} waiting` : ''}${data.pinned ? ', pinned' : ''}`;
    const key = `${id}\n${text}\n${at}\n${id === this.chosen}\n${data.pinned}`;
    if (row.shown === key) return;
    row.shown = key;
    row.id = `lane-${at}`;
    row.dataset.id = id;
    row.dataset.state = data.state;
    row.style.top = `${at * LANE_HEIGHT}px`;
    row.setAttribute('aria-selected', String(id === this.chosen));
    row.setAttribute('aria-posinset', String(at + 1));
    row.setAttribute('aria-setsize', String(this.ids.length));
    row.setAttribute('aria-label', `${id}: ${text}; ${aheadWords(data, this.now)}`);
    row.firstChild.textContent = id;
    row.firstChild.title = id;
    row.lastChild.textContent = text;
    row.lastChild.className = `look-${lookOf(data)}`;
  }

  drawTimes() {
    const key = `${this.width} ${this.spanMs}`;
    if (this.timesShown === key) return;
    this.timesShown = key;
    const marks = (this.width < 420 ? [-0.5, 0, 0.35] : [-0.75, -0.5, -0.25, 0, 0.2, 0.4]).map((share) => {
      const text = share === 0 ? 'now' : `${share > 0 ? '+' : '−'}${duration(Math.abs((share * this.spanMs) / 1000))}`;
      const mark = html('span', { class: share === 0 ? 'at-now' : null }, text);
      mark.style.left = `${this.width * PAST * (1 + share)}px`;
      return mark;
    });
    this.times.replaceChildren(...marks);
  }

  // ---- choosing

  choose(at) {
    const i = Math.min(Math.max(at, 0), this.ids.length - 1);
    if (i < 0) return;
    this.chosen = this.ids[i];
    const top = i * LANE_HEIGHT;
    if (top < this.view.scrollTop) this.view.scrollTop = top;
    else if (top + LANE_HEIGHT > this.view.scrollTop + this.height) this.view.scrollTop = top + LANE_HEIGHT - this.height;
    this.draw();
  }

  key(event) {
    const at = this.ids.indexOf(this.chosen);
    const page = Math.max(Math.floor(this.height / LANE_HEIGHT) - 1, 1);
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: this.ids.length - 1 };
    if (event.key in moves) this.choose(moves[event.key]);
    else if ((event.key === 'Enter' || event.key === ' ') && this.chosen !== null) this.pick(this.chosen);
    else return;
    event.preventDefault();
  }

  click(event) {
    const box = this.view.getBoundingClientRect();
    const i = Math.floor((event.clientY - box.top + this.view.scrollTop) / LANE_HEIGHT);
    if (i < 0 || i >= this.ids.length) return;
    this.choose(i);
    this.pick(this.ids[i]);
  }
}
