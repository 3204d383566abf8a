import { mkdirSync } from 'node:fs';
import { connectRaw, grpcHead, grpcMessage } from '../../support/raw-http2.ts';
import { start } from '../child-process.ts';
import type { Replicas } from '../measure.ts';
import { haproxy } from '../peers/haproxy.ts';
import { outriggerWith } from '../peers/outrigger.ts';
import type { Launch, Peer } from '../peers/peer.ts';
import { freePorts } from '../ports.ts';
import type { Alone } from '../report.ts';
import { QuotaGroup, quotaMissing } from './quota-group.ts';

/** What sidecars usually get. */
const limits = { milliCores: 100, memoryMiB: 128 };
const callsPerSecond = 200;
const firstSeconds = 8;
const laterSeconds = 20;
const idleSeconds = 20;
/** Before the processes of the kernel have settled, idle is not idle. */
const settleMs = 3000;
const patienceMs = 60_000;
const goals = { readyMs: 3000, firstP99Ms: 50, laterP99Ms: 8, laterP999Ms: 25, idlePercent: 0.2 };

interface Figures {
  readonly readyMs: number;
  readonly first: readonly number[];
  readonly later: readonly number[];
  readonly idlePercent: number;
}

/** '' where it can be measured here, else why not. */
export const smallContainerMissing = quotaMissing;

/**
 * A sidecar and HAProxy in the limits of a small container, from their launch: how soon they serve, and how evenly. `command` starts the
 * sidecar; `dir` is for configurations.
 */
export async function measureSmallContainer(
  command: readonly string[],
  { ports: upstream, cert, key }: Replicas,
  collector: number,
  dir: string,
): Promise<Alone[]> {
  const [ours] = outriggerWith({ command });
  const [beside] = haproxy;
  const rows: Alone[] = [];
  for (const peer of beside.missing() === '' ? [ours, beside] : [ours]) {
    const [listen, admin] = await freePorts(2);
    const own = `${dir}/small-${listen}`;
    mkdirSync(own);
    const launch = peer.prepare(own, { listen, admin, collector, replicas: upstream, cert, key });
    rows.push(...rowsOf(peer, await measure(launch, listen), peer === ours));
  }
  return rows;
}

function rowsOf({ name }: Peer, figures: Figures, isOurs: boolean): Alone[] {
  const { readyMs, first, later, idlePercent } = figures;
  const what = `${limits.milliCores}m CPU, ${limits.memoryMiB} MiB, ${callsPerSecond} calls/s, ${name}`;
  const row = (of: string, value: number, goal: number, unit: string): Alone => ({
    what: `${what}: ${of}`,
    measured: `${value.toFixed(unit === 'ms' ? 1 : 2)} ${unit}`,
    ...(isOurs && { goal: `${goal} ${unit}`, met: value <= goal }),
  });
  return [
    row('ready after', readyMs, goals.readyMs, 'ms'),
    row(`p99 of the first ${firstSeconds} s`, quantile(first, 0.99), goals.firstP99Ms, 'ms'),
    row('p99 later', quantile(later, 0.99), goals.laterP99Ms, 'ms'),
    row('p99.9 later', quantile(later, 0.999), goals.laterP999Ms, 'ms'),
    row('idle', idlePercent, goals.idlePercent, '% of a core'),
  ];
}

async function measure(launch: Launch, port: number): Promise<Figures> {
  const group = new QuotaGroup(`outrigger-bench-${process.pid}`, limits);
  try {
    const beganMs = performance.now();
    const env = { ...process.env, ...launch.env };
    const program = start(group.command(launch.command), null, env);
    try {
      await served(port, launch, () => {
        if (program.exited()) throw new Error(`it ended: ${program.stderr()}`);
      });
      const readyMs = performance.now() - beganMs;
      const first = await paced(port, firstSeconds);
      const later = await paced(port, laterSeconds);
      await wait(settleMs);
      const before = group.cpuMs();
      await wait(idleSeconds * 1000);
      const idlePercent = (group.cpuMs() - before) / idleSeconds / 10;
      return { readyMs, first, later, idlePercent };
    } finally {
      await program.stop();
    }
  } finally {
    group.remove();
  }
}

/** Resolves once it is ready and a call is answered. */
async function served(port: number, { readyUrl }: Launch, check: () => void): Promise<void> {
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    check();
    if (performance.now() > untilMs) throw new Error('it served no call');
    const ready = readyUrl === undefined || (await fetch(readyUrl).catch(() => null))?.status === 200;
    if (ready && (await call(port).catch(() => false))) return;
    await wait(20);
  }
}

async function call(port: number): Promise<boolean> {
  const client = connectRaw(`127.0.0.1:${port}`);
  try {
    const { trailers } = await client.request(
      grpcHead('/bench.Echo/Unary'),
      grpcMessage(Buffer.alloc(25, 1)),
    );
    return trailers['grpc-status'] === '0';
  } finally {
    client.close();
  }
}

/** The latencies of calls that begin at even times whatever became of those before, milliseconds. */
async function paced(port: number, seconds: number): Promise<number[]> {
  const client = connectRaw(`127.0.0.1:${port}`);
  const latencies: number[] = [];
  const calls: Array<Promise<void>> = [];
  const message = grpcMessage(Buffer.alloc(25, 1));
  const once = async (dueMs: number): Promise<void> => {
    const { trailers } = await client.request(grpcHead('/bench.Echo/Unary'), message);
    if (trailers['grpc-status'] !== '0') throw new Error(`a call ended with ${trailers['grpc-status']}`);
    latencies.push(performance.now() - dueMs);
  };
  const beganMs = performance.now();
  for (let i = 0; i < seconds * callsPerSecond; i++) {
    const dueMs = beganMs + (i * 1000) / callsPerSecond;
    const leftMs = dueMs - performance.now();
    if (leftMs > 0) await wait(leftMs);
    // From its true beginning: that this process was late is not the proxy's doing.
    calls.push(once(performance.now()));
  }
  await Promise.all(calls);
  client.close();
  return latencies.sort((a, b) => a - b);
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
