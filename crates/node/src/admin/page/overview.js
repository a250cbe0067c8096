// The node at a glance.

import { NONE, Rates, about, bytes, count, micros, percent, seconds, time } from './format.js';
import { Table, badge, bar, element, facts, say } from './table.js';

const SAMPLES = 60;
const rates = new Rates();
const history = new Map();
const tiles = new Map();
const at = (id) => document.getElementById(id);

const STATES = {
  serving: ['serving', 'good'],
  script: ['in a script', 'warn'],
  busy: ['answers BUSY', 'bad'],
  loading: ['loading', 'warn'],
  'no answer': ['no answer', 'bad'],
};

let busiest = 1;

const shards = new Table(at('shards'), [
  { title: 'Shard', value: (row) => row.shard, text: (row) => row.shard, head: true },
  {
    title: 'State',
    value: (row) => row.state,
    fill: (cell, row) => badge(cell, ...(STATES[row.state] ?? [row.state, 'warn'])),
  },
  {
    title: 'Requests/s',
    number: true,
    value: (row) => row.rate,
    fill: (cell, row) => bar(cell, row.rate / busiest, about(row.rate)),
  },
  {
    title: 'Processor',
    number: true,
    value: (row) => row.busy,
    fill: (cell, row) => bar(cell, row.busy, percent(row.busy), row.busy > 0.85),
  },
  { title: 'Keys', number: true, value: (row) => row.keys, text: (row) => count(row.keys) },
  { title: 'Clients', number: true, value: (row) => row.clients, text: (row) => count(row.clients) },
  { title: 'VM', number: true, value: (row) => row.vm_bytes, text: (row) => bytes(row.vm_bytes) },
  {
    title: 'Answers in',
    number: true,
    value: (row) => row.answer_us,
    text: (row) => (row.old ? `> ${micros(row.answer_us)}` : micros(row.answer_us)),
  },
  {
    title: 'Waiting',
    number: true,
    value: (row) => row.queue,
    text: (row) => count(row.queue),
  },
  { title: 'Slots', text: (row) => (row.slots ? row.slots.join('–') : NONE) },
  { title: 'Runs', wide: true, fill: showScript },
], { caption: 'Shards', quiet: true, key: (row) => row.shard, sort: [0, false] });

function showScript(cell, row) {
  if (!row.script) {
    const age = row.old ? `figures are ${seconds(row.age_ms / 1000)} old` : '';
    say(cell, age);
    return;
  }
  const { kind, name, age_ms: age, command } = row.script;
  if (cell.children.length !== 2) {
    cell.replaceChildren(element('span'), element('span', { class: 'sub mono' }));
  }
  say(cell.children[0], `${kind} ${name ?? ''} for ${seconds(age / 1000)}`
    + `${row.old ? `, figures are ${seconds(row.age_ms / 1000)} old` : ''}`);
  say(cell.children[1], (command ?? []).join(' ').slice(0, 120));
}

const threads = new Table(at('threads'), [
  { title: 'Thread', value: (row) => row.name, text: (row) => row.name, head: true },
  {
    title: 'Processor',
    number: true,
    value: (row) => row.busy,
    fill: (cell, row) => bar(cell, row.busy, percent(row.busy), row.busy > 0.85),
  },
], {
  caption: 'Processor time by thread',
  quiet: true,
  key: (row) => row.name,
  sort: [1, true],
  empty: 'The system does not say.',
});

/** A figure with its course. */
function tile(name, value, text, more, alarm = false) {
  let made = tiles.get(name);
  if (!made) {
    made = element('div', { class: 'tile' }, element('p', { class: 'name' }, name),
      element('p', { class: 'value' }), element('p', { class: 'more' }));
    tiles.set(name, made);
    history.set(name, []);
    at('tiles').append(made);
  }
  say(made.children[1], text(value));
  say(made.children[2], more);
  made.classList.toggle('alarm', alarm);
  const course = history.get(name);
  if (value !== null && !Number.isNaN(value)) course.push(value);
  if (course.length > SAMPLES) course.shift();
  draw(made, course);
}

const SVG = 'http://www.w3.org/2000/svg';

function draw(made, values) {
  let svg = made.querySelector('svg');
  if (!svg) {
    svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', '0 0 100 100');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('class', 'spark');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(document.createElementNS(SVG, 'path'), document.createElementNS(SVG, 'polyline'));
    made.append(svg);
  }
  const most = (Math.max(...values) || 1) * 1.15;
  const step = 100 / (SAMPLES - 1);
  const left = 100 - step * (values.length - 1);
  const points = values.map((value, place) =>
    `${(left + place * step).toFixed(2)},${(100 - (value / most) * 100).toFixed(2)}`);
  svg.lastChild.setAttribute('points', points.join(' '));
  const area = points.length ? `M${left},100 L${points.join(' L')} L100,100 Z` : '';
  svg.firstChild.setAttribute('d', area);
}

export function showOverview(data) {
  showShards(data);
  showTiles(data);
  showMemory(data.memory);
  showDurability(data);
  threads.update(Object.entries(data.threads).map(([name, nanos]) => {
    const rate = rates.note(`thread ${name}`, nanos, data.now_ms);
    return { name, busy: rate === null ? null : rate / 1e9 };
  }));
}

function showShards(data) {
  const rows = data.shards.map((shard) => {
    const rate = rates.note(`commands ${shard.shard}`, shard.commands, shard.at_ms);
    const nanos = shard.cpu_nanos ?? shard.command_nanos;
    const busy = rates.note(`busy ${shard.shard}`, nanos, data.now_ms);
    return {
      ...shard,
      rate: shard.old ? null : rate,
      busy: busy === null ? null : busy / 1e9,
      age_ms: data.now_ms - shard.at_ms,
    };
  });
  busiest = Math.max(1, ...rows.map((row) => row.rate ?? 0));
  shards.update(rows);
}

function showTiles(data) {
  const { totals, memory, scripts } = data;
  const note = (name, value) => rates.note(name, value, data.now_ms);
  tile('Requests/s', totals.per_second, about, `${about(totals.commands)} in all`);
  const part = memory.limit ? `${percent(memory.used / memory.limit)} of ${bytes(memory.limit)}`
    : `peak ${bytes(memory.peak)}`;
  tile('Memory', memory.used, bytes, memory.is_full ? `full: ${memory.policy}` : part,
    memory.is_full);
  tile('Keys', totals.keys, about, `${about(totals.expiring)} expire`);
  tile('Clients', totals.clients, count,
    `${count(totals.blocked)} wait, ${count(totals.refused)} refused`,
    totals.clients >= totals.clients_max);
  const hits = note('hits', totals.hits);
  const reads = hits + note('misses', totals.misses);
  tile('Keys found', reads > 0 ? hits / reads : null, percent, `of ${about(reads)} reads/s`);
  const undone = Object.values(scripts.rolled_back).reduce((sum, value) => sum + value, 0);
  tile('Scripts/s', note('runs', scripts.runs), about,
    `${about(note('undone', undone))}/s rolled back`);
  tile('Errors/s', note('errors', totals.errors), about, `${about(totals.errors)} in all`);
  tile('Sent/s', note('out', totals.bytes_out), bytes,
    `received ${bytes(note('in', totals.bytes_in))}/s`);
}

function showMemory(memory) {
  const whole = memory.limit || Math.max(memory.peak, memory.resident);
  const parts = [memory.used - memory.clients - memory.vms, memory.vms, memory.clients];
  const stack = at('memory-bar');
  while (stack.children.length < parts.length) stack.append(element('i'));
  parts.forEach((part, place) => {
    stack.children[place].style.setProperty('--part', `${(Math.max(0, part) / whole) * 100}%`);
  });
  facts(at('memory'), [
    ['In use', bytes(memory.used)],
    ['of that, Lua VMs', bytes(memory.vms)],
    ['of that, texts of scripts', bytes(memory.scripts)],
    ['of that, clients', bytes(memory.clients)],
    ['Peak', bytes(memory.peak)],
    ['Resident', bytes(memory.resident)],
    ['At start', bytes(memory.at_start)],
    ['Limit (maxmemory)', memory.limit ? bytes(memory.limit) : 'none'],
    ['Policy', memory.policy, memory.is_full ? 'bad' : ''],
    ['Machine', bytes(memory.machine)],
    ['Large values being freed', count(memory.garbage)],
  ]);
}

function showDurability({ log, snapshots, shards: rows, now_ms: now }) {
  const lag = rows.reduce((sum, row) => sum + (row.log_lag ?? 0), 0);
  const logged = log.durability !== 'none';
  const running = snapshots.running_ms === null ? null
    : `running for ${seconds(snapshots.running_ms / 1000)}`;
  facts(at('durability'), [
    ['Durability', log.durability],
    ...(logged ? [
      ['Log', log.is_full ? 'the disk is full' : 'is written', log.is_full ? 'bad' : ''],
      ['Size of the log', bytes(log.size)],
      ['since the last snapshot', bytes(Math.max(0, log.size - log.base_size))],
      ['Entries not on the disk yet', count(lag)],
      ['Syncs/s', about(rates.note('syncs', log.syncs, now))],
      ['Last sync took', micros(log.last_sync_us)],
    ] : []),
    ['Last snapshot', running ?? time(snapshots.last)],
    ['took', snapshots.took_ms === null ? NONE : micros(snapshots.took_ms * 1000)],
    ['Size', snapshots.size ? bytes(snapshots.size) : NONE],
    ['Changes since', count(snapshots.changes_since)],
    ...(snapshots.failure ? [['Last failure', snapshots.failure, 'bad']] : []),
  ]);
}
