// Numbers as people read them.

const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export const NONE = '–';

const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);

export function count(value) {
  return known(value) ? plain.format(value) : NONE;
}

/** A number of which only the size matters. */
export function about(value) {
  if (!known(value)) return NONE;
  if (value > 0 && value < 10) return String(Math.round(value * 10) / 10);
  return value < 10000 ? plain.format(value) : short.format(value);
}

export function bytes(value) {
  if (!known(value)) return NONE;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

export function micros(value) {
  if (!known(value)) return NONE;
  if (value < 1000) return `${value < 10 ? value.toFixed(1) : Math.round(value)} µs`;
  if (value < 1e6) return `${(value / 1e3).toFixed(value < 1e4 ? 2 : value < 1e5 ? 1 : 0)} ms`;
  return seconds(value / 1e6);
}

export function seconds(value) {
  if (!known(value)) return NONE;
  if (value < 60) return `${value < 10 && value % 1 ? value.toFixed(1) : Math.round(value)} s`;
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const first = parts.findIndex(([size]) => value >= size);
  const [size, name] = parts[first];
  const rest = Math.floor((value % size) / (parts[first + 1]?.[0] ?? 1));
  const tail = parts[first + 1] && rest ? ` ${rest} ${parts[first + 1][1]}` : '';
  return `${Math.floor(value / size)} ${name}${tail}`;
}

export function percent(part) {
  if (!known(part)) return NONE;
  return `${(part * 100).toFixed(part > 0 && part < 0.0995 ? 1 : 0)} %`;
}

/** A time of day, with the date when it is not today. `unix`: seconds. */
export function time(unix) {
  if (!unix) return 'never';
  const at = new Date(unix * 1000);
  const today = at.toDateString() === new Date().toDateString();
  return today ? at.toLocaleTimeString() : at.toLocaleString();
}

/** How much more of something there is each second, from a counter that is looked at again and
 * again. Nothing is known of it before the second look. */
export class Rates {
  #seen = new Map();

  /** `at`: milliseconds, of the node's clock. */
  note(name, value, at) {
    const last = this.#seen.get(name);
    if (!last || value < last.value || at < last.at) {
      this.#seen.set(name, { value, at, rate: null });
    } else if (at - last.at >= 300) {
      const rate = ((value - last.value) * 1000) / (at - last.at);
      this.#seen.set(name, { value, at, rate });
    }
    return this.#seen.get(name).rate;
  }
}
