import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { Alone } from '../report.ts';
import { literalField } from '../wire/block-reader.ts';
import { END_HEADERS, FrameWriter, preface, Type } from '../wire/frames.ts';

const connections = 1000;
const streamsEach = 10;
const goals = { idleMiB: 90, perStreamKiB: 20, perConnectionKiB: 64, backShare: 1.1 };
/** For sockets to be accepted and heads to be passed on, and at the end for a garbage collection or two. */
const settleMs = 4000;
const backMs = 60_000;
/** Enough for V8 to compile what a call goes through. */
export const loadCalls = 20_000;
/** The sidecar takes itself for idle after half a minute, and looks every ten seconds. */
const quietMs = 45_000;

const head = Buffer.concat([
  Buffer.from([0x83, 0x86]), // POST, http
  ...[
    [':authority', '127.0.0.1'],
    [':path', '/bench.Echo/Unary'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ].map(([name, value]) => literalField(name, value, false)),
]);

/** Resident memory of a proxy that has nothing to do: as it started, and after the `loadCalls` of `load`. */
export async function measureIdle(pid: number, load: () => Promise<unknown>): Promise<Alone[]> {
  await pause(settleMs);
  const fresh = memoryOf(pid);
  await load();
  await pause(quietMs);
  const idle = memoryOf(pid);
  const line = (what: string, { rssMiB, sharedMiB }: ResidentMemory): Alone => ({
    what: `resident memory, ${what}`,
    measured: `${mib(rssMiB)}, ${mib(sharedMiB)} of them files (Node itself) that every Node process shares`,
    goal: mib(goals.idleMiB),
    met: rssMiB <= goals.idleMiB,
  });
  return [line('idle since the start', fresh), line(`${quietMs / 1000} s after ${loadCalls} calls`, idle)];
}

/**
 * Resident memory of a proxy: with connections that say nothing, with calls open on them that never end, and after all have
 * gone. What it is compared with is a proxy that rests from some `load`: compiled code is not what a connection leaves behind.
 */
export async function measureMemory(
  pid: number,
  port: number,
  load: () => Promise<unknown>,
): Promise<Alone[]> {
  await load();
  await pause(quietMs);
  const idle = rssMiB(pid);
  const sockets: Socket[] = [];
  const writers: FrameWriter[] = [];
  for (let i = 0; i < connections; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    await new Promise((done) => socket.once('connect', done));
    sockets.push(socket);
    const writer = new FrameWriter(socket);
    writer.raw(preface);
    writer.frame(Type.Settings, 0, 0, Buffer.alloc(0));
    writers.push(writer);
  }
  await pause(settleMs);
  const connected = rssMiB(pid);
  for (const writer of writers) {
    for (let n = 0; n < streamsEach; n++) writer.frame(Type.Headers, END_HEADERS, 2 * n + 1, head);
  }
  await pause(settleMs);
  const open = rssMiB(pid);
  for (const socket of sockets) socket.destroy();
  const untilMs = performance.now() + backMs;
  let after = rssMiB(pid);
  while (after > idle * goals.backShare && performance.now() < untilMs) {
    await pause(settleMs / 2);
    after = Math.min(after, rssMiB(pid));
  }
  const perConnection = ((connected - idle) * 1024) / connections;
  const perStream = ((open - connected) * 1024) / (connections * streamsEach);
  const line = (what: string, measured: string, goal: string, met: boolean): Alone => ({
    what,
    measured,
    goal,
    met,
  });
  return [
    line(
      `resident memory per connection, ${connections} of them`,
      `${perConnection.toFixed(1)} KiB (${mib(connected)} in all)`,
      `${goals.perConnectionKiB} KiB`,
      perConnection <= goals.perConnectionKiB,
    ),
    line(
      `resident memory per open stream, ${connections * streamsEach} of them`,
      `${perStream.toFixed(1)} KiB (${mib(open)} in all)`,
      `${goals.perStreamKiB} KiB`,
      perStream <= goals.perStreamKiB,
    ),
    line(
      'resident memory a minute after they have gone',
      mib(after),
      mib(idle * goals.backShare),
      after <= idle * goals.backShare,
    ),
  ];
}

interface ResidentMemory {
  readonly rssMiB: number;
  /** Pages of files, which the system holds once for all who have them open. */
  readonly sharedMiB: number;
}

function memoryOf(pid: number): ResidentMemory {
  const file = /^RssFile:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return { rssMiB: rssMiB(pid), sharedMiB: Number(file) / 1024 };
}

function mib(value: number): string {
  return `${value.toFixed(0)} MiB`;
}

export function rssMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
