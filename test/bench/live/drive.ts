import { once } from 'node:events';
import http2, { type ClientHttp2Session } from 'node:http2';
import { type Arrival, arrivals } from '../../balance-sim/arrivals.ts';
import type { Run } from '../../balance-sim/run.ts';
import type { Scenario } from '../../balance-sim/scenario.ts';
import { failedStatus, okStatus, replicaHeader, workHeader } from './protocol.ts';

/** After the last arrival, how long replies may take. */
const drainPatienceMs = 30_000;
const message = Buffer.alloc(5);
const head = {
  ':method': 'POST',
  ':path': '/bench.Live/Sleep',
  'content-type': 'application/grpc',
  te: 'trailers',
};

/** One client connection to each sidecar. */
export async function connectAll(ports: readonly number[]): Promise<readonly ClientHttp2Session[]> {
  const sessions = ports.map((port) => http2.connect(`http://127.0.0.1:${port}`));
  await Promise.all(sessions.map((session) => once(session, 'connect')));
  return sessions;
}

/** As the simulator has it, and how long after its time each call left, milliseconds. */
export interface LiveRun extends Run {
  readonly lateMs: Float64Array;
}

/**
 * Sends the calls of a scenario to the sidecars at the times that the seed says, whether or not earlier ones are back, and returns
 * what the simulator would. Latency counts from the time at which a call should have left, so a generator that is late does not
 * hide it. Rejects where a call got another answer than a replica gives.
 */
export async function drive(
  scenario: Scenario,
  seed: number,
  sessions: readonly ClientHttp2Session[],
  zeroMs: number,
): Promise<LiveRun> {
  const { calls } = scenario;
  const outcome = {
    scenario,
    arrivedMs: new Float64Array(calls),
    latencyMs: new Float64Array(calls),
    lateMs: new Float64Array(calls),
    replicaOf: new Uint16Array(calls),
    sidecarOf: new Uint16Array(calls),
    failed: new Uint8Array(calls),
  };
  const nowMs = (): number => performance.timeOrigin + performance.now() - zeroMs;
  const settle = async (index: number, { atMs, sidecar, workMs }: Arrival): Promise<void> => {
    const { replica, failed } = await send(sessions[sidecar], workMs);
    outcome.latencyMs[index] = nowMs() - atMs;
    outcome.replicaOf[index] = replica;
    outcome.failed[index] = failed ? 1 : 0;
  };
  const pending: Promise<void>[] = [];
  const errors: unknown[] = [];
  let call = 0;
  for (const arrival of arrivals(scenario, seed)) {
    const waitMs = arrival.atMs - nowMs();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (errors.length > 0) break;
    outcome.arrivedMs[call] = arrival.atMs;
    outcome.sidecarOf[call] = arrival.sidecar;
    outcome.lateMs[call] = nowMs() - arrival.atMs;
    pending.push(settle(call++, arrival).catch((error) => void errors.push(error)));
  }
  await within(drainPatienceMs, Promise.all(pending));
  if (errors.length > 0) throw errors[0];
  return outcome;
}

function send(
  session: ClientHttp2Session,
  workMs: number,
): Promise<{ readonly replica: number; readonly failed: boolean }> {
  const stream = session.request({ ...head, [workHeader]: workMs.toFixed(3) });
  let replica = -1;
  let status = '';
  stream.on('response', (fields) => {
    replica = Number(fields[replicaHeader] ?? -1);
    status = String(fields['grpc-status'] ?? status);
  });
  stream.on('trailers', (fields) => {
    status = String(fields['grpc-status'] ?? status);
  });
  stream.resume();
  stream.end(message);
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('close', () => {
      if (replica >= 0 && (status === okStatus || status === failedStatus))
        resolve({ replica, failed: status === failedStatus });
      else reject(new Error(`a call ended with grpc-status "${status}", not by a replica`));
    });
  });
}

async function within<T>(ms: number, all: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`calls without a reply ${ms} ms after the last one`)), ms);
  });
  try {
    return await Promise.race([all, late]);
  } finally {
    clearTimeout(timer);
  }
}
