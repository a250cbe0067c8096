// The frame of the page: which view is shown, and asking the node for its figures again and again.

import { seconds } from './format.js';
import { showOverview } from './overview.js';
import { showSlots } from './slots.js';
import { say } from './table.js';
import { showClients, showCluster, showConfig, showScripts, showSlowLog } from './views.js';

const SECOND = 1000;
/** How long the node may take to answer. */
const PATIENCE = 5 * SECOND;

/** What is asked for each view, what shows the answer, and how often. The overview is asked always. */
const VIEWS = {
  overview: { path: 'api/overview', show: showOverview, every: SECOND },
  slots: { path: 'api/slots', show: showSlots, every: 2 * SECOND },
  scripts: { path: 'api/scripts', show: showScripts, every: 2 * SECOND },
  slowlog: { path: 'api/slowlog', show: showSlowLog, every: 2 * SECOND },
  clients: { path: 'api/clients', show: showClients, every: 2 * SECOND },
  config: { path: 'api/config', show: showConfig, every: 10 * SECOND },
  cluster: { path: 'api/cluster', show: showCluster, every: 10 * SECOND },
};

const at = (id) => document.getElementById(id);
const due = new Map();
let current = 'overview';
let paused = false;
let awaySince = null;
let asking = false;
let timer = null;

function choose() {
  const wanted = location.hash.slice(1);
  current = wanted in VIEWS ? wanted : 'overview';
  for (const name of Object.keys(VIEWS)) at(`view-${name}`).hidden = name !== current;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${current}`) {
      link.setAttribute('aria-current', 'page');
      link.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    } else {
      link.removeAttribute('aria-current');
    }
  }
  due.delete(current);
  refresh();
}

async function ask(name) {
  const { path, show, every } = VIEWS[name];
  due.set(name, performance.now() + every);
  const response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE) });
  if (!response.ok) throw new Error(await response.text());
  const data = await response.json();
  show(data);
  if (name === 'overview') showNode(data.node);
}

function showNode(node) {
  say(at('node-name'), node.name);
  document.title = `${node.name} · Atoll`;
  const loading = node.loading
    ? ` · loading its data: ${node.loading.percent.toFixed(0)} %` : '';
  say(at('node-facts'), `version ${node.version} · up ${seconds(node.uptime_s)} · `
    + `${node.shards} shards · process ${node.pid}${loading}`);
}

async function refresh() {
  clearTimeout(timer);
  if (asking || paused || document.hidden) return;
  asking = true;
  try {
    for (const name of new Set(['overview', current])) {
      if ((due.get(name) ?? 0) <= performance.now() + 50) await ask(name);
    }
    awaySince = null;
  } catch (error) {
    awaySince ??= Date.now();
    const why = error.name === 'Error' && error.message ? error.message : 'The node does not answer.';
    say(at('away'), `${why} These are the figures of ${new Date(awaySince).toLocaleTimeString()}.`);
  }
  asking = false;
  showLink();
  timer = setTimeout(refresh, awaySince ? 2 * SECOND : SECOND / 2);
}

function showLink() {
  const state = paused ? 'paused' : awaySince ? 'away' : 'live';
  at('link').dataset.state = state;
  say(at('link-text'), state);
  at('away').hidden = awaySince === null;
  document.body.classList.toggle('stale', awaySince !== null);
}

at('pause').addEventListener('click', () => {
  paused = !paused;
  at('pause').setAttribute('aria-pressed', String(paused));
  say(at('pause'), paused ? 'Go on' : 'Pause');
  showLink();
  refresh();
});
addEventListener('hashchange', choose);
document.addEventListener('visibilitychange', refresh);
document.addEventListener('refresh', () => {
  due.delete(current);
  refresh();
});
choose();
