// SPDX-License-Identifier: MIT
// The dashboard at the control port: puts lanes and panels together, follows the daemon, keeps the token for this tab.
import { html, svg, number, key, choice } from './charts.js';
import { Book, Link, lookOf } from './live.js';
import { LANE_HEIGHT, Lanes, stateWords, aheadWords } from './lanes.js';
import { ResourcePanel } from './resource.js';
import { AskedPanels, MemoryBar, NextPanel, Tiles } from './panels.js';

const TABLE_ROWS = 100;
const SPANS = [['2 min', 120000], ['10 min', 600000], ['1 h', 3600000]];
const SORTS = { activity: 'Latest request', next: 'Expected next', name: 'Name', memory: 'Memory' };
const STATES = { all: 'All', warm: 'Warm', warming: 'Warming', cold: 'Cold', failed: 'Failed' };
const LOOKS_OF = { warm: ['warm', 'used', 'half'], warming: ['warming'], cold: ['cold', 'leaving'], failed: ['failed'] };
const BUSY = { used: 3, warming: 2, failed: 2, leaving: 1, warm: 1, half: 1, cold: 0 };

function byName(a, b) {
  return a.id < b.id ? -1 : 1;
}

const ORDERS = {
  activity: (a, b) => (b.last_ms ?? 0) - (a.last_ms ?? 0) || BUSY[lookOf(b)] - BUSY[lookOf(a)] || byName(a, b),
  next: (a, b) => b.chances[5] - a.chances[5] || byName(a, b),
  memory: (a, b) => b.memory - a.memory || byName(a, b),
  name: byName,
};

class Dashboard {
  constructor() {
    this.book = new Book();
    this.link = new Link(sessionStorage.getItem('forewarm token') ?? '');
    Object.assign(this, { filter: '', state: 'all', sort: 'activity', sorted: 0, dirty: true });
    this.lanes = new Lanes(this.book, () => this.order(), (id) => this.open(id));
    this.resource = new ResourcePanel(this.book, () => this.link, () => this.askToken('This call needs a token that may do it.'));
    [this.tiles, this.memory, this.next, this.asked] = [new Tiles(), new MemoryBar(), new NextPanel((id) => this.open(id)), new AskedPanels(() => this.link)];
  }

  order() {
    const wanted = LOOKS_OF[this.state];
    const text = this.filter.toLowerCase();
    return [...this.book.rows.values()].map(({ row }) => row).filter((row) => (text === '' || row.id.toLowerCase().includes(text)) && (!wanted || wanted.includes(lookOf(row))))
      .sort(ORDERS[this.sort]).map((row) => row.id);
  }

  open(id) {
    const back = document.activeElement;
    this.resource.open(id, () => back?.focus());
  }

  // ---- the page

  controls() {
    const search = html('input', { type: 'search', id: 'filter', placeholder: 'Filter by name', 'aria-label': 'Filter resources by name', autocomplete: 'off' });
    search.addEventListener('input', () => this.change({ filter: search.value }));
    const select = (id, label, texts) => {
      const node = html('select', { id, 'aria-label': label }, ...Object.entries(texts).map(([value, text]) => html('option', { value }, text)));
      node.addEventListener('change', () => this.change({ [id]: node.value }));
      return node;
    };
    const spans = choice('How far back to look', 'span', SPANS.map((span) => span[0]), (i) => this.change({ span: i }));
    spans.querySelectorAll('input')[1].checked = true;
    return html('div', { class: 'controls' }, search, select('state', 'Which states', STATES), select('sort', 'Sorted by', SORTS), spans);
  }

  change(changed) {
    if (changed.span !== undefined) this.lanes.spanMs = SPANS[changed.span][1];
    else Object.assign(this, changed);
    this.reorder();
    this.fillTable();
  }

  keys() {
    const box = (kind, more) => svg('rect', { class: `lane-key ${kind}`, x: 1, y: 1, width: 20, height: 12, ...more });
    return html('ul', { class: 'keys' }, key(box('look-warm'), 'warm'), key(svg('g', {}, box('look-warm'), svg('rect', { class: 'lane-key in-use', x: 1, y: 9, width: 20, height: 4 })), 'in use'),
      key(svg('path', { class: 'lane-key hatch', d: 'M1 13L13 1M5 13L17 1M9 13L21 1' }), 'warming'), key(svg('path', { class: 'lane-key thin', d: 'M1 7H21' }), 'cold'),
      key(svg('path', { class: 'lane-key tick', d: 'M4 13V6M10 13V8M16 13V4' }), 'requests'), key(svg('path', { class: 'lane-key tick-cold', d: 'M4 13V4M10 13V6' }), 'met it cold'),
      key(box('ahead'), 'expected: the darker, the likelier'), key(svg('path', { class: 'lane-key next', d: 'M11 1V13' }), 'next'), key(svg('path', { class: 'lane-key look-warm', d: 'M6 12h10l-5 -10z' }), 'will be warmed'), key(svg('path', { class: 'lane-key let-go', d: 'M6 2h10l-5 10z' }), 'will be let go'));
  }

  tableView() {
    this.rowsShown = html('tbody', {});
    this.tableNote = html('p', { class: 'soft' });
    const names = ['Resource', 'State', 'Running', 'Waiting', 'Requests', 'Met it cold', 'Expected', ''];
    this.tableNode = html('details', { id: 'table' }, html('summary', {}, 'The same as a table'), this.tableNote, html('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Resources as a table' },
      html('table', {}, html('thead', {}, html('tr', {}, ...names.map((name, i) => html('th', { scope: 'col', class: i > 1 && i < 6 ? 'num' : null }, name || html('span', { class: 'unseen' }, 'Open'))))), this.rowsShown)));
    this.tableNode.addEventListener('toggle', () => this.fillTable());
    this.rowsShown.addEventListener('click', (event) => {
      const button = event.target.closest('button');
      if (button) this.open(button.dataset.id);
    });
    return this.tableNode;
  }

  fillTable() {
    if (!this.tableNode.open || this.rowsShown.contains(document.activeElement)) return;
    const ids = this.order();
    const now = this.book.now();
    this.tableNote.textContent = ids.length > TABLE_ROWS ? `The first ${TABLE_ROWS} of ${number(ids.length)}, in the order chosen above; the filter finds the others.` : `${number(ids.length)} resources.`;
    this.rowsShown.replaceChildren(...ids.slice(0, TABLE_ROWS).map((id) => {
      const { row } = this.book.rows.get(id);
      const cells = [stateWords(row, now), row.in_use, row.held, row.requests, row.cold, aheadWords(row, now)];
      return html('tr', {}, html('th', { scope: 'row', class: 'name' }, id), ...cells.map((cell, i) => html('td', { class: i > 0 && i < 5 ? 'num' : null }, typeof cell === 'number' ? number(cell) : cell)),
        html('td', {}, html('button', { type: 'button', 'data-id': id, 'aria-label': `Open ${id}` }, 'Open')));
    }));
  }

  build() {
    this.pill = html('span', { class: 'pill', role: 'status', id: 'link' }, 'connecting');
    this.about = html('span', { class: 'soft' });
    this.tokenButton = html('button', { type: 'button' }, this.link.token ? 'Change token' : 'Token');
    this.tokenButton.addEventListener('click', () => this.askToken(''));
    const header = html('header', { class: 'top' }, html('h1', {}, 'forewarm'), this.pill, this.about, html('span', { class: 'grow' }), this.tokenButton);
    this.count = html('p', { class: 'soft', id: 'count' });
    const lanes = html('section', { class: 'panel wide', 'aria-labelledby': 'h-lanes' }, html('div', { class: 'bar' }, html('h2', { id: 'h-lanes' }, 'Resources'), this.controls()), this.count, this.keys(), this.lanes.node, this.tableView());
    document.getElementById('page').append(header, this.tiles.node, html('div', { class: 'columns' }, html('div', { class: 'side' }, lanes, this.asked.node), html('div', { class: 'side' }, this.memory.node, this.next.node)), this.resource.node, this.tokenDialog());
  }

  tokenDialog() {
    this.tokenSaid = html('p', {});
    const field = html('input', { type: 'password', id: 'token', autocomplete: 'off', 'aria-label': 'Token' });
    const form = html('form', { method: 'dialog' }, html('h2', { id: 'token-title' }, 'Token'), this.tokenSaid, field, html('p', { class: 'soft' }, 'It is kept for this tab only, and goes to this daemon only.'),
      html('div', { class: 'actions' }, html('button', { value: 'use' }, 'Use it'), html('button', { value: 'none', type: 'button' }, 'Cancel')));
    this.tokenBox = html('dialog', { id: 'token-box', 'aria-labelledby': 'token-title' }, form);
    form.querySelector('[value=none]').addEventListener('click', () => this.tokenBox.close());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.tokenBox.close();
      this.link.token = field.value;
      if (field.value) sessionStorage.setItem('forewarm token', field.value);
      else sessionStorage.removeItem('forewarm token');
      field.value = '';
      this.start();
    });
    return this.tokenBox;
  }

  askToken(why) {
    this.tokenSaid.textContent = why;
    if (!this.tokenBox.open) this.tokenBox.showModal();
  }

  // ---- living

  start() {
    this.link.follow('/v1/live', (name, event) => this.hear(event), (state, message) => this.tell(state, message));
  }

  tell(state, message) {
    this.pill.textContent = { live: 'live', waiting: 'reconnecting', token: 'token needed' }[state];
    this.pill.className = `pill ${state}`;
    this.about.textContent = message || (this.book.policy ? `policy ${this.book.policy}` : '');
    if (state === 'token') this.askToken(message);
  }

  hear(event) {
    const first = this.book.rows.size === 0;
    this.book.hear(event);
    this.dirty = true;
    if (first || event.ends) this.reorder();
    if (event.ends) this.lookAround();
  }

  reorder() {
    this.lanes.refresh();
    this.lanes.view.style.height = `min(58vh, ${Math.max(this.lanes.ids.length, 3) * LANE_HEIGHT + 2}px)`;
    this.sorted = performance.now();
    this.count.textContent = this.lanes.ids.length === this.book.rows.size ? `${number(this.book.rows.size)} resource${this.book.rows.size === 1 ? '' : 's'}` : `${number(this.lanes.ids.length)} of ${number(this.book.rows.size)} resources`;
    if (this.book.rows.size === 0) this.count.textContent = 'There are no resources in the configuration.';
  }

  // Lanes move with the clock; the order of lanes changes seldom, and never under the pointer or the keys.
  beat() {
    if (document.visibilityState !== 'visible') return;
    this.lanes.ask();
    if (!this.dirty || this.book.totals === null) return;
    this.dirty = false;
    const busy = this.lanes.view.matches(':hover') || this.lanes.list === document.activeElement;
    if (performance.now() - this.sorted > (busy ? 30000 : 3000)) this.reorder();
    this.tiles.update(this.book.totals);
    this.memory.update(this.book);
    this.next.update(this.book);
    this.resource.update();
    if (this.pill.className === 'pill live') this.about.textContent = `policy ${this.book.policy}`;
  }

  async lookAround() {
    try {
      this.next.showSessions(await this.link.call('/v1/sessions'));
    } catch (error) {
      this.next.sessions.replaceChildren(html('p', { class: 'soft' }, `Sessions are not to be had now: ${error.message}`));
    }
    await this.asked.look(this.book.offers);
  }

  run() {
    this.build();
    this.start();
    setInterval(() => this.beat(), 100);
    setInterval(() => document.visibilityState === 'visible' && this.fillTable(), 2000);
    setInterval(() => document.visibilityState === 'visible' && this.pill.className === 'pill live' && this.lookAround(), 10000);
  }
}

if (typeof document !== 'undefined') new Dashboard().run();
