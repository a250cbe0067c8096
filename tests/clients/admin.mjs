// The admin page in a browser (Debian's Chromium), while a small load runs.
//
// usage: ADMIN_PORT=… admin.mjs HOST PORT MASTERS, from a folder where playwright-core and ioredis are
// Empties the server. SCREENSHOTS=FOLDER leaves pictures there.

import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { equal, host, installed, port, summary } from './checks.mjs';

const { chromium } = installed('playwright-core');
const Redis = installed('ioredis');

const site = `http://${host}:${process.env.ADMIN_PORT}/`;
const pictures = process.env.SCREENSHOTS;

const HARM = '<img src=x onerror="window.harmed=1">';
const HARMFUL_KEY = `${HARM}{harm}`;

/** Waits until `look` gives something that is true, ten seconds at most. */
async function soon(name, look) {
  const until = Date.now() + 10000;
  let got;
  do {
    got = await look();
    if (got) break;
    await sleep(100);
  } while (Date.now() < until);
  equal(name, true, Boolean(got));
  return got;
}

/** Requests of all kinds, until it is told to end. */
class Load {
  #ends = false;
  #loops = [];
  clients = ['web', 'worker', '<b>bold</b>'].map((name) =>
    new Redis({ host, port, connectionName: name, enableReadyCheck: false }));

  async begin() {
    const [web, worker, bold] = this.clients;
    await web.flushall();
    await web.config('RESETSTAT');
    await web.config('SET', 'cluster-slot-stats-enabled', 'yes', 'slowlog-log-slower-than', '5000');
    await web.set(HARMFUL_KEY, 1);
    await bold.set('bold', 1);
    for (let group = 0; group < 60; group += 1) {
      const pipeline = web.pipeline();
      for (let i = 0; i < 100; i += 1) {
        pipeline.hset(`user:${group * 100 + i}`, 'name', 'ann', 'points', i);
      }
      await pipeline.exec();
    }
    this.#loop(10, async () => {
      const pipeline = web.pipeline();
      for (let i = 0; i < 60; i += 1) pipeline.incr('hot');
      for (let i = 0; i < 40; i += 1) {
        pipeline.hget(`user:${Math.floor(Math.random() ** 3 * 6000)}`, 'name');
      }
      await pipeline.exec();
    });
    this.#loop(20, () => worker.eval(
      '-- move points\nreturn redis.call("HINCRBY", KEYS[1], "points", 1)', 1, 'user:7'));
    this.#loop(50, () => worker.eval(
      '-- charge\nredis.call("SET", KEYS[1], 1)\nif ARGV[1] == "1" then error("no credit") end', 1,
      'charge', Math.random() < 0.4 ? 1 : 0).catch(() => {}));
    this.#loop(200, () => worker.eval(`-- harm\nerror('${HARM}')`, 1, 'harm').catch(() => {}));
    this.#loop(900, () => bold.debug('SLEEP', 0.012));
    this.#loop(1500, () => worker.eval(
      '-- report\nlocal sum = 0\nfor i = 1, 3e6 do sum = sum + i % 7 end\nreturn sum', 1, 'report'));
    await worker.config('SET', 'script-time-limit', '300');
    await worker.eval('-- endless\nwhile true do redis.call("INCR", KEYS[1]) end', 1, 'e')
      .catch(() => {});
    await worker.config('SET', 'script-time-limit', '5000');
  }

  #loop(pause, work) {
    const run = async () => {
      while (!this.#ends) {
        await work();
        await sleep(pause);
      }
    };
    this.#loops.push(run());
  }

  async end() {
    this.#ends = true;
    await Promise.all(this.#loops);
    this.clients.forEach((client) => client.disconnect());
  }
}

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png` });
}

const cells = (page, table) => page.$$eval(`${table} tbody tr`, (rows) =>
  rows.map((row) => [...row.children].map((cell) => cell.textContent)));

async function overview(page) {
  await page.goto(site);
  await soon('it is live', () => page.$('#link[data-state=live]'));
  const rows = await soon('all shards are shown', async () => {
    const shown = await cells(page, '#shards');
    return shown.length === 4 && shown;
  });
  equal('shards have keys', true, rows?.every((row) => Number(row[4].replace(',', '')) > 0));
  const requests = () => page.$eval('.tile .value', (value) => value.textContent);
  await soon('requests are counted', async () => !['0', '–'].includes(await requests()));
  const total = () => page.$eval('.tile .more', (more) => more.textContent);
  const before = await total();
  await soon('figures change', async () => (await total()) !== before);
  equal('the title names the node', `${host}:${port} · Atoll`, await page.title());
  await soon('threads have names', async () =>
    (await cells(page, '#threads')).some(([name]) => name === 'shard-0'));
  await sleep(pictures ? 25000 : 0);
  await picture(page, 'admin');
}

async function slots(page, hot) {
  await page.click('nav a[href="#slots"]');
  await page.check('#metrics input[value=calls]', { force: true });
  await soon('the hottest slot is first', async () =>
    Number((await cells(page, '#hottest'))[0]?.[0]) === hot);
  const colors = await page.$eval('#map', (map, slot) => {
    const cell = map.width / 128;
    const color = (at) => map.getContext('2d').getImageData(Math.floor((at % 128 + 0.4) * cell),
      Math.floor((Math.floor(at / 128) + 0.4) * cell), 1, 1).data.join();
    const all = new Map();
    for (let at = 0; at < 16384; at += 1) all.set(color(at), (all.get(color(at)) ?? 0) + 1);
    return { hot: color(slot), same: all.get(color(slot)), colors: all.size };
  }, hot);
  equal('the map has the hot slot, and more colours', [1, true], [colors.same, colors.colors > 2]);

  const box = await page.locator('#map').boundingBox();
  await page.mouse.move(box.x + ((hot % 128) + 0.5) * (box.width / 128),
    box.y + (Math.floor(hot / 128) + 0.5) * (box.height / 128));
  const facts = () => page.textContent('#slot-facts');
  await soon('pointing at it tells its figures', async () =>
    (await facts()).startsWith(`Slot ${hot}, shard `));
  await page.mouse.down();
  await page.mouse.up();
  await soon('a click lists its keys', async () =>
    (await cells(page, '#slot-keys')).some(([key]) => key === 'hot'));
  await page.mouse.move(5, 5);
  await picture(page, 'admin-slots');

  await page.focus('#map');
  await page.keyboard.press('ArrowRight');
  await soon('arrow keys move on', async () => (await facts()).startsWith(`Slot ${hot + 1}`));
}

async function harm(page, slot) {
  await page.fill('#slot-number', String(slot));
  await page.click('#find-slot button');
  await soon('a key that looks like HTML is a text', async () =>
    (await cells(page, '#slot-keys')).some(([key]) => key === HARMFUL_KEY));
  equal('nothing was made of it', [0, undefined],
    [await page.$$eval('main img', (images) => images.length), await page.evaluate('window.harmed')]);
}

async function lists(page) {
  await page.click('nav a[href="#scripts"]');
  const scripts = async () => cells(page, '#scripts');
  await soon('scripts are shown with their figures', async () => (await scripts()).length >= 5);
  await soon('a time-out is shown', async () =>
    (await scripts()).some((row) => row[0].includes('-- endless') && row[9] === 'time-out 1'));
  await soon('roll backs are counted', async () =>
    (await scripts()).some((row) => row[0].includes('-- charge') && /^error \d/.test(row[9])));
  equal('an error is a text', true, (await scripts()).some((row) => row[0].includes(HARM)));
  await picture(page, 'admin-scripts');

  await page.click('nav a[href="#slowlog"]');
  await soon('slow requests are shown', async () =>
    (await cells(page, '#slowlog')).some((row) => row[2] === 'debug SLEEP 0.012'));
  await page.click('nav a[href="#clients"]');
  await soon('clients are shown', async () =>
    (await cells(page, '#clients')).some((row) => row[2] === '<b>bold</b>'));
  await page.click('#clients thead button:text("Memory")');
  equal('they can be sorted', 'descending',
    await page.getAttribute('#clients th:has(button:text("Memory"))', 'aria-sort'));
  await page.fill('#clients-filter', 'worker');
  await soon('and filtered', async () => (await cells(page, '#clients')).length === 1);

  await page.click('nav a[href="#config"]');
  await page.check('#config-changed');
  await soon('what differs is marked', async () => (await cells(page, '#config')).some((row) =>
    isDeepStrictEqual(row, ['cluster-slot-stats-enabled', 'yes', 'no', 'differs'])));
  await page.click('nav a[href="#cluster"]');
  await soon('the node is in the cluster', async () =>
    (await cells(page, '#cluster'))[0]?.[1] === '16,384');
  equal('no harm yet', undefined, await page.evaluate('window.harmed'));
}

async function busy(page, load) {
  await page.click('nav a[href="#overview"]');
  const script = load.clients[2].eval('-- long\nwhile true do end', 1, 'x').catch(() => {});
  await soon('a script that runs is shown with its age', async () =>
    (await cells(page, '#shards')).some((row) => row[1] === 'in a script'
      && /script [0-9a-f]{40} for [1-9]/.test(row[10])));
  // Those of the load may wait for the shard themselves.
  const killer = new Redis({ host, port, enableReadyCheck: false });
  await killer.script('KILL');
  killer.disconnect();
  await script;
  await soon('and gone afterwards', async () =>
    (await cells(page, '#shards')).every((row) => row[1] === 'serving'));
}

async function away(page) {
  await page.route('**/api/**', (route) => route.abort());
  await soon('a node that is away is missed', () => page.isVisible('#away'));
  equal('in words', 'away', await page.textContent('#link-text'));
  await page.unroute('**/api/**');
  await soon('and found again', () => page.$('#link[data-state=live]'));
  await page.click('#pause');
  let asked = 0;
  const note = () => { asked += 1; };
  await sleep(500);
  page.on('request', note);
  await sleep(2500);
  equal('nothing is asked during a pause', 0, asked);
  await page.click('#pause');
  await soon('but after it', () => asked > 0);
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  await sleep(500);
  asked = 0;
  await sleep(2500);
  equal('nor while nobody sees it', 0, asked);
  await hide(false);
  await soon('but when it is seen again', () => asked > 0);
  page.off('request', note);
}

async function phone(page) {
  await page.setViewportSize({ width: 360, height: 740 });
  for (const view of ['overview', 'slots', 'scripts', 'slowlog', 'clients', 'config', 'cluster']) {
    await page.goto(`${site}#${view}`);
    await page.waitForTimeout(300);
    const width = await page.evaluate('document.documentElement.scrollWidth');
    equal(`${view} fits a phone`, true, width <= 360 || width);
    await picture(page, `phone-${view}`);
  }
}

async function pictureInTheDark(page) {
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(`${site}#slots`);
  await page.reload();
  await page.check('#metrics input[value=calls]', { force: true });
  await sleep(6500);
  await picture(page, 'dark-slots');
  await page.goto(`${site}#overview`);
  await sleep(3000);
  await picture(page, 'dark');
}

const load = new Load();
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) =>
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  page.setDefaultTimeout(10000);
  await load.begin();
  const slotOf = (key) => load.clients[0].cluster('KEYSLOT', key);
  await overview(page);
  await slots(page, await slotOf('hot'));
  await harm(page, await slotOf(HARMFUL_KEY));
  await lists(page);
  await busy(page, load);
  equal('the browser has nothing to complain of', [], complaints);
  await away(page);
  if (pictures) await pictureInTheDark(page);
  await phone(page);
} catch (error) {
  equal('the page is looked at to the end', undefined, error.stack);
} finally {
  await browser.close();
  await load.end();
}
summary();
process.exit();
