// SPDX-License-Identifier: MIT
// One resource, opened from its lane: how it stands, what is expected, every latest decision with its reason and its numbers,
// and what an operator may do.
import { html, number, amount, duration, percent, table } from './charts.js';
import { aheadWords, stateWords } from './lanes.js';
import { Refused } from './live.js';

const ACTIONS = [['warm', 'Warm now'], ['unload', 'Unload'], ['pin', 'Keep warm (pin)'], ['unpin', 'Let go (unpin)']];

export function bytes(value) {
  for (const [unit, size] of [['TiB', 2 ** 40], ['GiB', 2 ** 30], ['MiB', 2 ** 20]]) if (value >= size) return `${number(value / size, value / size < 10 ? 1 : 0)} ${unit}`;
  return `${number(value / 1024)} KiB`;
}

function facts(row) {
  const pairs = [['Requests', number(row.requests)], ['Met it cold', `${number(row.cold)} (${percent(row.requests > 0 ? (100 * row.cold) / row.requests : 0)})`],
    ['Waited in all', amount(row.wait_s)], ['Loaded ahead', `${number(row.hits)} used, ${number(row.unused)} not`], ['Loading takes', duration(row.load_s)], ['Memory', row.memory > 0 ? bytes(row.memory) : 'not known']];
  return html('dl', { class: 'facts' }, ...pairs.map(([name, value]) => html('div', {}, html('dt', {}, name), html('dd', {}, value))));
}

function decisionItem(decision) {
  const numbers = decision.numbers.filter((value) => value !== 0);
  return html('li', {}, html('p', { class: 'decided' }, html('b', {}, decision.action.replaceAll('_', ' ')), ` · ${decision.at.slice(0, 19).replace('T', ' ')} UTC${decision.cause !== 'none' ? ` · for ${decision.cause}` : ''}`),
    html('p', { class: 'because' }, decision.why || decision.reason.replaceAll('_', ' ')),
    html('details', {}, html('summary', {}, 'The numbers behind it'), html('p', { class: 'soft' }, `decision ${number(decision.number)}, reason ${decision.reason}${numbers.length > 0 ? `, numbers ${decision.numbers.join(', ')}` : ', no numbers'}${decision.devices ? `, devices ${decision.devices.join(', ')}` : ''}`)));
}

function signalTable(signals) {
  if (signals.length === 0) return null;
  const rows = signals.map((signal) => [signal.signal + (signal.source ? ` (${signal.source})` : ''), signal.gaps === undefined ? `${number(signal.came_true)} of ${number(signal.of)} came true` : `${number(signal.gaps)} gaps`,
    `${number(signal.saved_s ?? signal.earned_s ?? 0)} s`, signal.acts ? 'acts' : 'only watches', signal.followed ? 'followed' : '']);
  return table({ caption: 'What the plan listens to besides its gaps', rows, columns: [{ name: 'Signal' }, { name: 'Judged by' }, { name: 'Would have saved', num: true }, { name: 'Now' }, { name: '' }] });
}

export class ResourcePanel {
  // `link()` gives the link to the daemon; `refused(error)` is told when it wants a token.
  constructor(book, link, refused) {
    Object.assign(this, { book, link, refused, id: null });
    this.title = html('h2', { id: 'resource-title', class: 'name', tabindex: -1 });
    this.state = html('p', { id: 'resource-state' });
    this.body = html('div', {});
    this.why = html('div', { id: 'why' });
    this.said = html('p', { role: 'status', class: 'said' });
    this.buttons = ACTIONS.map(([verb, name]) => {
      const button = html('button', { type: 'button', 'data-verb': verb }, name);
      button.addEventListener('click', () => this.act(verb, name));
      return button;
    });
    const close = html('button', { type: 'button', class: 'close', 'aria-label': 'Close' }, '×');
    close.addEventListener('click', () => this.node.close());
    this.node = html('dialog', { id: 'resource', 'aria-labelledby': 'resource-title' }, html('div', { class: 'sheet' }, close, this.title, this.state, html('div', { class: 'actions' }, ...this.buttons), this.said, this.body, this.why));
    this.node.addEventListener('close', () => {
      this.id = null;
      this.after?.();
    });
    this.node.addEventListener('click', (event) => {
      if (event.target === this.node) this.node.close();
    });
  }

  open(id, after) {
    Object.assign(this, { id, after });
    this.said.textContent = '';
    this.why.replaceChildren(html('p', { class: 'soft' }, 'Asking for the reasons …'));
    this.title.textContent = id;
    this.update();
    this.node.showModal();
    this.title.focus();
    this.look();
  }

  // With what has been heard since.
  update() {
    const entry = this.id === null ? undefined : this.book.rows.get(this.id);
    if (!entry) return;
    const now = this.book.now();
    const { row } = entry;
    this.state.textContent = `${stateWords(row, now)}${row.in_use > 0 ? `, ${number(row.in_use)} running` : ''}${row.held > 0 ? `, ${number(row.held)} waiting` : ''}${row.pinned ? ', pinned' : ''}; ${aheadWords(row, now)}.`;
    const shown = `${row.requests} ${row.cold} ${row.hits} ${row.unused} ${row.wait_s}`;
    if (this.shown !== `${this.id} ${shown}`) this.body.replaceChildren(facts(row));
    if (this.seen !== undefined && this.seen !== `${this.id} ${row.state} ${row.pinned}`) this.look();
    this.shown = `${this.id} ${shown}`;
    this.seen = `${this.id} ${row.state} ${row.pinned}`;
    for (const button of this.buttons) button.hidden = button.dataset.verb === (row.pinned ? 'pin' : 'unpin');
  }

  async look() {
    const { id } = this;
    if (id === null) return;
    try {
      const found = await this.link().call(`/v1/resources/${encodeURIComponent(id)}/why`);
      if (this.id !== id) return;
      const list = found.decisions.length > 0 ? html('ol', { class: 'decisions' }, ...found.decisions.map(decisionItem)) : html('p', {}, 'Nothing has been decided about it yet.');
      this.why.replaceChildren(html('h3', {}, 'Why it is as it is'), html('p', { class: 'soft' }, `Latest first; the policy is ${found.policy}.`), list, ...[signalTable(found.signals)].filter(Boolean));
    } catch (error) {
      this.why.replaceChildren(html('p', { class: 'bad' }, `The reasons cannot be shown: ${error.message}`));
      if (error instanceof Refused) this.refused(error);
    }
  }

  async act(verb, name) {
    this.said.textContent = `${name} …`;
    try {
      await this.link().call(`/v1/resources/${encodeURIComponent(this.id)}/${verb}`, { method: 'POST' });
      this.said.textContent = `${name}: asked for.`;
      this.look();
    } catch (error) {
      this.said.textContent = `${name}: refused: ${error.message}`;
      if (error instanceof Refused && error.status === 401) this.refused(error);
    }
  }
}
