// SPDX-License-Identifier: MIT
// The dashboard's link to the daemon: calls with the token, and a stream of events that begins again by itself.
// EventSource cannot send a token, so the stream is read with fetch.

const BACKOFF_MS = [300, 700, 1500, 3000, 5000];
const SILENCE_MS = 40000; // the daemon pings every 15 s

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// One event of a stream out of its lines; null for comments.
export function parseEvent(block) {
  let name = 'message';
  const data = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) name = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(5).trimStart());
  }
  return data.length > 0 ? { name, data: data.join('\n') } : null;
}

export class Link {
  constructor(token) {
    this.token = token;
  }

  headers() {
    return this.token ? { authorization: `Bearer ${this.token}` } : {};
  }

  async call(path, options = {}) {
    const answer = await fetch(path, { ...options, headers: { ...this.headers(), ...options.headers } });
    const text = await answer.text();
    let body = null;
    try {
      body = JSON.parse(text);
    } catch {
      body = null;
    }
    if (!answer.ok) throw new Refused(answer.status, body?.error?.message ?? `the daemon answered ${answer.status}`);
    return body;
  }

  // Until stop(): every event to `hear(name, data)`; what the link is doing to `tell(state, message)`.
  follow(path, hear, tell) {
    this.stop();
    const run = { over: false, abort: null };
    this.run = run;
    (async () => {
      for (let tries = 0; !run.over; tries += 1) {
        try {
          await this.read(path, run, hear, () => {
            tries = 0;
            tell('live', '');
          });
          if (!run.over) tell('waiting', 'The daemon ended the connection; trying again.');
        } catch (error) {
          if (run.over) return;
          if (error instanceof Refused && [401, 403].includes(error.status)) {
            tell('token', error.status === 403 ? 'This token may not look.' : 'This forewarm asks for its token.');
            return;
          }
          tell('waiting', 'No connection to the daemon; trying again.');
        }
        await new Promise((go) => setTimeout(go, BACKOFF_MS[Math.min(tries, BACKOFF_MS.length - 1)]));
      }
    })();
  }

  async read(path, run, hear, begun) {
    run.abort = new AbortController();
    const answer = await fetch(path, { headers: this.headers(), signal: run.abort.signal, cache: 'no-store' });
    if (!answer.ok) throw new Refused(answer.status, '');
    begun();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const timer = setTimeout(() => run.abort.abort(), SILENCE_MS);
      const { value, done } = await reader.read();
      clearTimeout(timer);
      if (done || run.over) return;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop();
      for (const event of blocks.map(parseEvent)) if (event) hear(event.name, JSON.parse(event.data));
    }
  }

  stop() {
    if (!this.run) return;
    this.run.over = true;
    this.run.abort?.abort();
  }
}

// ---- what has been heard: the latest row of each resource, and what it did since the page was opened

const KEPT_MS = 3700000;
const KEPT = 3000;

function forget(list, before) {
  let gone = 0;
  while (gone < list.length - 1 && (list[gone + 1].at < before || list.length - gone > KEPT)) gone += 1;
  if (gone > 0) list.splice(0, gone);
}

// What a lane looks like: one word for each way of drawing it.
export function lookOf(row) {
  if (row.state === 'warm') return row.in_use > 0 ? 'used' : 'warm';
  if (row.state === 'warming' || row.state === 'verifying') return 'warming';
  if (row.state === 'draining' || row.state === 'unloading') return 'leaving';
  return row.state === 'failed' ? 'failed' : row.state === 'cold' ? 'cold' : 'half';
}

export class Book {
  constructor() {
    this.rows = new Map(); // id -> {row, looks: [{at, look}], ticks: [{at, count, cold}], heard}
    this.totals = null;
    this.policy = '';
    this.offers = [];
    this.nowMs = 0;
    this.heardAt = 0;
    this.round = 0;
  }

  // The daemon's clock now.
  now() {
    return this.nowMs === 0 ? Date.now() : this.nowMs + (performance.now() - this.heardAt);
  }

  hear(event) {
    if (event.begins) this.round += 1;
    this.nowMs = event.now_ms;
    this.heardAt = performance.now();
    for (const row of event.rows) this.take(row, event.now_ms);
    if (event.ends) for (const [id, entry] of this.rows) if (entry.round !== this.round) this.rows.delete(id);
    this.totals = event.totals ?? this.totals;
    this.policy = event.policy ?? this.policy;
    this.offers = event.offers ?? this.offers;
  }

  take(row, at) {
    const entry = this.rows.get(row.id) ?? { row: null, looks: [], ticks: [] };
    const before = entry.row;
    const look = lookOf(row);
    if (before === null) {
      entry.looks.push({ at: row.since_ms ?? at, look: look === 'used' ? 'warm' : look });
      if (row.last_ms !== null) entry.ticks.push({ at: row.last_ms, count: 1, cold: 0 });
    }
    if (entry.looks[entry.looks.length - 1].look !== look) entry.looks.push({ at: look === 'used' || before?.in_use > 0 ? at : Math.max(row.since_ms ?? at, entry.looks[entry.looks.length - 1].at), look });
    const came = before === null ? 0 : row.requests - before.requests;
    if (came > 0) entry.ticks.push({ at: row.last_ms ?? at, count: came, cold: row.cold - before.cold });
    entry.row = row;
    entry.heard = at;
    entry.round = this.round;
    forget(entry.looks, at - KEPT_MS);
    forget(entry.ticks, at - KEPT_MS);
    this.rows.set(row.id, entry);
  }
}
