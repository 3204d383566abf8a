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

const head = Buffer.concat([
  Buffer.from([0x83, 0x86]), // POST, http
  ...[
    [':authority', '127.0.0.1'],
    [':path', '/bench.Echo/Unary'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ].map(([name, value]) => literalField(name, value, false)),
]);

/**
 * Resident memory of a proxy that has just started: as it stands, with connections that say nothing, with calls open on them
 * that never end, and after all have gone.
 */
export async function measureMemory(pid: number, port: number): Promise<Alone[]> {
  await pause(settleMs);
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
  const mib = (value: number) => `${value.toFixed(0)} MiB`;
  const line = (what: string, measured: string, goal: string, met: boolean): Alone => ({
    what,
    measured,
    goal,
    met,
  });
  return [
    line('resident memory, idle', mib(idle), mib(goals.idleMiB), idle <= goals.idleMiB),
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

export function rssMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
