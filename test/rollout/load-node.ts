import { connectGreeter } from '../support/greeter-client.ts';
import type { Failure, LoadResult } from './load.ts';

/**
 * A client that makes calls at a steady rate until SIGTERM, and then tells how they went:
 * `node load-node.ts TARGET CALLS_PER_SECOND STREAMS_PER_SECOND REPLIES PAUSE_MS`.
 */
const [target, ...numbers] = process.argv.slice(2);
const [callsPerSecond, streamsPerSecond, replies, pauseMs] = numbers.map(Number);

const tickMs = 10;
/** A machine that cannot keep up gets fewer calls instead of older ones, whose deadline would say nothing of a rollout. */
const inFlightMax = 200;
const deadlineMs = 20_000;
const client = connectGreeter(target);
const result: LoadResult = { calls: 0, streams: 0, late: 0, failures: [] };
let inFlight = 0;
let callsDue = 0;
let streamsDue = 0;
let stopping = false;

async function measure(kind: Failure['kind'], run: () => Promise<string>): Promise<void> {
  if (inFlight >= inFlightMax) {
    result.late++;
    return;
  }
  inFlight++;
  const startedWallMs = Date.now();
  const wrong = await run();
  inFlight--;
  if (kind === 'call') result.calls++;
  else result.streams++;
  if (wrong !== '') result.failures.push({ kind, what: wrong, startedWallMs, endedWallMs: Date.now() });
  if (stopping && inFlight === 0) end();
}

const call = async (): Promise<string> => {
  const { code, details } = await client.sayHello('rollout', { deadlineMs });
  return code === 0 ? '' : `${code} ${details}`;
};
const stream = async (): Promise<string> => {
  const got = await client.serverStream({ options: { replies, pauseMs } }, { deadlineMs });
  if (got.code !== 0) return `${got.code} ${got.details}`;
  return got.replies.length === replies ? '' : `${got.replies.length} of ${replies} replies`;
};

let lastMs = performance.now();
const timer = setInterval(() => {
  const nowMs = performance.now();
  callsDue += ((nowMs - lastMs) * callsPerSecond) / 1000;
  streamsDue += ((nowMs - lastMs) * streamsPerSecond) / 1000;
  lastMs = nowMs;
  for (; callsDue >= 1; callsDue--) void measure('call', call);
  for (; streamsDue >= 1; streamsDue--) void measure('stream', stream);
}, tickMs);

function end(): void {
  client.close();
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}
process.on('SIGTERM', () => {
  stopping = true;
  clearInterval(timer);
  if (inFlight === 0) end();
});
process.stdout.write('started\n');
