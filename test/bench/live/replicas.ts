import { once } from 'node:events';
import http2, { type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  failedStatus,
  okStatus,
  type ReplicasReady,
  type RunBegins,
  replicaHeader,
  workHeader,
} from './protocol.ts';
import { WorkerQueue } from './worker-queue.ts';

/**
 * The replicas of the live run, all in this process: gRPC servers that sleep as long as a call says, with few workers each. Forked
 * with the number of replicas as argument; sends `ReplicasReady` once, and an empty message after each `RunBegins`. Ends when its
 * parent disconnects.
 */
const emptyMessage = Buffer.alloc(5);

let zeroMs = 0;
let queues: readonly WorkerQueue[] = [];

const sinceZeroMs = (): number => performance.timeOrigin + performance.now() - zeroMs;

function begin(run: RunBegins): void {
  zeroMs = run.zeroMs;
  queues = queues.map((_, i) => {
    const own = run.troubles.filter(({ replica }) => replica === i);
    return new WorkerQueue(run.workers, own);
  });
}

function serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, index: number): void {
  stream.on('error', () => stream.destroy());
  stream.resume();
  const { doneMs, failed } = queues[index].take(sinceZeroMs(), Number(headers[workHeader] ?? 0));
  const reply = (): void => {
    // setTimeout may be a millisecond early; nothing but a reply follows, so that is close enough.
    if (stream.destroyed) return;
    const head = { ':status': 200, 'content-type': 'application/grpc', [replicaHeader]: String(index) };
    if (failed) {
      stream.respond({ ...head, 'grpc-status': failedStatus }, { endStream: true });
      return;
    }
    stream.respond(head, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': okStatus }));
    stream.end(emptyMessage);
  };
  setTimeout(reply, Math.max(0, doneMs - sinceZeroMs()));
}

async function listen(index: number): Promise<number> {
  const server = http2.createServer();
  server.on('session', (session) => session.on('error', () => session.destroy()));
  server.on('stream', (stream, headers) => serve(stream, headers, index));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const count = Number(process.argv[2]);
queues = Array.from({ length: count }, () => new WorkerQueue(1, []));
process.on('message', (run: RunBegins) => {
  begin(run);
  process.send?.({});
});
process.on('disconnect', () => process.exit(0));
const ports = await Promise.all(Array.from({ length: count }, (_, i) => listen(i)));
process.send?.({ ports } satisfies ReplicasReady);
