import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Launch } from './peers/peer.ts';

/** A program of the bench, on one core. */
export interface Running {
  readonly pid: number;
  /** The last of what it wrote to its standard error. */
  stderr(): string;
  exited(): boolean;
  /** Asks it to end, ends it after a while, resolves when it is gone. */
  stop(): Promise<void>;
}

const stderrKeptChars = 4000;
/** On a machine that does much else beside, a start takes half a minute. */
const startPatienceMs = 60_000;
const stopPatienceMs = 3000;
const running = new Set<ChildProcess>();

// Whichever way the bench ends, nothing that it started stays.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a program pinned to a core, unless that is null. */
export function start(
  command: readonly string[],
  core: number | null,
  env: NodeJS.ProcessEnv = process.env,
): Running {
  const [program, ...args] = core === null ? command : ['taskset', '-c', String(core), ...command];
  // Its input is a pipe that never closes before us: replicas end with it.
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'], env });
  running.add(child);
  let tail = '';
  child.stderr.on('data', (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-stderrKeptChars);
  });
  let gone = false;
  const exit = new Promise<void>((resolve) => {
    const ended = (why: string) => {
      gone = true;
      tail += why;
      running.delete(child);
      resolve();
    };
    child.once('exit', () => ended(''));
    child.once('error', (error) => ended(error.message));
  });
  return {
    pid: child.pid ?? 0,
    stderr: () => tail,
    exited: () => gone,
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopPatienceMs);
      await exit;
      clearTimeout(timer);
    },
  };
}

/** Runs a program to its end on a core and gives its output; an exit code other than 0 is an error with its stderr. */
export async function runToEnd(command: readonly string[], core: number): Promise<string> {
  const child = spawn('taskset', ['-c', String(core), ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code, signal] = await once(child, 'close');
  running.delete(child);
  if (code !== 0) throw new Error(`${command[0]} ended with ${code ?? signal}: ${err.trim() || out.trim()}`);
  return out;
}

/** Starts a proxy on a core, or on any where that is null. */
export function launchPeer({ command, env }: Launch, core: number | null): Running {
  return start(command, core, { ...process.env, ...env });
}

/** Resolves once a proxy takes calls on `port`. */
export async function serving(launch: Launch, port: number, program: Running, name: string): Promise<void> {
  await listening(port, program, name);
  const { readyUrl } = launch;
  if (readyUrl === undefined) return;
  const ready = async () => {
    const reply = await fetch(readyUrl).catch(() => null);
    await reply?.text();
    return reply?.status === 200;
  };
  await untilTrue(ready, program, `${name} is not ready`);
}

/** Resolves once something listens on a port of 127.0.0.1. */
export function listening(port: number, program: Running, name: string): Promise<void> {
  const open = () =>
    new Promise<boolean>((resolve) => {
      const probe = connect(port, '127.0.0.1');
      probe.once('error', () => resolve(false));
      probe.once('connect', () => {
        probe.destroy();
        resolve(true);
      });
    });
  return untilTrue(open, program, `${name} does not listen on ${port}`);
}

async function untilTrue(ask: () => Promise<boolean>, program: Running, otherwise: string): Promise<void> {
  const untilMs = Date.now() + startPatienceMs;
  while (!(await ask())) {
    if (program.exited() || Date.now() > untilMs) throw new Error(`${otherwise}: ${program.stderr().trim()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
