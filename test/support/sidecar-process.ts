import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

/** The sidecar as users run it: a process of its own, told by flags, asked over its admin port. */
export interface SidecarProcess {
  /** `host:port` of the listener. */
  readonly listener: string;
  /** `http://host:port`. */
  readonly adminUrl: string;
  readonly pid: number;
  /** Attempts that ended, by endpoint address, over all clusters. */
  totals(): Promise<Map<string, number>>;
  /** SIGTERM; gives the exit code when it is gone, -1 where it had to be killed. */
  stop(): Promise<number>;
  /** What it wrote, for when something went wrong. */
  log(): string;
}

const entry = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const readyPatienceMs = 60_000;
const stopPatienceMs = 15_000;
const logKeptChars = 20_000;

/** Starts `run --from … --to …` in front of the targets; resolves once `/ready` says so. */
export async function startSidecar(
  targets: readonly string[],
  more: readonly string[] = [],
): Promise<SidecarProcess> {
  const [from] = await freeAddresses(1);
  const to = targets.flatMap((target) => ['--to', target]);
  return startRun(from, ['--from', from, ...to, '--drain-delay', '0s', ...more]);
}

/** Starts `run --config FILE` with `env` on top of this process's; `listener` is what the file says. */
export function startConfigured(
  file: string,
  listener: string,
  env: Readonly<Record<string, string>> = {},
  admin?: string,
): Promise<SidecarProcess> {
  return startRun(listener, ['--config', file], env, admin);
}

async function startRun(
  from: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
  adminAt?: string,
): Promise<SidecarProcess> {
  const admin = adminAt ?? (await freeAddresses(1))[0];
  const child = spawn(process.execPath, [entry, 'run', '--admin', admin, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let log = '';
  const hear = (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-logKeptChars);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const exit = once(child, 'exit').then(([code]) => {
    process.removeListener('exit', endWithUs);
    return (code as number | null) ?? -1;
  });
  const adminUrl = `http://${admin}`;
  await Promise.race([
    untilReady(adminUrl, () => log),
    exit.then((code) => {
      throw new Error(`the sidecar ended with ${code} at its start: ${log}`);
    }),
  ]).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    listener: from,
    adminUrl,
    pid: child.pid ?? 0,
    totals: () => totals(adminUrl),
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopPatienceMs);
      const code = await exit;
      clearTimeout(timer);
      return code;
    },
    log: () => log,
  };
}

async function untilReady(adminUrl: string, log: () => string): Promise<void> {
  const untilMs = Date.now() + readyPatienceMs;
  while (Date.now() < untilMs) {
    const ready = await fetch(`${adminUrl}/ready`).catch(() => null);
    await ready?.text();
    if (ready?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the sidecar is not ready after ${readyPatienceMs} ms: ${log()}`);
}

interface ClusterFigures {
  readonly endpoints: ReadonlyArray<{ readonly address: string; readonly total: number }>;
}

async function totals(adminUrl: string): Promise<Map<string, number>> {
  const reply = await fetch(`${adminUrl}/clusters?format=json`);
  const clusters = (await reply.json()) as ClusterFigures[];
  return new Map(
    clusters.flatMap(({ endpoints }) => endpoints.map(({ address, total }) => [address, total] as const)),
  );
}

/** Addresses of 127.0.0.1 whose ports are free now; all different. */
export async function freeAddresses(count: number): Promise<string[]> {
  const holders = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(holders.map((holder) => once(holder, 'listening')));
  const addresses = holders.map((holder) => `127.0.0.1:${(holder.address() as AddressInfo).port}`);
  await Promise.all(holders.map((holder) => new Promise((closed) => holder.close(closed))));
  return addresses;
}
