// The slots as a heat map.

import { about, bytes, count, micros, seconds } from './format.js';
import { Table, element, say } from './table.js';

const SLOTS = 16384;
const COLUMNS = 128;
const METRICS = {
  keys: { name: 'keys', text: count },
  calls: { name: 'requests/s', text: about },
  micros: { name: 'time per second', text: micros },
  bytes: { name: 'bytes/s', text: bytes },
};
const RAMPS = {
  light: ['#e9eff1', '#a9d9df', '#4fb0c0', '#2b7fae', '#5a4fa2', '#d6336c'],
  dark: ['#1d2a32', '#14505f', '#0f8793', '#4dbd8b', '#c8dc4a', '#fdf2a8'],
};

const at = (id) => document.getElementById(id);
const map = at('map');
const dark = matchMedia('(prefers-color-scheme: dark)');

/** By slot: the shard, or -1; and the figures by metric. */
const owners = new Int16Array(SLOTS).fill(-1);
const figures = Object.fromEntries(Object.keys(METRICS)
  .map((metric) => [metric, new Float64Array(SLOTS)]));
const before = new Map();
let metric = 'keys';
let chosen = null;
let pointed = null;
let counted = false;

const hottest = new Table(at('hottest'), [
  { title: 'Slot', number: true, head: true, fill: showLink, value: (row) => row.slot },
  { title: 'Shard', number: true, text: (row) => row.shard },
  { title: 'Keys', number: true, value: (row) => row.keys, text: (row) => count(row.keys) },
  { title: 'Requests/s', number: true, value: (row) => row.calls, text: (row) => about(row.calls) },
  { title: 'Bytes/s', number: true, value: (row) => row.bytes, text: (row) => bytes(row.bytes) },
], { caption: 'The slots with most', key: (row) => row.slot, empty: 'All slots are empty.' });

function showLink(cell, row) {
  if (!cell.firstElementChild) {
    const button = element('button', { type: 'button' });
    button.addEventListener('click', () => choose(Number(button.textContent)));
    cell.append(button);
  }
  say(cell.firstElementChild, row.slot);
}

function color(ramp, part) {
  const place = Math.min(0.9999, Math.max(0, part)) * (ramp.length - 1);
  const low = Math.floor(place);
  const mix = (offset) => {
    const [from, to] = [ramp[low], ramp[low + 1]].map((hex) =>
      parseInt(hex.slice(offset, offset + 2), 16));
    return Math.round(from + (to - from) * (place - low));
  };
  return `rgb(${mix(1)} ${mix(3)} ${mix(5)})`;
}

function draw() {
  const size = Math.max(COLUMNS, Math.floor(map.clientWidth * devicePixelRatio));
  const cell = Math.max(1, Math.floor(size / COLUMNS));
  const side = cell * COLUMNS;
  if (map.width !== side) [map.width, map.height] = [side, side];
  const context = map.getContext('2d');
  const ramp = dark.matches ? RAMPS.dark : RAMPS.light;
  const colors = Array.from({ length: 65 }, (_, step) => color(ramp, 0.16 + (step / 64) * 0.84));
  const values = figures[metric];
  const most = values.reduce((left, right) => Math.max(left, right), 0);
  const gap = cell >= 5 ? 1 : 0;
  context.clearRect(0, 0, side, side);
  for (let slot = 0; slot < SLOTS; slot += 1) {
    const [x, y] = [(slot % COLUMNS) * cell, Math.floor(slot / COLUMNS) * cell];
    if (owners[slot] < 0) {
      context.fillStyle = dark.matches ? '#33414a' : '#c3cdd2';
      context.fillRect(x + cell / 2 - 0.5, y + cell / 2 - 0.5, 1, 1);
      continue;
    }
    const part = values[slot] > 0 && most > 0
      ? Math.max(1, Math.round((Math.log1p(values[slot]) / Math.log1p(most)) * 64)) : -1;
    context.fillStyle = part < 0 ? ramp[0] : colors[part];
    context.fillRect(x, y, cell - gap, cell - gap);
  }
  drawShards(context, cell);
  for (const [slot, width] of [[pointed, 1], [chosen, 2]]) {
    if (slot !== null) ring(context, slot, cell, width * Math.max(1, devicePixelRatio));
  }
  drawLegend(ramp, most);
}

/** Lines between slots of different shards. */
function drawShards(context, cell) {
  context.fillStyle = dark.matches ? '#e2eaee' : '#17242d';
  for (let slot = 1; slot < SLOTS; slot += 1) {
    const [x, y] = [(slot % COLUMNS) * cell, Math.floor(slot / COLUMNS) * cell];
    if (x > 0 && owners[slot] !== owners[slot - 1]) context.fillRect(x - 1, y, 1, cell);
    if (slot >= COLUMNS && owners[slot] !== owners[slot - COLUMNS]) {
      context.fillRect(x, y - 1, cell, 1);
    }
  }
}

function ring(context, slot, cell, width) {
  const [x, y] = [(slot % COLUMNS) * cell, Math.floor(slot / COLUMNS) * cell];
  context.lineWidth = width;
  context.strokeStyle = '#e8590c';
  context.strokeRect(x - 2, y - 2, cell + 3, cell + 3);
}

function drawLegend(ramp, most) {
  const legend = at('legend');
  const context = legend.getContext('2d');
  for (let x = 0; x < legend.width; x += 1) {
    context.fillStyle = color(ramp, x / legend.width);
    context.fillRect(x, 0, 1, legend.height);
  }
  say(at('legend-most'), `${METRICS[metric].text(most)} ${METRICS[metric].name}`);
}

function describe(slot) {
  if (owners[slot] < 0) return `Slot ${slot}\nof another node, or nobody’s`;
  const lines = [`Slot ${slot}, shard ${owners[slot]}`, `${count(figures.keys[slot])} keys`];
  if (counted) {
    lines.push(`${about(figures.calls[slot])} requests/s`,
      `${micros(figures.micros[slot])} of each second`, `${bytes(figures.bytes[slot])}/s`);
  }
  return lines.join('\n');
}

function tell() {
  const slot = pointed ?? chosen;
  say(at('slot-facts'), slot === null ? 'No slot is chosen.' : describe(slot));
}

async function choose(slot) {
  chosen = slot;
  at('slot-number').value = slot;
  tell();
  draw();
  const place = at('slot-keys');
  try {
    const response = await fetch(`api/slot?number=${slot}`);
    if (chosen !== slot) return;
    if (!response.ok) {
      place.replaceChildren(element('p', { class: 'empty' }, await response.text()));
      return;
    }
    const { keys } = await response.json();
    new Table(place, [
      { title: 'Key', wide: true, mono: true, text: (row) => row.key },
      { title: 'Encoding', text: (row) => row.encoding ?? '' },
      { title: 'Idle', number: true, text: (row) => seconds(row.idle_s) },
    ], { caption: `Keys of slot ${slot}, 20 at most`, key: (row) => row.key, empty: 'It has no keys.' })
      .update(keys);
  } catch {
    place.replaceChildren(element('p', { class: 'empty' }, 'The node does not answer.'));
  }
}

export function showSlots(data) {
  counted = data.counted;
  at('not-counted').hidden = counted;
  for (const input of at('metrics').querySelectorAll('input')) {
    input.disabled = !counted && input.value !== 'keys';
    if (input.disabled && input.checked) {
      metric = 'keys';
      at('metrics').querySelector('[value=keys]').checked = true;
    }
  }
  data.shards.filter((shard) => shard.keys).forEach(take);
  const rows = [];
  for (let slot = 0; slot < SLOTS; slot += 1) if (figures[metric][slot] > 0) rows.push(slot);
  rows.sort((a, b) => figures[metric][b] - figures[metric][a]);
  hottest.update(rows.slice(0, 12).map((slot) => ({
    slot,
    shard: owners[slot],
    keys: figures.keys[slot],
    calls: counted ? figures.calls[slot] : null,
    bytes: counted ? figures.bytes[slot] : null,
  })));
  tell();
  draw();
}

/** Takes the figures of a shard; of counters, what has come in each second. */
function take(shard) {
  const { first, keys, at_ms: now } = shard;
  keys.forEach((value, place) => {
    owners[first + place] = shard.shard;
    figures.keys[first + place] = value;
  });
  const last = before.get(shard.shard);
  if (last && now <= last.at_ms) return;
  for (const name of ['calls', 'micros', 'bytes']) {
    shard[name].forEach((value, place) => {
      const known = last?.[name]?.[place] ?? value;
      figures[name][first + place] = last
        ? (Math.max(0, value - known) * 1000) / (now - last.at_ms) : 0;
    });
  }
  before.set(shard.shard, shard);
}

function slotAt(event) {
  const box = map.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top]
    .map((offset) => Math.floor((offset / box.width) * COLUMNS));
  return x >= 0 && x < COLUMNS && y >= 0 && y < COLUMNS ? y * COLUMNS + x : null;
}

map.addEventListener('pointermove', (event) => {
  const slot = slotAt(event);
  if (slot === pointed) return;
  pointed = slot;
  tell();
  draw();
});
map.addEventListener('pointerleave', () => {
  pointed = null;
  tell();
  draw();
});
map.addEventListener('click', (event) => {
  const slot = slotAt(event);
  if (slot !== null) choose(slot);
});
map.addEventListener('keydown', (event) => {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS };
  if (event.key === 'Enter' && pointed !== null) choose(pointed);
  if (!(event.key in steps)) return;
  event.preventDefault();
  const from = pointed ?? chosen;
  pointed = from === null ? 0 : Math.min(SLOTS - 1, Math.max(0, from + steps[event.key]));
  tell();
  draw();
});
at('metrics').addEventListener('change', (event) => {
  metric = event.target.value;
  document.dispatchEvent(new Event('refresh'));
  draw();
});
at('find-slot').addEventListener('submit', (event) => {
  event.preventDefault();
  if (at('slot-number').value !== '') choose(Number(at('slot-number').value));
});
dark.addEventListener('change', draw);
new ResizeObserver(() => {
  if (map.clientWidth > 0) draw();
}).observe(map);
