import { connectRaw, grpcHead, grpcMessage } from '../../support/raw-http2.ts';
import { start } from '../child-process.ts';
import { freePorts } from '../ports.ts';
import { type Alone, median } from '../report.ts';
import type { Programs } from './programs.ts';

const rounds = 5;
const goalMs = 500;
const patienceMs = 10_000;

/** From the launch of the process to the reply of the first call that it serves. */
export async function measureStart({ built, sources }: Programs, replica: number): Promise<Alone[]> {
  const inTurn = async (entry: string) => {
    const taken: number[] = [];
    for (let i = 0; i < rounds; i++) taken.push(await once(entry, replica));
    const ms = median(taken);
    return { ms, measured: `${ms.toFixed(0)} ms (${taken.map((one) => one.toFixed(0)).join(', ')})` };
  };
  const what = 'first call served after launch';
  const { ms, measured } = await inTurn(built);
  return [
    { what, measured, goal: `${goalMs} ms`, met: ms <= goalMs },
    { what: `${what}, from the sources`, measured: (await inTurn(sources)).measured },
  ];
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
