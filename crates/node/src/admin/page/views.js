// Scripts, the slow log, clients, the configuration and the cluster: tables.

import { NONE, Rates, about, bytes, count, micros, percent, seconds, time } from './format.js';
import { Table, badge, bar, element, say } from './table.js';

const at = (id) => document.getElementById(id);
const rates = new Rates();
let allTime = 1;

const timeOf = (row, value) => (row.calls ? micros(value) : NONE);

const REASONS = {
  error: 'error', error_reply: 'error reply', gave_up: 'gave up', kill: 'killed',
  timeout: 'time-out', memory: 'memory', undo: 'undo limit', reply: 'reply limit',
};

const scripts = new Table(at('scripts'), [
  { title: 'Script', wide: true, fill: showScript, head: true, value: (row) => row.name },
  {
    title: 'Part of all time',
    number: true,
    value: (row) => row.total_us,
    fill: (cell, row) => bar(cell, row.total_us / allTime, percent(row.total_us / allTime)),
  },
  { title: 'Time', number: true, value: (row) => row.total_us, text: (row) => timeOf(row, row.total_us) },
  { title: 'Calls', number: true, value: (row) => row.calls, text: (row) => count(row.calls) },
  { title: 'Calls/s', number: true, value: (row) => row.rate, text: (row) => about(row.rate) },
  { title: 'p50', number: true, value: (row) => row.p50_us, text: (row) => timeOf(row, row.p50_us) },
  { title: 'p99', number: true, value: (row) => row.p99_us, text: (row) => timeOf(row, row.p99_us) },
  { title: 'Longest', number: true, value: (row) => row.max_us, text: (row) => timeOf(row, row.max_us) },
  {
    title: 'redis.call',
    number: true,
    value: (row) => row.redis_calls,
    text: (row) => count(row.redis_calls),
  },
  { title: 'Rolled back', value: (row) => row.rolled_back, fill: showReasons },
], {
  caption: 'Scripts and functions by cost',
  quiet: true,
  key: (row) => row.name,
  sort: [1, true],
  empty: 'No script has been called.',
});

function showScript(cell, row) {
  if (!cell.firstElementChild) {
    cell.append(element('details', {}, element('summary', { class: 'mono' }), element('pre')),
      element('span', { class: 'sub error' }));
  }
  const [summary, text] = cell.firstElementChild.children;
  const lines = (row.text ?? '').split('\n').map((line) => line.trim());
  const named = lines.find((line) => line !== '' && !line.startsWith('#!')) ?? '';
  say(summary, row.text ? `${row.name.slice(0, 10)}…  ${named.slice(0, 60)}` : row.name);
  const error = row.last_error ? `\n\nLast error: ${row.last_error}` : '';
  say(text, `${row.name}\n\n${row.text ?? ''}${error}`);
  say(cell.lastElementChild, row.last_error);
}

function showReasons(cell, row) {
  const reasons = Object.entries(row.rolled_back_for).filter(([, times]) => times > 0);
  if (reasons.length === 0) {
    say(cell, row.rolled_back ? count(row.rolled_back) : NONE);
    return;
  }
  if (!cell.querySelector('.chips')) cell.replaceChildren(element('div', { class: 'chips' }));
  const chips = cell.firstElementChild;
  while (chips.children.length > reasons.length) chips.lastElementChild.remove();
  reasons.forEach(([reason, times], place) => {
    if (!chips.children[place]) chips.append(element('span'));
    const chip = chips.children[place];
    const hard = ['timeout', 'kill', 'memory', 'undo', 'reply'].includes(reason);
    chip.className = `badge ${hard ? 'bad' : 'warn'}`;
    say(chip, `${REASONS[reason] ?? reason} ${count(times)}`);
  });
}

export function showScripts(data) {
  allTime = data.scripts.reduce((sum, row) => sum + row.total_us, 0) || 1;
  scripts.update(data.scripts.map((row) =>
    ({ ...row, rate: rates.note(`script ${row.name}`, row.calls, data.now_ms) })));
  const parts = [`${count(data.known)} known`];
  if (data.known > data.scripts.length) parts.push(`the costliest ${data.scripts.length} are shown`);
  if (data.old_shards.length) {
    parts.push(`last figures of busy shards ${data.old_shards.join(', ')}`);
  }
  say(at('scripts-note'), parts.join('; '));
}

const slowLog = new Table(at('slowlog'), [
  { title: 'Time', value: (row) => row.id, text: (row) => time(row.time), head: true },
  { title: 'Took', number: true, value: (row) => row.micros, text: (row) => micros(row.micros) },
  { title: 'Request', wide: true, mono: true, text: (row) => row.command.join(' ') },
  { title: 'Client', value: (row) => row.address, text: (row) => row.address },
  { title: 'Name', value: (row) => row.name, text: (row) => row.name },
], {
  caption: 'Slow log',
  quiet: true,
  key: (row) => row.id,
  sort: [0, true],
  empty: 'No request has been slow.',
});

export function showSlowLog(data) {
  slowLog.update(data.entries);
  say(at('slowlog-note'), data.threshold_us < 0
    ? 'Nothing is logged (slowlog-log-slower-than -1).'
    : `${count(data.count)} requests that took ${micros(data.threshold_us)} or longer `
      + '(slowlog-log-slower-than)');
}

const clients = new Table(at('clients'), [
  { title: 'Id', number: true, value: (row) => row.id, text: (row) => row.id, head: true },
  { title: 'Address', value: (row) => row.address, text: (row) => row.address },
  { title: 'Name', value: (row) => row.name, text: (row) => row.name },
  { title: 'User', value: (row) => row.user, text: (row) => row.user },
  { title: 'Library', value: (row) => row.library, text: (row) => row.library },
  { title: 'Shard', number: true, value: (row) => row.shard, text: (row) => row.shard },
  { title: 'Flags', value: (row) => row.flags, text: (row) => row.flags },
  { title: 'Last command', value: (row) => row.command, text: (row) => row.command },
  {
    title: 'Requests/s',
    number: true,
    value: (row) => row.rate,
    text: (row) => about(row.rate),
  },
  { title: 'Memory', number: true, value: (row) => row.memory, text: (row) => bytes(row.memory) },
  { title: 'Read', number: true, value: (row) => row.bytes_in, text: (row) => bytes(row.bytes_in) },
  {
    title: 'Written',
    number: true,
    value: (row) => row.bytes_out,
    text: (row) => bytes(row.bytes_out),
  },
  { title: 'Age', number: true, value: (row) => row.age_s, text: (row) => seconds(row.age_s) },
  { title: 'Idle', number: true, value: (row) => row.idle_s, text: (row) => seconds(row.idle_s) },
], { caption: 'Clients', quiet: true, key: (row) => row.id, sort: [0, false], empty: 'None.' });

let lastClients = null;

export function showClients(data) {
  lastClients = data;
  const wanted = at('clients-filter').value.toLowerCase();
  const now = performance.now();
  const rows = data.clients.map((row) =>
    ({ ...row, rate: rates.note(`client ${row.id}`, row.commands, now) }));
  const matches = (row) =>
    [row.address, row.name, row.user, row.library, row.command, String(row.id)]
      .some((text) => text.toLowerCase().includes(wanted));
  const shown = rows.filter(matches);
  clients.update(shown);
  say(at('clients-note'), `${count(shown.length)} of ${count(data.count)}`);
}

const parameters = new Table(at('config'), [
  { title: 'Parameter', mono: true, head: true, value: (row) => row.name, text: (row) => row.name },
  { title: 'Value', wide: true, mono: true, text: (row) => row.value || '""' },
  { title: 'Default', wide: true, mono: true, text: (row) => row.default || '""' },
  { title: '', value: (row) => Number(row.is_default), fill: showDifference },
], {
  caption: 'Parameters of CONFIG GET',
  quiet: true,
  key: (row) => row.name,
  sort: [0, false],
  empty: 'No parameter is like that.',
});

function showDifference(cell, row) {
  if (row.is_default) cell.replaceChildren();
  else badge(cell, 'differs', 'warn');
}

let lastConfig = null;

export function showConfig(data) {
  lastConfig = data;
  const wanted = at('config-filter').value.toLowerCase();
  const shown = data.parameters.filter((row) => row.name.includes(wanted)
    && (at('config-idle').checked || !row.has_no_effect)
    && (!at('config-changed').checked || !row.is_default));
  parameters.update(shown);
  const file = data.file ? `file ${data.file}` : 'without a file';
  say(at('config-note'), `${count(shown.length)} of ${count(data.parameters.length)}; ${file}`);
}

for (const id of ['config-filter', 'config-changed', 'config-idle']) {
  at(id).addEventListener('input', () => lastConfig && showConfig(lastConfig));
}
at('clients-filter').addEventListener('input', () => lastClients && showClients(lastClients));

const ranges = (list) => list.map(([first, last]) => `${first}–${last}`).join(', ') || NONE;
const size = (list) => list.reduce((sum, [first, last]) => sum + last - first + 1, 0);

const nodes = new Table(at('cluster'), [
  {
    title: 'Node',
    head: true,
    value: (row) => row.address,
    text: (row) => `${row.address}${row.myself ? ' (this one)' : ''}`,
  },
  { title: 'Slots', number: true, value: (row) => size(row.slots), text: (row) => count(size(row.slots)) },
  { title: 'Ranges', wide: true, text: (row) => ranges(row.slots) },
  {
    title: 'By shard',
    wide: true,
    text: (row) => row.shards.map((shard, number) => `${number}: ${ranges(shard)}`).join('; '),
  },
  { title: 'Id', mono: true, wide: true, text: (row) => row.id },
], { caption: 'Nodes of the cluster', quiet: true, key: (row) => row.id });

export function showCluster(data) {
  nodes.update(data.nodes);
  const strip = at('cluster-strip');
  while (strip.children.length < data.nodes.length) strip.append(element('i'));
  data.nodes.forEach((node, place) => {
    strip.children[place].style.setProperty('--slots', size(node.slots));
    strip.children[place].className = node.myself ? 'mine' : '';
  });
  say(at('cluster-note'), `${count(data.nodes.length)} nodes, `
    + `${count(data.slots_assigned)} of 16,384 slots are served`);
}
