import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freeAddresses } from '../../support/sidecar-process.ts';
import { virtualEnv } from '../../support/virtual-env.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const startPatienceMs = 20_000;

/** How a case ended: what its WebSocket did, and how that was closed, in Autobahn's words. */
export interface CaseEnding {
  readonly behavior: string;
  readonly behaviorClose: string;
}

/** kosoku and the server that it is asked to test, from the Python package index. */
export function installKosoku() {
  return virtualEnv('kosoku', here('requirements.txt'));
}

/** Starts the server; returns its `host:port` once it listens. It ends with this process. */
export async function startEcho(bin: string): Promise<string> {
  const [address] = await freeAddresses(1);
  const port = address.slice(address.lastIndexOf(':') + 1);
  const child = spawn(`${bin}/python`, [here('echo.py'), port], { stdio: ['ignore', 'ignore', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  for (const untilMs = Date.now() + startPatienceMs; !(await listens(Number(port))); ) {
    if (Date.now() > untilMs || child.exitCode !== null)
      throw new Error('the WebSocket server did not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return address;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const connected = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  });
  socket.destroy();
  return connected;
}

/** Runs the cases against a server, in at most so long, and returns how each ended. */
export async function runCases(
  bin: string,
  address: string,
  cases: readonly string[],
  withinMs: number,
): Promise<ReadonlyMap<string, CaseEnding>> {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-kosoku-'));
  try {
    const include = cases.flatMap((one) => ['--include', one]);
    const args = ['--outdir', folder, '--parallelism', '4', ...include, `ws://${address}`];
    const child = spawn(`${bin}/kosoku`, args, { stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
    const [code, signal] = await once(child, 'exit');
    clearTimeout(timer);
    if (signal !== null) throw new Error(`the cases took more than ${withinMs / 1000} s`);
    // 1 says that cases failed, which the report says better.
    if (code > 1) throw new Error(`kosoku ended with exit code ${code}`);
    const report = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
    return new Map(Object.entries(Object.values(report)[0] as Record<string, CaseEnding>));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
