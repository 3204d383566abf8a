import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configOf } from '../../src/cli/run.ts';
import type { Config } from '../../src/config/table.ts';
import { type Address, formatAddress } from '../../src/core/address.ts';
import { systemClock } from '../../src/core/clock.ts';
import { lineLogger } from '../../src/core/line-logger.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { type App, startApp } from '../../src/runtime/app.ts';
import type { DrainResult } from '../../src/runtime/lifecycle.ts';
import type { AppDeps } from '../../src/runtime/parts.ts';
import type { CallRecord } from '../../src/telemetry/call-record.ts';
import type { Cluster } from '../../src/upstream/cluster.ts';
import type { Endpoint } from '../../src/upstream/endpoint.ts';
import { patienceMs, until } from './until.ts';

/** A configuration in the shape of the file. */
export type ConfigShape = {
  readonly listeners?: ReadonlyArray<Record<string, unknown>>;
  readonly clusters?: ReadonlyArray<Record<string, unknown>>;
  readonly [section: string]: unknown;
};

/** One listener in front of one cluster, `greeter`, of these replicas; what is in `cluster` and `more` is laid over it. */
export function greeterConfig(
  replicas: ReadonlyArray<{ readonly address: string; readonly weight?: number }>,
  cluster: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
): ConfigShape {
  const endpoints = replicas.map(({ address, weight = 1 }) => ({ address, weight }));
  return {
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'greeter' }] }],
    clusters: [{ name: 'greeter', endpoints, ...cluster }],
    ...more,
  };
}

/** A sidecar in this process, bound to free ports. */
export interface Sidecar {
  readonly app: App;
  /** `host:port` of the listener that is named, else of the first. */
  target(listener?: string): string;
  readonly adminUrl: string;
  cluster(name?: string): Cluster;
  /** By `host:port`. */
  endpoint(address: string): Endpoint;
  /** Calls that ended, the latest last. */
  calls(): CallRecord[];
  /** Its log so far, one line each. */
  readonly log: readonly string[];
  /** What its random choices were made from. */
  readonly seed: number;
  stop(): Promise<DrainResult>;
}

export interface SidecarDeps extends Partial<AppDeps> {
  /** Exceptions of the sidecar's own are what the test is about. */
  readonly expectsBugs?: boolean;
  /** In the place of the shape. */
  readonly config?: Config;
}

/**
 * As `run` does it, but for ports, a drain that does not keep tests waiting, and a log that is kept. Stopping fails where an
 * exception of ours was caught, unless the test made it.
 */
export async function startSidecar(
  shape: ConfigShape,
  { expectsBugs = false, config: given, ...deps }: SidecarDeps = {},
): Promise<Sidecar> {
  const config =
    given ??
    configOf(
      {
        admin: { listen: '127.0.0.1:0' },
        drain: { grace: '2s', goawayDelay: '0s' },
        ...shape,
      },
      deps.policies,
    );
  const log: string[] = [];
  const seed = randomInt(2 ** 31);
  const app = await startApp(config, {
    clock: systemClock,
    random: new SeededRandom(seed),
    logger: lineLogger({
      level: 'debug',
      format: 'text',
      clock: systemClock,
      write: (line) => log.push(line),
    }),
    env: {},
    version: 'test',
    onQuit: () => {},
    ...deps,
  });
  const cluster = (name?: string): Cluster =>
    name === undefined ? app.clusters[0] : app.clusters.find((one) => one.name === name)!;
  return {
    app,
    target: (name = config.listeners[0].name) => formatAddress(app.listenerAddress(name) as Address),
    adminUrl: `http://${formatAddress(app.admin.address)}`,
    cluster,
    endpoint(address) {
      const all = app.clusters.flatMap((one) => one.all());
      const found = all.find((endpoint) => endpoint.address === address);
      if (found === undefined) throw new Error(`no endpoint ${address}`);
      return found;
    },
    calls: () => app.telemetry.recent.recent().toSorted((a, b) => a.id - b.id),
    log,
    seed,
    async stop() {
      const stopped = app.stop();
      // A test that is about the delay drains before it stops.
      app.lifecycle.skipDelay();
      const result = await stopped;
      // They are contained, so that calls may well go on as if nothing had been; here they count.
      const bug = expectsBugs ? undefined : log.find((line) => line.includes('internal error'));
      if (bug !== undefined) throw new Error(bug);
      return result;
    },
  };
}

/** Resolves when a sidecar says that it is ready. */
export function ready(sidecar: Sidecar): Promise<void> {
  return until(
    () => sidecar.app.notReadyBecause().length === 0,
    () => sidecar.app.notReadyBecause().join('; '),
  );
}

/** The program as a child process, for what only a process has: signals, exit codes, what it writes. */
export interface Program {
  readonly pid: number;
  readonly stdout: string;
  /** From now on nobody reads it. */
  pauseStdout(): void;
  readonly stderr: string;
  /** Its exit code; 128 and the signal's number where a signal ended it. */
  readonly exit: Promise<number>;
  readonly exited: boolean;
  signal(name: NodeJS.Signals): void;
  /** The first match in what it wrote to stderr, now or later. */
  said(pattern: RegExp): Promise<RegExpMatchArray>;
}

const entry = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** `node src/main.ts` with these arguments. Ends with the test process at the latest. */
export function startProgram(args: readonly string[], env: Record<string, string> = {}): Program {
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: tmpdir(), ...env },
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const exit = ended(child).finally(() => process.removeListener('exit', endWithUs));
  return {
    pid: child.pid ?? 0,
    get stdout() {
      return stdout;
    },
    pauseStdout: () => void child.stdout.pause(),
    get stderr() {
      return stderr;
    },
    exit,
    get exited() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    signal: (name) => void child.kill(name),
    async said(pattern) {
      await until(
        () => pattern.test(stderr) || child.exitCode !== null,
        () => `nothing like ${pattern} in: ${stderr}`,
        2 * patienceMs,
      );
      const match = pattern.exec(stderr);
      if (match === null) throw new Error(`it ended without saying ${pattern}: ${stderr}`);
      return match;
    },
  };
}

async function ended(child: ChildProcess): Promise<number> {
  const signals: Record<string, number> = { SIGKILL: 9, SIGTERM: 15, SIGINT: 2 };
  // `close` and not `exit`: by then all that it wrote has been read.
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return code ?? 128 + (signals[signal ?? ''] ?? 0);
}

/** `run --config` as a child process, once its listener is bound. */
export interface SidecarProgram extends Program {
  readonly target: string;
  readonly adminUrl: string;
}

export async function startSidecarProgram(shape: ConfigShape): Promise<SidecarProgram> {
  const drain = { delay: '0s', ...(shape.drain as object | undefined) };
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
  const file = join(folder, 'outrigger.yaml');
  writeFileSync(file, JSON.stringify({ admin: { listen: '127.0.0.1:0' }, ...shape, drain }));
  const program = startProgram(['run', '--config', file]);
  program.exit.finally(() => rmSync(folder, { recursive: true }));
  // Said last of all.
  const [, adminUrl] = await program.said(/admin page url=(http:\S+)\//);
  const [, target] = await program.said(/listening listener=\S+ address=(\S+)/);
  return Object.defineProperties(
    { target, adminUrl },
    Object.getOwnPropertyDescriptors(program),
  ) as SidecarProgram;
}
