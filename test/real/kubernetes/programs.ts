import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const installScript = fileURLToPath(new URL('install', import.meta.url));
const logKeptChars = 20_000;
const stopPatienceMs = 15_000;

/** Paths of the programs of a control plane, and of its client. */
export interface ClusterPrograms {
  readonly etcd: string;
  readonly apiServer: string;
  readonly kubectl: string;
}

/** Finds the programs, or says why one is missing; builds what is not in the cache, which takes 8 minutes on two cores. */
export function clusterPrograms(): ClusterPrograms | { readonly missing: string } {
  const { stdout } = spawnSync(installScript, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = (stdout ?? '').trim().split('\n');
  const pathOf = (program: string) =>
    lines.find((line) => line.startsWith(`have ${program} `))?.slice(`have ${program} `.length);
  const [etcd, apiServer, kubectl] = [pathOf('etcd'), pathOf('kube-apiserver'), pathOf('kubectl')];
  if (etcd !== undefined && apiServer !== undefined && kubectl !== undefined)
    return { etcd, apiServer, kubectl };
  return {
    missing: lines.filter((line) => line.startsWith('missing')).join('; ') || 'the install script failed',
  };
}

/** A program that runs until it is stopped, at the latest with this process. */
export interface RunningProgram {
  /** True until it has ended. */
  readonly running: boolean;
  /** The end of what it wrote. */
  log(): string;
  /** Sends a signal and resolves once the program is gone. SIGTERM turns into SIGKILL after 15 s. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export function runProgram(path: string, args: readonly string[]): RunningProgram {
  // No proxy of whoever runs the test stands before loopback.
  const env = { PATH: process.env.PATH, HOME: process.env.HOME };
  const child: ChildProcess = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-logKeptChars);
    });
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  let running = true;
  const exit = once(child, 'exit').then(() => {
    running = false;
    process.removeListener('exit', endWithUs);
  });
  return {
    get running() {
      return running;
    },
    log: () => log,
    async stop(signal = 'SIGTERM') {
      if (!running) return;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), stopPatienceMs);
      await exit;
      clearTimeout(timer);
    },
  };
}
