// ioredis's Cluster: messages, streams, and a node that is restarted.
//
// usage: ioredis_messages.mjs HOST PORT MASTERS, from a folder where ioredis is installed

import { equal, host, installed, masters, port, runAll, skip, summary, until } from './checks.mjs';
import { restart } from './restart.mjs';

const { Cluster } = installed('ioredis');
const run = Date.now().toString(36);
const opened = [];

function connect(options) {
  const cluster = new Cluster([{ host, port }], {
    clusterRetryStrategy: (times) => (times < 100 ? 100 : null),
    ...options,
  });
  cluster.on('error', (error) => console.log(`client error: ${error.message}`));
  opened.push(cluster);
  return cluster;
}

async function messages(cluster) {
  const subscriber = connect();
  const heard = [];
  subscriber.on('message', (channel, message) => heard.push([channel, message]));
  subscriber.on('pmessage', (_pattern, channel, message) => heard.push([channel, message]));
  await subscriber.subscribe(`news-${run}`);
  await subscriber.psubscribe(`n?ws-${run}`);
  // Through each node: whoever is told by one node hears what any node is told.
  for (const node of cluster.nodes('master')) await node.publish(`news-${run}`, 'one');
  await until(() => heard.length === 2 * masters);
  equal('messages through each node', Array(2 * masters).fill([`news-${run}`, 'one']), heard);
  await subscriber.unsubscribe(`news-${run}`);
  await cluster.publish(`news-${run}`, 'two');
  await until(() => heard.length === 2 * masters + 1);
  equal('the pattern alone is left', 2 * masters + 1, heard.length);
}

async function shardMessages(cluster) {
  const subscriber = connect({ shardedSubscribers: true });
  const heard = [];
  subscriber.on('smessage', (channel, message) => heard.push([channel, message]));
  for (const channel of ['foo', 'bar', 'name']) {
    await subscriber.ssubscribe(channel);
    equal(`one subscriber of ${channel}`, 1, await cluster.spublish(channel, `to ${channel}`));
  }
  await until(() => heard.length === 3);
  equal('messages to shard channels of three slots',
    [['bar', 'to bar'], ['foo', 'to foo'], ['name', 'to name']], heard.sort());
}

async function streams(cluster) {
  const [stream, first] = [`stream-${run}`, `first-${run}`];
  await cluster.xgroup('CREATE', stream, 'group', '$', 'MKSTREAM');
  const ids = [];
  for (let i = 0; i < 100; i += 1) ids.push(await cluster.xadd(stream, '*', 'i', i));
  const seen = [];
  const consume = async (name) => {
    for (;;) {
      const [[, entries]] = (await cluster.xreadgroup('GROUP', 'group', name, 'COUNT', 7,
        'STREAMS', stream, '>')) ?? [[null, []]];
      if (entries.length === 0) return;
      seen.push(...entries.map(([id]) => id));
      await cluster.xack(stream, 'group', ...entries.map(([id]) => id));
    }
  };
  await Promise.all(['a', 'b', 'c'].map(consume));
  seen.sort((a, b) => ids.indexOf(a) - ids.indexOf(b));
  equal('three consumers share a hundred entries', ids, seen);
  equal('nothing is pending', 0, (await cluster.xpending(stream, 'group'))[0]);
  const waiting = connect().xread('BLOCK', 10000, 'STREAMS', first, '0');
  await cluster.xadd(first, '1-1', 'f', 'v');
  equal('a reader that waits', [[first, [['1-1', ['f', 'v']]]]], await waiting);
}

async function reconnection(cluster) {
  if (!process.env.CLIENTS_RESTART) {
    skip('a node is restarted');
    return;
  }
  const keys = ['foo', 'bar', 'name'];
  for (const key of keys) await cluster.set(key, `kept ${key}`);
  const subscriber = connect();
  let heard = 0;
  subscriber.on('message', () => { heard += 1; });
  await subscriber.subscribe('back');
  // Requests go on while the nodes are restarted: each ends with its reply or an error.
  let [running, replies] = [true, 0];
  const load = (async () => {
    while (running) {
      await cluster.incr(`count-${run}`).then(() => { replies += 1; }, () => {});
      await new Promise((done) => { setTimeout(done, 5); });
    }
  })();
  for (let i = 0; i < masters; i += 1) {
    await restart(port + i);
    await until(() => cluster.get(keys[i]).then(() => true, () => false));
  }
  running = false;
  await load;
  for (const key of keys) {
    equal(`${key} is there after its node was restarted`, `kept ${key}`, await cluster.get(key));
  }
  // A request whose reply was lost may have run, and ioredis sends it again by itself.
  const count = Number(await cluster.get(`count-${run}`));
  equal('no acknowledged write is lost', true, count >= replies || { count, replies });
  await until(() => cluster.publish('back', 'x').then(() => heard > 0, () => false));
  equal('a subscription comes back by itself', true, heard > 0);
}

const cluster = connect();
await cluster.ping();
await runAll([messages, shardMessages, streams, reconnection], cluster);
opened.forEach((each) => each.disconnect());
summary();
process.exit();
