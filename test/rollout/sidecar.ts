import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { until } from '../real/checks.ts';
import { freeAddresses } from '../support/sidecar-process.ts';

const entry = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const readyPatienceMs = 20_000;

/** A line of the access log, as far as a rollout asks: only failed calls are written. */
export interface FailedCall {
  readonly time: string;
  readonly endpoint: string;
  readonly status: string;
  readonly endedBy: string;
  readonly error?: string;
  readonly detail?: string;
  readonly attempts: number;
  readonly durationMs: number;
  readonly requestBytes: number;
}

/** The sidecar as a program, with its configuration in a file that may be replaced, and its failed calls in another. */
export class RolloutSidecar {
  readonly listen: string;
  readonly second: string;
  readonly admin: string;
  readonly file: string;
  private readonly accessLog: string;
  private child: ChildProcess | null = null;
  private log = '';

  private constructor(dir: string, [listen, second, admin]: readonly string[]) {
    this.listen = listen;
    this.second = second;
    this.admin = admin;
    this.file = `${dir}/outrigger.json`;
    this.accessLog = `${dir}/access.log`;
  }

  static async in(dir: string): Promise<RolloutSidecar> {
    return new RolloutSidecar(dir, await freeAddresses(3));
  }

  /** Replaces the file; `shape` is laid over listener, admin address and access log. */
  configure(shape: object): void {
    this.write(
      JSON.stringify({
        admin: { listen: this.admin },
        listeners: [{ name: 'in', listen: this.listen, routes: [{ name: 'all', cluster: 'greeter' }] }],
        telemetry: { accessLog: { to: `file:${this.accessLog}`, sample: 0 } },
        ...shape,
      }),
    );
  }

  write(text: string): void {
    writeFileSync(`${this.file}.new`, text);
    renameSync(`${this.file}.new`, this.file);
  }

  /** Starts it, beside one that runs if there is one, and resolves once it is the one that answers and is ready. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [entry, 'run', '--config', this.file, '--log-level', 'info'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const endWithUs = (): void => void child.kill('SIGKILL');
    process.once('exit', endWithUs);
    child.once('exit', () => process.removeListener('exit', endWithUs));
    child.stderr.on('data', (chunk: Buffer) => {
      this.log = (this.log + chunk.toString()).slice(-20_000);
    });
    this.child = child;
    await until(`the sidecar is ready: ${this.log}`, readyPatienceMs, async () => {
      if (child.exitCode !== null) throw new Error(`the sidecar ended with ${child.exitCode}: ${this.log}`);
      const info = await this.ask('/server_info?format=json').catch(() => null);
      return (info as { pid?: number } | null)?.pid === child.pid && (await this.isReady());
    });
  }

  private async isReady(): Promise<boolean> {
    return (await fetch(`http://${this.admin}/ready`).catch(() => null))?.status === 200;
  }

  async ask(path: string): Promise<unknown> {
    return (await fetch(`http://${this.admin}${path}`, { headers: { accept: 'application/json' } })).json();
  }

  /** SIGTERM, and the exit code. */
  async stop(): Promise<number> {
    return endChild(this.child);
  }

  /** Tells it to go, starts a successor at once, and gives the exit code of the first when both are done. */
  async handOver(): Promise<number> {
    const ended = endChild(this.child);
    await this.start();
    return ended;
  }

  failedCalls(): FailedCall[] {
    if (!existsSync(this.accessLog)) return [];
    return readFileSync(this.accessLog, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as FailedCall);
  }

  get said(): string {
    return this.log;
  }
}

async function endChild(child: ChildProcess | null): Promise<number> {
  if (child === null) return 0;
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  }
  return child.exitCode ?? -1;
}
