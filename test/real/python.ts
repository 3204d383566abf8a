import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Greeter, startGreeter } from '../support/greeter-server.ts';
import { type SidecarProcess, startSidecar } from '../support/sidecar-process.ts';
import { type Checks, expectThat, startChecks, until } from './checks.ts';
import { makeStubs, pythonWithGrpc } from './python-grpc.ts';

/**
 * A Python client, whose HTTP/2 is gRPC's C core, through the sidecar to three real replicas. `--direct` leaves the
 * sidecar out and goes to one replica, to see whether a failure is the sidecar's doing.
 */
const direct = process.argv.includes('--direct');
const here = fileURLToPath(new URL('.', import.meta.url));
const clientTimeoutMs = 120_000;
/** What client.py asks for its call with a deadline, and the little that the C core rounds up on the wire. */
const deadlineMs = 300 + 10;

/** Runs client.py and takes over its verdicts. */
async function runClient(checks: Checks, python: string, target: string, dir: string): Promise<void> {
  const env = { ...process.env, PYTHONUTF8: '1', no_grpc_proxy: '127.0.0.1' };
  const child = spawn(python, [`${here}client.py`, target, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  process.once('exit', () => child.kill('SIGKILL'));
  const timer = setTimeout(() => child.kill('SIGKILL'), clientTimeoutMs);
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const { name, why } = JSON.parse(line) as { name: string; why: string };
    if (why === '') checks.passed(name);
    else checks.failed(name, why);
  }
  const [code, signal] = await exit;
  clearTimeout(timer);
  if (code !== 0) checks.failed('the client', `it ended with ${code ?? signal}`);
}

/** What only the replicas can tell. */
async function replicasAgree(
  { check }: Checks,
  replicas: readonly Greeter[],
  deadlines: number[],
): Promise<void> {
  const sum = (of: (replica: Greeter) => number) =>
    replicas.reduce((total, replica) => total + of(replica), 0);
  await check('the deadline reached the replica', async () =>
    expectThat(
      deadlines.some((ms) => ms > 0 && ms <= deadlineMs),
      `the replicas saw ${deadlines.length} deadlines, none of them up to ${deadlineMs} ms`,
    ),
  );
  await check('cancelled calls were cancelled at the replicas, and none is left', () =>
    until(
      'two cancelled calls',
      5000,
      async () => sum((r) => r.cancelled) >= 2 && sum((r) => r.active) === 0,
    ),
  );
}

async function main(): Promise<number> {
  const python = pythonWithGrpc();
  const checks = startChecks();
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-python-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const deadlines: number[] = [];
  let replicas: Greeter[] = [];
  let sidecar: SidecarProcess | null = null;
  try {
    makeStubs(python, dir);
    replicas = await Promise.all(
      ['a', 'b', 'c'].map((name) => startGreeter({ name, onDeadline: (ms) => deadlines.push(ms) })),
    );
    sidecar = direct ? null : await startSidecar(replicas.map(({ address }) => address));
    // gRPC's own balancing for the direct run, so that all replicas serve there too.
    const target = sidecar?.listener ?? `ipv4:${replicas.map(({ address }) => address).join(',')}`;
    await runClient(checks, python, target, dir);
    await replicasAgree(checks, replicas, deadlines);
    if (sidecar !== null) {
      const code = await sidecar.stop();
      await checks.check('the sidecar drains and ends with 0', async () =>
        expectThat(code === 0, `it ended with ${code}: ${sidecar?.log()}`),
      );
    }
  } catch (error) {
    checks.failed('the run', (error as Error).message);
  } finally {
    await sidecar?.stop();
    await Promise.all(replicas.map((replica) => replica.kill()));
  }
  return checks.close();
}

process.exit(await main());
