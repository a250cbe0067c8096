// ioredis's Cluster against a running server.
//
// usage: ioredis.mjs HOST PORT MASTERS, from a folder where ioredis is installed
// Empties the server. ATOLL_TEST_PEER=redis skips what Redis cannot do.

import { readFileSync } from 'node:fs';

import {
  atollOnly, equal, host, installed, masters, port, rejects, runAll, summary,
} from './checks.mjs';

const { Cluster } = installed('ioredis');

const script = (name) =>
  readFileSync(new URL(`../../examples/scripts/${name}`, import.meta.url), 'utf8');

async function topology(cluster) {
  equal('nodes', masters, cluster.nodes('master').length);
  equal('ping every node', Array(masters).fill('PONG'),
    await Promise.all(cluster.nodes('master').map((node) => node.ping())));
}

async function values(cluster) {
  for (const key of ['foo', 'bar', 'name']) {
    equal(`set ${key}`, 'OK', await cluster.set(key, `value of ${key}`));
    equal(`get ${key}`, `value of ${key}`, await cluster.get(key));
  }
  equal('get of a missing key', null, await cluster.get('none'));
  equal('set with options', [null, 'OK'],
    [await cluster.set('foo', 'x', 'NX'), await cluster.set('foo', '1', 'EX', 100, 'XX')]);
  equal('incr, ttl', [2, 100], [await cluster.incr('foo'), await cluster.ttl('foo')]);
  const bytes = Buffer.from([0, 13, 10, 255]);
  await cluster.set('bin', bytes);
  equal('binary value', bytes, await cluster.getBuffer('bin'));
  equal('mset and mget in one tag', ['1', '2', null],
    (await cluster.mset('{t}a', 1, '{t}b', 2), await cluster.mget('{t}a', '{t}b', '{t}c')));
  await rejects('mset over two slots', "CROSSSLOT Keys in request don't hash to the same slot",
    cluster.mset('foo', 1, 'bar', 2));
}

async function hashes(cluster) {
  equal('hset', 2, await cluster.hset('h', { name: 'ann', points: 3 }));
  equal('hget', 'ann', await cluster.hget('h', 'name'));
  equal('hmget', ['ann', null], await cluster.hmget('h', 'name', 'none'));
  equal('hincrby', 5, await cluster.hincrby('h', 'points', 2));
  equal('hgetall', { name: 'ann', points: '5' }, await cluster.hgetall('h'));
  equal('hkeys, hlen', [['name', 'points'], 2],
    [(await cluster.hkeys('h')).sort(), await cluster.hlen('h')]);
  equal('hdel, hexists', [1, 0],
    [await cluster.hdel('h', 'name'), await cluster.hexists('h', 'name')]);
  await rejects('wrong type', 'WRONGTYPE Operation against a key holding the wrong kind of value',
    cluster.get('h'));
}

async function batches(cluster) {
  // ioredis sends a pipeline to one node, so its keys must share a node; a tag sees to that.
  const pipeline = cluster.pipeline();
  for (let i = 0; i < 100; i += 1) pipeline.set(`{p}${i}`, i).get(`{p}${i}`);
  equal('pipeline', Array.from({ length: 100 }, (_, i) => [[null, 'OK'], [null, String(i)]]).flat(),
    await pipeline.exec());

  const many = Array.from({ length: 300 }, (_, i) => `many:${i}`);
  equal('300 commands at once over all slots', many,
    await Promise.all(many.map((key) => cluster.set(key, key).then(() => cluster.get(key)))));

  equal('multi', [[null, 'OK'], [null, 2], [null, 1]],
    await cluster.multi().set('{m}a', 1).incr('{m}a').hset('{m}h', 'f', 'v').exec());
  const [first, second, third] =
    await cluster.multi().set('{m}a', 'text').incr('{m}a').get('{m}a').exec();
  equal('an error inside multi stays in its place',
    [[null, 'OK'], 'ERR value is not an integer or out of range', [null, 'text']],
    [first, second[0]?.message, third]);
}

async function scripts(cluster) {
  equal('eval', ['{s}a', '{s}b', 'x'],
    await cluster.eval('return {KEYS[1], KEYS[2], ARGV[1]}', 2, '{s}a', '{s}b', 'x'));
  await rejects('eval over two slots', "CROSSSLOT Keys in request don't hash to the same slot",
    cluster.eval('return 1', 2, 'foo', 'bar'));
  await rejects('error text of a failing script', 'ERR user_script:1: boom script: ',
    cluster.eval("error('boom')", 1, '{s}a'));

  cluster.defineCommand('sell', { numberOfKeys: 1, lua: script('stock_decrement.lua') });
  await cluster.set('stock:{s}', 200);
  const sales = await Promise.all(Array.from({ length: 300 }, () => cluster.sell('stock:{s}', 1)));
  equal('defineCommand: 300 buyers, 200 items', [200, 100],
    [sales.filter((sale) => sale === 1).length, sales.filter((sale) => sale === 0).length]);
  equal('defineCommand: sold out', '0', await cluster.get('stock:{s}'));

  cluster.defineCommand('transfer', { numberOfKeys: 2, lua: script('points_transfer.lua') });
  await cluster.hset('{p}ann', 'points', 100);
  await cluster.hset('{p}bob', 'points', 0);
  equal('points transfer', [70, 30], await cluster.transfer('{p}ann', '{p}bob', 30));
  await rejects('points transfer: too few', 'FUNDS', cluster.transfer('{p}ann', '{p}bob', 71));
}

async function rollback(cluster) {
  if (!atollOnly('rollback')) return;
  await cluster.set('{r}a', 'before', 'EX', 1000);
  await rejects('a failing script reports its error', 'boom', cluster.eval(`
    redis.call('set', KEYS[1], 'after')
    redis.call('hset', KEYS[2], 'f', 'after')
    error('boom')`, 2, '{r}a', '{r}h'));
  equal('a failing script changes no value', 'before', await cluster.get('{r}a'));
  const ttl = await cluster.ttl('{r}a');
  equal('a failing script changes no expiry', true, ttl > 990 && ttl <= 1000);
  equal('a failing script leaves no key', 0, await cluster.exists('{r}h'));

  cluster.defineCommand('move', { numberOfKeys: 2, lua: script('watch_multi_exec.lua') });
  await cluster.mset('{w}left', 50, '{w}right', 0);
  equal('MULTI and EXEC inside a script', [30, 20], await cluster.move('{w}left', '{w}right', 20));
  equal('DISCARD inside a script', null, await cluster.move('{w}left', '{w}right', 99));
}

/** Every key that a node's SCAN gives, in at most a thousand steps. */
async function scanNode(node, pattern) {
  const found = [];
  let cursor = '0';
  for (let step = 0; step < 1000; step += 1) {
    const [next, keys] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', 50);
    found.push(...keys);
    cursor = next;
    if (cursor === '0') return found;
  }
  throw new Error('scan does not end');
}

async function scans(cluster) {
  const keys = Array.from({ length: 500 }, (_, i) => `scan:${i}`);
  await Promise.all(keys.map((key) => cluster.set(key, '')));
  const found = await Promise.all(cluster.nodes('master').map((node) => scanNode(node, 'scan:*')));
  equal('scan of every master finds each key', [...keys].sort(), [...new Set(found.flat())].sort());

  // A stream gives a key once or several times, as SCAN does.
  const streamed = new Set();
  for (const node of cluster.nodes('master')) {
    for await (const batch of node.scanStream({ match: 'scan:*' })) {
      for (const key of batch) streamed.add(key);
    }
  }
  equal('scanStream over every master', keys.length, streamed.size);
}

const cluster = new Cluster([{ host, port }], {
  redisOptions: { commandTimeout: 15000 },
  // Gives up where the default would wait for a server for ever.
  clusterRetryStrategy: (times) => (times < 5 ? 100 : null),
});
cluster.on('error', (error) => console.log(`client error: ${error.message}`));

const empty = () => Promise.all(cluster.nodes('master').map((node) => node.flushall()));
await cluster.ping();
await runAll([empty, topology, values, hashes, batches, scripts, rollback, scans], cluster);
await cluster.quit().catch(() => cluster.disconnect());
summary();
