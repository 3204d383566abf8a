import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A call that did not end as it should. */
export interface Failure {
  readonly kind: 'call' | 'stream';
  /** Status and its text, or what was missing. */
  readonly what: string;
  readonly startedWallMs: number;
  readonly endedWallMs: number;
}

export interface LoadResult {
  calls: number;
  streams: number;
  /** Calls that were not begun because too many were in flight. */
  late: number;
  failures: Failure[];
}

export interface LoadSettings {
  /** Calls and streams of all clients together, each second; one in twenty is a stream. */
  readonly rate: number;
  readonly python: string;
  readonly stubDir: string;
}

/** A stream has so many replies, so far apart. */
const stream = { replies: 10, pauseMs: 50 };
const streamShare = 0.05;
const patienceMs = 30_000;

/** Two clients at work, one in Node (grpc-js) and one in Python (gRPC's C core), half of the load each. */
export class Load {
  private readonly clients: readonly Client[];
  private readonly startedMs = performance.now();

  private constructor(clients: readonly Client[]) {
    this.clients = clients;
  }

  static async start(target: string, { rate, python, stubDir }: LoadSettings): Promise<Load> {
    const each = rate / 2;
    const args = [target, each * (1 - streamShare), each * streamShare, stream.replies, stream.pauseMs].map(
      String,
    );
    const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
    const clients = await Promise.all([
      startClient('Node', process.execPath, [here('./load-node.ts'), ...args]),
      startClient('Python', python, [here('./load.py'), ...args, stubDir]),
    ]);
    return new Load(clients);
  }

  /** Ends it and adds up. */
  async stop(): Promise<LoadResult & { readonly perSecond: number; readonly byClient: string }> {
    const seconds = (performance.now() - this.startedMs) / 1000;
    const results = await Promise.all(this.clients.map((client) => client.stop()));
    const sum = (of: (result: LoadResult) => number): number =>
      results.reduce((total, result) => total + of(result), 0);
    return {
      calls: sum(({ calls }) => calls),
      streams: sum(({ streams }) => streams),
      late: sum(({ late }) => late),
      failures: results.flatMap(({ failures }) => failures),
      perSecond: Math.round(sum(({ calls, streams }) => calls + streams) / seconds),
      byClient: results
        .map(({ calls, streams }, i) => `${this.clients[i].name} ${calls + streams}`)
        .join(', '),
    };
  }
}

interface Client {
  readonly name: string;
  stop(): Promise<LoadResult>;
}

async function startClient(name: string, program: string, args: readonly string[]): Promise<Client> {
  const env = { ...process.env, PYTHONUTF8: '1', no_grpc_proxy: '127.0.0.1' };
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the client in ${name} ended early`);
    return value;
  };
  await line();
  return {
    name,
    async stop() {
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      child.kill('SIGTERM');
      const result = JSON.parse(await line()) as LoadResult;
      await ended(child);
      clearTimeout(timer);
      process.removeListener('exit', endWithUs);
      return result;
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
