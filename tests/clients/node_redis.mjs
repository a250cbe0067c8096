// node-redis's cluster client against a running server.
//
// usage: node_redis.mjs HOST PORT MASTERS, from a folder where redis is installed
// Empties the server.

import {
  atollOnly, equal, host, installed, masters, port, rejects, runAll, skip, summary, until,
} from './checks.mjs';
import { restart } from './restart.mjs';

const { createCluster, defineScript } = installed('redis');

const cluster = createCluster({
  rootNodes: [{ url: `redis://${host}:${port}` }],
  scripts: {
    add: defineScript({
      SCRIPT: "return redis.call('incrby', KEYS[1], ARGV[1])",
      NUMBER_OF_KEYS: 1,
      parseCommand(parser, key, amount) {
        parser.pushKey(key);
        parser.push(String(amount));
      },
      transformReply: (reply) => reply,
    }),
  },
  defaults: { socket: { reconnectStrategy: (times) => (times < 100 ? 100 : false) } },
});
cluster.on('error', (error) => console.log(`client error: ${error.message}`));
cluster.on('node-error', (error) => console.log(`node error: ${error.message}`));

async function empty() {
  const nodes = await Promise.all(cluster.masters.map((node) => cluster.nodeClient(node)));
  await Promise.all(nodes.map((node) => node.flushAll()));
  equal('masters', masters, cluster.masters.length);
}

async function values() {
  for (const key of ['foo', 'bar', 'name']) {
    equal(`set, get ${key}`, ['OK', key], [await cluster.set(key, key), await cluster.get(key)]);
  }
  equal('set with options', [null, 'OK'], [
    await cluster.set('foo', 'x', { condition: 'NX' }),
    await cluster.set('foo', '1', { condition: 'XX', expiration: { type: 'EX', value: 100 } }),
  ]);
  equal('hash', { name: 'ann', points: '3' },
    (await cluster.hSet('h', { name: 'ann', points: 3 }), { ...(await cluster.hGetAll('h')) }));
  equal('sorted set', [{ value: 'a', score: 1 }, { value: 'b', score: 2.5 }],
    (await cluster.zAdd('z', [{ value: 'b', score: 2.5 }, { value: 'a', score: 1 }]),
    await cluster.zRangeWithScores('z', 0, -1)));
  await rejects('keys of two slots', 'CROSSSLOT', cluster.sInterStore('foo', ['bar']));
}

async function pipelines() {
  // node-redis sends together what is asked for in one turn.
  const keys = Array.from({ length: 500 }, (_, i) => `many:${i}`);
  equal('500 commands at once over all slots', keys, await Promise.all(keys.map(async (key) => {
    await cluster.set(key, key);
    return cluster.get(key);
  })));
}

async function transactions() {
  equal('multi', ['OK', 2, 1],
    await cluster.multi().set('{m}a', '1').incr('{m}a').hSet('{m}h', 'f', 'v').exec());
  await rejects('an error inside multi', 'commands failed',
    cluster.multi().set('{m}a', 'text').incr('{m}a').exec());
  equal('the others of a multi with an error run', 'text', await cluster.get('{m}a'));
}

async function scripts() {
  equal('eval', ['{s}a', 'x'],
    await cluster.eval('return {KEYS[1], ARGV[1]}', { keys: ['{s}a'], arguments: ['x'] }));
  equal('a script by its SHA1', [5, 7], [await cluster.add('n', 5), await cluster.add('n', 2)]);
  const node = await cluster.nodeClient(cluster.slots[0].master);
  await node.scriptFlush();
  equal('a script comes back by itself', 8, await cluster.add('n', 1));
  if (!atollOnly('a failing script leaves nothing')) return;
  await rejects('a failing script', 'no', cluster.eval(
    "redis.call('set', KEYS[1], 'x') error('no')", { keys: ['{s}w'], arguments: [] },
  ));
  equal('a failing script leaves nothing', 0, await cluster.exists('{s}w'));
}

async function messages() {
  const heard = [];
  await cluster.subscribe('news', (message, channel) => heard.push([channel, message]));
  await cluster.pSubscribe('n?ws', (message, channel) => heard.push([channel, message]));
  await cluster.publish('news', 'one');
  await until(() => heard.length === 2);
  equal('a message to a channel and to a pattern', [['news', 'one'], ['news', 'one']], heard);
  await cluster.unsubscribe('news');
  await cluster.pUnsubscribe('n?ws');
  await cluster.publish('news', 'two');

  const sharded = [];
  for (const channel of ['foo', 'bar', 'name']) {
    await cluster.sSubscribe(channel, (message, from) => sharded.push([from, message]));
    await cluster.sPublish(channel, `to ${channel}`);
  }
  await until(() => sharded.length === 3);
  equal('messages to shard channels of three slots',
    [['bar', 'to bar'], ['foo', 'to foo'], ['name', 'to name']], sharded.sort());
  for (const channel of ['foo', 'bar', 'name']) await cluster.sUnsubscribe(channel);
  equal('nothing is heard after unsubscribing', 2, heard.length);
}

async function streams() {
  const ids = [];
  for (let i = 0; i < 3; i += 1) ids.push(await cluster.xAdd('stream', '*', { i: String(i) }));
  const all = await cluster.xRange('stream', '-', '+');
  equal('a stream', [ids, ['0', '1', '2']],
    [all.map(({ id }) => id), all.map(({ message }) => message.i)]);
  await cluster.xGroupCreate('stream', 'group', '0');
  const read = await cluster.xReadGroup('group', 'me', { key: 'stream', id: '>' }, { COUNT: 2 });
  equal('a group reads two', ids.slice(0, 2), read[0].messages.map(({ id }) => id));
  equal('what is pending', 2, (await cluster.xPending('stream', 'group')).pending);
  equal('acknowledged', 2, await cluster.xAck('stream', 'group', ids));
  // A connection of its own: on the shared one, others would wait behind it.
  const reader = await cluster.duplicate().connect();
  const waiting = reader.xRead({ key: 'stream', id: ids[2] }, { BLOCK: 10000 });
  const late = await cluster.xAdd('stream', '*', { i: 'late' });
  const [{ messages: [{ id, message }] }] = await waiting;
  equal('a reader that waits is woken', [late, 'late'], [id, message.i]);
  await reader.close();
}

async function reconnection() {
  if (!process.env.CLIENTS_RESTART) {
    skip('a node is restarted');
    return;
  }
  const keys = ['foo', 'bar', 'name'];
  for (const key of keys) await cluster.set(key, `kept ${key}`);
  const heard = [];
  await cluster.sSubscribe('foo', (message) => heard.push(message));
  for (let i = 0; i < masters; i += 1) await restart(port + i);
  for (const key of keys) {
    const got = await until(() => cluster.get(key).catch(() => undefined));
    equal(`${key} is there after its node was restarted`, `kept ${key}`, got);
  }
  await until(async () => {
    await cluster.sPublish('foo', 'again').catch(() => undefined);
    return heard.length > 0;
  });
  equal('a subscription comes back by itself', 'again', heard[0]);
}

await cluster.connect();
await runAll([
  empty, values, pipelines, transactions, scripts, messages, streams, reconnection,
]);
await cluster.close().catch(() => cluster.destroy());
summary();
process.exit();
