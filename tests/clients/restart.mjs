// Restarting a node of the cluster that is tested: ../clients/servers.sh says how.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Ends the node on that port with a signal, and starts it anew; does not wait until it serves. */
export async function restart(port, signal = 'TERM') {
  await promisify(execFile)(process.env.CLIENTS_RESTART, [String(port), signal]);
}
