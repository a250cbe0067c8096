// rate-limiter-flexible and redlock over ioredis's Cluster.
//
// usage: limiters.mjs HOST PORT MASTERS, from a folder where these three are installed

import { setTimeout as sleep } from 'node:timers/promises';

import { equal, host, installed, port, rejects, runAll, summary } from './checks.mjs';

const { Cluster } = installed('ioredis');
const { BurstyRateLimiter, RateLimiterQueue, RateLimiterRedis } =
  installed('rate-limiter-flexible');
const redlock = installed('redlock');
const Redlock = redlock.default ?? redlock;

const run = Date.now().toString(36);

/** How many of a number of requests at once are let through. */
async function allowed(limiter, key, count) {
  const replies = await Promise.allSettled(
    Array.from({ length: count }, () => limiter.consume(key)),
  );
  return replies.filter(({ status }) => status === 'fulfilled').length;
}

async function fixedWindow(storeClient) {
  const limiter = new RateLimiterRedis({
    storeClient, points: 5, duration: 1, keyPrefix: `window-${run}`,
  });
  equal('five of twenty at once', 5, await allowed(limiter, 'ann', 20));
  equal('five of another user', 5, await allowed(limiter, 'bob', 7));
  const refused = await limiter.consume('ann').catch((error) => error);
  equal('the one that is refused is told when to come back', true,
    refused.msBeforeNext > 0 && refused.msBeforeNext <= 1000);
  await sleep(1050);
  equal('five more after the second', 5, await allowed(limiter, 'ann', 6));
  await limiter.reward('ann', 2);
  await limiter.delete('ann');
  equal('all of it again after delete', 5, await allowed(limiter, 'ann', 6));
}

async function blocking(storeClient) {
  const limiter = new RateLimiterRedis({
    storeClient, points: 2, duration: 1, blockDuration: 30, keyPrefix: `block-${run}`,
  });
  equal('two points', 2, await allowed(limiter, 'ann', 3));
  const state = await limiter.get('ann');
  equal('then blocked for longer', true, state.msBeforeNext > 20000 || state.msBeforeNext);
}

async function many(storeClient) {
  const limiter = new RateLimiterRedis({
    storeClient, points: 10, duration: 30, keyPrefix: `many-${run}`,
  });
  const users = Array.from({ length: 100 }, (_, i) => `user${i}`);
  const counts = await Promise.all(users.map((user) => allowed(limiter, user, 15)));
  equal('ten of fifteen for each of a hundred users', Array(100).fill(10), counts);
}

async function bursts(storeClient) {
  const options = (keyPrefix, points) => ({ storeClient, points, duration: 30, keyPrefix });
  const limiter = new BurstyRateLimiter(
    new RateLimiterRedis(options(`steady-${run}`, 2)),
    new RateLimiterRedis(options(`burst-${run}`, 5)),
  );
  equal('two, and a burst of five', 7, await allowed(limiter, 'ann', 20));
}

async function queue(storeClient) {
  const limiter = new RateLimiterRedis({
    storeClient, points: 4, duration: 1, keyPrefix: `queue-${run}`,
  });
  const line = new RateLimiterQueue(limiter);
  const started = Date.now();
  await Promise.all(Array.from({ length: 10 }, () => line.removeTokens(1)));
  const took = Date.now() - started;
  equal('ten at four a second take two seconds', true, (took >= 1500 && took < 8000) || took);
}

async function locks(storeClient) {
  const lock = new Redlock([storeClient], { retryCount: 200, retryDelay: 20, retryJitter: 10 });
  lock.on?.('clientError', (error) => console.log(`client error: ${error.message}`));
  let [inside, most, entered] = [0, 0, 0];
  await Promise.all(Array.from({ length: 20 }, async () => {
    const held = await lock.lock(`lock-${run}`, 10000);
    inside += 1;
    most = Math.max(most, inside);
    await sleep(5);
    entered += 1;
    inside -= 1;
    await held.unlock();
  }));
  equal('twenty enter, one at a time', [20, 1], [entered, most]);

  const impatient = new Redlock([storeClient], { retryCount: 0 });
  const held = await lock.lock([`{two-${run}}a`, `{two-${run}}b`], 10000);
  await rejects('a part of what is locked', 'Exceeded 0 attempts',
    impatient.lock(`{two-${run}}b`, 1000));
  const longer = await held.extend(20000);
  const ttl = await storeClient.pttl(`{two-${run}}a`);
  equal('a lock is extended', true, ttl > 15000 || ttl);
  await longer.unlock();
  const next = await impatient.lock(`{two-${run}}b`, 50);
  await sleep(80);
  const after = await impatient.lock(`{two-${run}}b`, 1000);
  equal('a lock ends by itself', true, after.value !== next.value);
  await rejects('who has lost it cannot unlock it', 'Unable to fully release', next.unlock());
  await after.unlock();
}

const cluster = new Cluster([{ host, port }]);
cluster.on('error', (error) => console.log(`client error: ${error.message}`));
await cluster.ping();
await runAll([fixedWindow, blocking, many, bursts, queue, locks], cluster);
cluster.disconnect();
summary();
process.exit();
