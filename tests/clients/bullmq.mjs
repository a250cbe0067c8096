// BullMQ at work on a running server: its own Lua scripts do all of what is checked here.
//
// usage: bullmq.mjs HOST PORT MASTERS, from a folder where bullmq and ioredis are installed
// Uses queues of its own; leaves their keys behind.

import { setTimeout as sleep } from 'node:timers/promises';

import { equal, host, installed, port, runAll, summary, until } from './checks.mjs';

const { FlowProducer, Queue, QueueEvents, Worker } = installed('bullmq');
const { Cluster } = installed('ioredis');

const jobs = 2000;
// All keys of a queue have to be of one slot.
const prefix = '{jobs}';
const run = Date.now().toString(36);
const open = [];

const connect = () => {
  const cluster = new Cluster([{ host, port }], { redisOptions: { maxRetriesPerRequest: null } });
  cluster.on('error', (error) => console.log(`client error: ${error.message}`));
  return cluster;
};

/** An object of BullMQ with a connection of its own; both are closed at the end. */
function opened(make) {
  const connection = connect();
  const thing = make({ connection, prefix });
  thing.on('error', (error) => console.log(`error: ${error.message}`));
  open.push(async () => {
    await thing.close();
    connection.disconnect();
  });
  return thing;
}

const queue = (name) => opened((options) => new Queue(`${name}-${run}`, options));
const events = (name) => opened((options) => new QueueEvents(`${name}-${run}`, options));
const worker = (name, work, more = {}) =>
  opened((options) => new Worker(`${name}-${run}`, work, { ...options, ...more }));

async function bulk() {
  const bulk = queue('bulk');
  const seen = new Map();
  await bulk.addBulk(Array.from({ length: jobs }, (_, i) => ({ name: 'job', data: { i } })));
  const work = async ({ data: { i } }) => {
    seen.set(i, (seen.get(i) ?? 0) + 1);
    return i * 2;
  };
  for (let i = 0; i < 4; i += 1) worker('bulk', work, { concurrency: 25 });
  const completed = async () => (await bulk.getJobCounts('completed')).completed;
  await until(async () => (await completed()) === jobs, 120000);
  equal('bulk: all are completed', jobs, await completed());
  equal('bulk: each runs once', [jobs, true],
    [seen.size, [...seen.values()].every((times) => times === 1)]);
  const some = await bulk.getCompleted(0, 49);
  equal('bulk: what they return', true, some.every((job) => job.returnvalue === job.data.i * 2));
}

async function priorities() {
  const prio = queue('prio');
  const order = [];
  await prio.pause();
  for (const priority of [5, 1, 3, 2, 4]) await prio.add('job', { priority }, { priority });
  worker('prio', async (job) => order.push(job.data.priority));
  await prio.resume();
  await until(() => order.length === 5);
  equal('jobs run in order of priority', [1, 2, 3, 4, 5], order);
}

async function delays() {
  const delayed = queue('delay');
  const heard = events('delay');
  await heard.waitUntilReady();
  let [tries, ran] = [0, 0];
  const started = Date.now();
  worker('delay', async (job) => {
    if (job.name === 'late') {
      ran = Date.now();
      return 'late';
    }
    tries += 1;
    if (tries < 3) throw new Error('not yet');
    return tries;
  });
  const late = await delayed.add('late', {}, { delay: 700 });
  const retried = await delayed.add('retried', {},
    { attempts: 3, backoff: { type: 'fixed', delay: 100 } });
  equal('a delayed job is heard of', 'late', await late.waitUntilFinished(heard, 15000));
  equal('a delayed job is late', true, ran - started >= 690 || ran - started);
  equal('a job is tried three times', 3, await retried.waitUntilFinished(heard, 15000));
  const once = await delayed.add('once', {}, { jobId: 'only' });
  const again = await delayed.add('once', {}, { jobId: 'only' });
  equal('the id of a job is taken once', once.id, again.id);
}

async function flows() {
  queue('flow');
  const producer = opened((options) => new FlowProducer(options));
  const queueName = `flow-${run}`;
  let children;
  worker('flow', async (job) => {
    if (job.name === 'child') return job.data.value;
    children = Object.values(await job.getChildrenValues()).sort();
    return 'parent';
  }, { concurrency: 5 });
  const tree = await producer.add({
    name: 'parent',
    queueName,
    children: [1, 2, 3, 4].map((value) => ({ name: 'child', data: { value }, queueName })),
  });
  await until(async () => (await tree.job.getState()) === 'completed');
  equal('a parent runs after its children', [1, 2, 3, 4], children);
}

async function limits() {
  const limited = queue('rate');
  const times = [];
  await limited.addBulk(Array.from({ length: 12 }, (_, i) => ({ name: 'job', data: { i } })));
  worker('rate', async () => times.push(Date.now()),
    { limiter: { max: 3, duration: 500 }, concurrency: 5 });
  await until(() => times.length === 12, 30000);
  const took = times.at(-1) - times[0];
  equal('twelve jobs at three in 500 ms take 1.4 s', [12, true],
    [times.length, took >= 1400 || took]);
}

async function schedules() {
  const scheduled = queue('schedule');
  let ran = 0;
  worker('schedule', async () => { ran += 1; });
  await scheduled.upsertJobScheduler('tick', { every: 200, limit: 4 }, { name: 'tick' });
  await until(() => ran >= 4, 30000);
  equal('a scheduler makes four jobs', 4, ran);
}

async function deduplication() {
  const few = queue('few');
  const deduplication = { id: 'same', ttl: 5000 };
  const first = await few.add('job', {}, { deduplication });
  const second = await few.add('job', {}, { deduplication });
  equal('a job that is there already is not added', first.id, second.id);
  await few.addBulk(Array.from({ length: 50 }, () => ({ name: 'job', data: {} })));
  await few.obliterate({ force: true });
  equal('obliterate leaves nothing', 0,
    Object.values(await few.getJobCounts()).reduce((sum, count) => sum + count));
}

await runAll([bulk, priorities, delays, flows, limits, schedules, deduplication]);
await Promise.race([Promise.allSettled(open.map((close) => close())), sleep(3000)]);
summary();
// What could not be closed must not keep the process.
process.exit();
