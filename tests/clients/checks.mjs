// What the programs in JavaScript share: checks that are counted, and a line for each.

import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';

// From the working directory, not from beside this file: nothing is installed into the repository.
export const installed = createRequire(`${process.cwd()}/`);

export const [host, port, masters] =
  [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

const counts = { passed: 0, failed: 0, skipped: 0 };

export function equal(name, want, got) {
  if (isDeepStrictEqual(want, got)) {
    counts.passed += 1;
    console.log(`ok   ${name}`);
  } else {
    counts.failed += 1;
    console.log(`FAIL ${name}\n     want: ${inspect(want)}\n     got:  ${inspect(got)}`);
  }
}

/** The promise is rejected, with `text` somewhere in the error's message. */
export async function rejects(name, text, promise) {
  const message = await promise.then(
    (reply) => `no error but ${inspect(reply)}`,
    (error) => error.message,
  );
  equal(name, true, message.includes(text) || message);
}

export function skip(name) {
  counts.skipped += 1;
  console.log(`skip ${name}`);
}

/** Whether it is Atoll that is tested; ATOLL_TEST_PEER=redis skips what only Atoll does. */
export function atollOnly(name) {
  const peerIsAtoll = process.env.ATOLL_TEST_PEER !== 'redis';
  if (!peerIsAtoll) skip(name);
  return peerIsAtoll;
}

/** Waits until `ask` gives something true and returns that; false after `limit` milliseconds. */
export async function until(ask, limit = 15000) {
  for (const end = Date.now() + limit; Date.now() < end; await sleep(20)) {
    const answer = await ask();
    if (answer) return answer;
  }
  return false;
}

/** Runs all parts: one that breaks off must not hide what the others would show. */
export async function runAll(parts, ...given) {
  for (const part of parts) {
    try {
      await part(...given);
    } catch (error) {
      equal(`${part.name || 'the beginning'} runs to its end`, undefined, error?.stack ?? error);
    }
  }
}

/** Prints the closing line, and sets what the process exits with. */
export function summary() {
  const { passed, failed, skipped } = counts;
  console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`);
  process.exitCode = failed ? 1 : 0;
}
