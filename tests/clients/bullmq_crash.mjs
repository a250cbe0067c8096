// BullMQ: ten thousand jobs, four worker processes, one of which is killed in the middle.
//
// usage: bullmq_crash.mjs HOST PORT MASTERS, from a folder where bullmq and ioredis are installed
//
// What has to hold: each job ends as completed, none is failed or left, and each has taken effect
// exactly once. BullMQ runs a job again when the lock of the process that had it has run out
// ("stalled"), so a job may begin twice. Its effect is a script that adds to a counter unless the
// job's own mark is there already: that script runs again and changes nothing the second time.

import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { equal, host, installed, port, runAll, summary, until } from './checks.mjs';

const { Queue, Worker } = installed('bullmq');
const { Cluster } = installed('ioredis');

const jobs = 10000;
const processes = 4;
const prefix = '{crash}';
const effect = `
  local first = redis.call('set', KEYS[1], ARGV[1], 'NX')
  if first then redis.call('incr', KEYS[2]) end
  redis.call('incr', KEYS[3])
  return first and 1 or 0`;

const connect = () => {
  const cluster = new Cluster([{ host, port }], { redisOptions: { maxRetriesPerRequest: null } });
  cluster.defineCommand('effect', { numberOfKeys: 3, lua: effect });
  cluster.on('error', (error) => console.log(`client error: ${error.message}`));
  return cluster;
};

/** What each of the processes does, until it is killed. */
async function work(name) {
  const connection = connect();
  const worker = new Worker(name, async (job) => {
    const keys = [`done:${job.data.i}`, 'effects', 'runs'].map((key) => `${prefix}:${name}:${key}`);
    await connection.effect(...keys, process.pid);
    await sleep(2);
    return job.data.i;
  }, {
    connection,
    prefix,
    concurrency: 50,
    lockDuration: 2000,
    stalledInterval: 1000,
    maxStalledCount: 5,
  });
  worker.on('error', (error) => console.log(`worker error: ${error.message}`));
  await new Promise(() => {});
}

const self = fileURLToPath(import.meta.url);

const startProcess = (name) =>
  spawn(process.execPath, [self, host, String(port), 'worker', name], { stdio: 'inherit' });

async function crash() {
  const name = `crash-${Date.now().toString(36)}`;
  const connection = connect();
  const queue = new Queue(name, { connection, prefix });
  for (let i = 0; i < jobs; i += 1000) {
    await queue.addBulk(
      Array.from({ length: 1000 }, (_, at) => ({ name: 'job', data: { i: i + at } })),
    );
  }
  const workers = Array.from({ length: processes }, () => startProcess(name));
  const counter = async (key) => Number(await connection.get(`${prefix}:${name}:${key}`));
  const completed = async () => (await queue.getJobCounts('completed')).completed;
  equal('the work begins', true, await until(async () => (await completed()) > jobs / 4, 30000));
  const lost = (await queue.getJobCounts('active')).active;
  workers[0].kill('SIGKILL');
  equal('a process is killed in the middle', true, (await completed()) < jobs && lost > 0);
  await until(async () => (await completed()) === jobs, 60000);
  const { active, completed: ended, delayed, failed, waiting } = await queue.getJobCounts();
  equal('all jobs are completed, none is left',
    { active: 0, ended: jobs, delayed: 0, failed: 0, waiting: 0 },
    { active, ended, delayed, failed, waiting });
  equal('each job has taken effect once', jobs, await counter('effects'));
  const runs = await counter('runs');
  equal('few run again', true, (runs >= jobs && runs <= jobs + 100) || runs);
  const marks = await Promise.all(Array.from({ length: jobs }, (_, i) =>
    connection.exists(`${prefix}:${name}:done:${i}`)));
  equal('each job has left its mark', jobs, marks.reduce((sum, mark) => sum + mark));
  console.log(`     ${runs - jobs} of ${jobs} ran twice`);
  workers.forEach((worker) => worker.kill('SIGKILL'));
  await queue.close();
  connection.disconnect();
}

if (process.argv[4] === 'worker') {
  await work(process.argv[5]);
} else {
  await runAll([crash]);
  summary();
  process.exit();
}
