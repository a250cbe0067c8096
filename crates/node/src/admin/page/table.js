// Tables that are filled again and again: rows keep their elements, so that what is focused or marked
// stays so. What is shown is text, wherever it comes from.

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === 'class') made.className = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Sets a text, if it is another one. */
export function say(target, text) {
  const wanted = String(text);
  if (target.textContent !== wanted) target.textContent = wanted;
}

/** A bar with its number: how large a part is, and whether that is much. */
export function bar(cell, part, text, isHot = false) {
  let holder = cell.firstElementChild;
  if (!holder) {
    holder = element('span', { class: 'bar' }, element('i', { 'aria-hidden': 'true' }),
      element('span'));
    cell.append(holder);
  }
  const size = Math.max(0, Math.min(1, part ?? 0));
  holder.classList.toggle('hot', isHot);
  holder.firstElementChild.style.setProperty('--part', `${size * 100}%`);
  say(holder.lastElementChild, text);
}

/** A word with a colour and a sign. `kind`: good, warn, bad or nothing. */
export function badge(cell, text, kind) {
  let holder = cell.firstElementChild;
  if (!holder) {
    holder = element('span');
    cell.append(holder);
  }
  holder.className = `badge ${kind}`;
  say(holder, text);
}

/** A list of names and values. */
export function facts(list, rows) {
  while (list.children.length > rows.length * 2) list.lastElementChild.remove();
  rows.forEach(([name, value, kind = ''], at) => {
    if (!list.children[at * 2]) list.append(element('dt'), element('dd'));
    say(list.children[at * 2], name);
    say(list.children[at * 2 + 1], value);
    list.children[at * 2 + 1].className = kind;
  });
}

/**
 * columns: { title, value(row) for sorting, text(row) or fill(cell, row), number, wide, mono, head }
 * options: { caption, key(row), sort: [column, descending], empty }
 */
export class Table {
  #columns;
  #options;
  #rows = new Map();
  #data = [];
  #sort;
  #body = element('tbody');
  #empty;

  constructor(place, columns, options) {
    this.#columns = columns;
    this.#options = options;
    this.#sort = options.sort ?? null;
    const heads = columns.map((column, at) => this.#head(column, at));
    const table = element('table', {}, element('caption', { class: options.quiet ? 'hidden' : '' },
      options.caption), element('thead', {}, element('tr', {}, ...heads)), this.#body);
    this.#empty = element('p', { class: 'empty' }, options.empty ?? 'Nothing yet.');
    const scroll = element('div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': options.caption }, table);
    place.replaceChildren(scroll, this.#empty);
    this.#heads = heads;
    this.#show();
  }

  #heads;

  #head(column, at) {
    const head = element('th', { scope: 'col', class: column.number ? 'number' : '' });
    if (!column.value) {
      head.append(column.title);
      return head;
    }
    const button = element('button', { type: 'button' }, column.title);
    button.addEventListener('click', () => {
      const [known, descending] = this.#sort ?? [];
      this.#sort = [at, known === at ? !descending : Boolean(column.number)];
      this.#show();
    });
    head.append(button);
    return head;
  }

  update(data) {
    this.#data = data;
    this.#show();
  }

  #sorted() {
    if (!this.#sort) return this.#data;
    const [at, descending] = this.#sort;
    const value = this.#columns[at].value;
    const order = (a, b) => {
      const [left, right] = [value(a), value(b)];
      if (typeof left === 'string') return left.localeCompare(right);
      return (left ?? -Infinity) - (right ?? -Infinity);
    };
    return [...this.#data].sort((a, b) => (descending ? order(b, a) : order(a, b)));
  }

  #show() {
    this.#heads.forEach((head, at) => {
      if (this.#sort?.[0] === at) {
        head.setAttribute('aria-sort', this.#sort[1] ? 'descending' : 'ascending');
      } else {
        head.removeAttribute('aria-sort');
      }
    });
    this.#empty.hidden = this.#data.length > 0;
    const left = new Set(this.#rows.keys());
    let before = null;
    for (const row of this.#sorted()) {
      const key = this.#options.key(row);
      left.delete(key);
      const made = this.#rows.get(key) ?? this.#make(key);
      this.#fill(made, row);
      const place = before ? before.nextElementSibling : this.#body.firstElementChild;
      if (place !== made) this.#body.insertBefore(made, place);
      before = made;
    }
    for (const key of left) {
      this.#rows.get(key).remove();
      this.#rows.delete(key);
    }
  }

  #make(key) {
    const cells = this.#columns.map((column) => {
      const kinds = ['number', 'wide', 'mono'].filter((kind) => column[kind]).join(' ');
      return column.head ? element('th', { scope: 'row', class: kinds })
        : element('td', { class: kinds });
    });
    const made = element('tr', {}, ...cells);
    this.#rows.set(key, made);
    return made;
  }

  #fill(made, row) {
    this.#columns.forEach((column, at) => {
      const cell = made.children[at];
      if (column.fill) column.fill(cell, row);
      else say(cell, column.text(row));
    });
  }
}
