import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const greeterMain = fileURLToPath(new URL('./replica-main.ts', import.meta.url));

/** A replica that can be killed, stopped and brought back at its address; by its own process id alone. */
export class ReplicaProcess {
  readonly address: string;
  readonly name: string;
  private readonly port: number;
  private readonly main: string;
  private readonly more: readonly string[];
  private child: ChildProcess | null = null;

  /** `main` is another program, which gets the port, the name and `more` as its arguments. */
  constructor(address: string, name: string, main = greeterMain, more: readonly string[] = []) {
    this.address = address;
    this.main = main;
    this.more = more;
    this.name = name;
    this.port = Number(address.split(':')[1]);
  }

  /** Resolves once it serves. */
  async start(): Promise<void> {
    const child = fork(this.main, [String(this.port), this.name, ...this.more], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.child = child;
    const [said] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    if (said !== 'ready') throw new Error(`replica ${this.name} ended with ${String(said)} at its start`);
  }

  /** Waits so long before each reply, milliseconds. */
  delay(ms: number): void {
    this.child?.send(ms);
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.child?.kill(name);
  }

  /** GOAWAY, calls in flight finish, the process ends. */
  async stop(): Promise<void> {
    await this.endBy('SIGTERM');
  }

  /** As a cluster does it: the same, but who is not gone after the grace is killed. When that was, or null. */
  async stopWithin(graceMs: number): Promise<number | null> {
    let killedWallMs: number | null = null;
    const { child } = this;
    const timer = setTimeout(() => {
      killedWallMs = Date.now();
      child?.kill('SIGKILL');
    }, graceMs);
    await this.stop();
    clearTimeout(timer);
    return killedWallMs;
  }

  async kill(): Promise<void> {
    await this.endBy('SIGKILL');
  }

  private async endBy(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }
}
