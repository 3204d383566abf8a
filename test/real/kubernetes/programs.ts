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
  const found = installed(['etcd', 'kube-apiserver', 'kubectl']);
  if ('missing' in found) return found;
  const { etcd, 'kube-apiserver': apiServer, kubectl } = found.paths;
  return { etcd, apiServer, kubectl };
}

/** What `install` brings besides the programs of a control plane: a program, or a folder with CRDs. */
export type Extra = 'helm' | 'prometheus-crds' | 'istio-crds' | 'gateway-crds';

/** Returns the path of each, or says why one is missing; building helm takes 5 minutes on two cores. */
export function installed<Name extends Extra | 'etcd' | 'kube-apiserver' | 'kubectl'>(
  names: readonly Name[],
): { readonly paths: Readonly<Record<Name, string>> } | { readonly missing: string } {
  const { stdout } = spawnSync(installScript, names, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = (stdout ?? '').trim().split('\n');
  const missing = lines.filter((line) => line.startsWith('missing')).join('; ');
  const paths: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const path = lines.find((line) => line.startsWith(`have ${name} `))?.slice(`have ${name} `.length);
    if (path === undefined) return { missing: missing || 'the install script failed' };
    paths[name] = path;
  }
  return { paths: paths as Record<Name, string> };
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
