import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { connectRaw, grpcHead, grpcMessage } from '../../support/raw-http2.ts';
import { start } from '../child-process.ts';
import { freePorts } from '../ports.ts';
import { type Alone, median } from '../report.ts';

const rounds = 5;
const goalMs = 500;
const patienceMs = 10_000;
const entries = {
  'dist/main.js': fileURLToPath(new URL('../../../dist/main.js', import.meta.url)),
  sources: fileURLToPath(new URL('../../../src/main.ts', import.meta.url)),
};

/** From the launch of the process to the reply of the first call that it serves. */
export async function measureStart(replica: number, say: (text: string) => void): Promise<Alone[]> {
  const rows: Alone[] = [];
  for (const [name, entry] of Object.entries(entries)) {
    if (!existsSync(entry)) {
      say(`without the start from ${name}: it is not there (make build)`);
      continue;
    }
    const taken: number[] = [];
    for (let i = 0; i < rounds; i++) taken.push(await once(entry, replica));
    const ms = median(taken);
    const measured = `${ms.toFixed(0)} ms (${taken.map((one) => one.toFixed(0)).join(', ')})`;
    rows.push({
      what: `first call served after launch, ${name}`,
      measured,
      goal: `${goalMs} ms`,
      met: ms <= goalMs,
    });
  }
  return rows;
}

async function once(entry: string, replica: number): Promise<number> {
  const [listen, admin] = await freePorts(2);
  const address = `127.0.0.1:${listen}`;
  const flags = ['--from', address, '--to', `127.0.0.1:${replica}`, '--admin', `127.0.0.1:${admin}`];
  const beganMs = performance.now();
  const program = start([process.execPath, entry, 'run', ...flags], null);
  try {
    while (!(await served(address))) {
      if (program.exited() || performance.now() - beganMs > patienceMs)
        throw new Error(`no call was served: ${program.stderr()}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return performance.now() - beganMs;
  } finally {
    await program.stop();
  }
}

async function served(address: string): Promise<boolean> {
  const client = connectRaw(address);
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
