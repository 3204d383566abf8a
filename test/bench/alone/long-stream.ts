import http2 from 'node:http2';
import { grpcHead, startRawServer } from '../../support/raw-http2.ts';
import type { Alone } from '../report.ts';
import { rssMiB } from './memory.ts';

export const streamBytes = 2 ** 30;
/** What the window, buffers and V8 may take on top of an idle proxy while it passes; V8's young generation, given back before, is 32 of them. */
const moreMiBMax = 80;
const path = '/bench.Echo/Stream';
const chunk = Buffer.alloc(256 << 10, 0x6f);

/** An endpoint that sends back what comes, as it comes. */
export function startStreamServer() {
  return startRawServer((stream, head) => {
    const base = { ':status': 200, 'content-type': 'application/grpc' };
    // Who does not know the health service counts as healthy.
    if (head[':path'] !== path) return stream.respond({ ...base, 'grpc-status': '12' }, { endStream: true });
    stream.respond(base);
    stream.pipe(stream);
  });
}

/** One stream of a gibibyte there and back through a proxy on `port`: its resident memory meanwhile. */
export async function measureLongStream(pid: number, port: number): Promise<Alone> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const before = rssMiB(pid);
  let highest = before;
  const sampler = setInterval(() => {
    highest = Math.max(highest, rssMiB(pid));
  }, 100);
  try {
    const stream = session.request(grpcHead(path));
    let received = 0;
    const done = new Promise<void>((resolve, reject) => {
      stream.on('data', (piece: Buffer) => {
        received += piece.length;
      });
      stream.once('end', resolve);
      stream.once('error', reject);
    });
    const beganMs = performance.now();
    for (let sent = 0; sent < streamBytes; sent += chunk.length) {
      if (stream.write(chunk)) continue;
      const drained = new Promise((resolve) => stream.once('drain', resolve));
      await Promise.race([drained, done]);
      if (stream.readableEnded) throw new Error(`it ended after ${received} bytes`);
    }
    stream.end();
    await done;
    if (received !== streamBytes) throw new Error(`${received} bytes came back`);
    const seconds = (performance.now() - beganMs) / 1000;
    const more = highest - before;
    return {
      what: 'resident memory while 1 GiB passes, each way, on one stream',
      measured: `${before.toFixed(0)} -> ${highest.toFixed(0)} MiB at the most, ${seconds.toFixed(1)} s`,
      goal: `${moreMiBMax} MiB more`,
      met: more <= moreMiBMax,
    };
  } finally {
    clearInterval(sampler);
    session.destroy();
  }
}
