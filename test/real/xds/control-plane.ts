import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '../checks.ts';

/** The control plane of controlplane/main.go as a process on loopback. */

const installScript = fileURLToPath(new URL('install', import.meta.url));
const patienceMs = 30_000;
/** Events that are kept; a fleet makes some hundred for each push. */
const eventsMax = 200_000;
const stopPatienceMs = 5_000;

/** The path of the program, or why there is none; builds it where that is possible, which takes a minute. */
export function controlPlaneProgram(): { readonly path: string } | { readonly missing: string } {
  const { stdout } = spawnSync(installScript, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const line = (stdout ?? '').trim();
  const [what, , ...rest] = line.split(' ');
  return what === 'have' ? { path: rest.join(' ') } : { missing: line };
}

/** What it serves, as ProtoJSON. */
export interface Document {
  readonly version: string;
  /** Cluster of the nodes that it is for; for all others without. */
  readonly for?: string;
  readonly listeners?: readonly object[];
  readonly routes?: readonly object[];
  readonly clusters?: readonly object[];
  readonly endpoints?: readonly object[];
  readonly secrets?: readonly object[];
}

/** A line that it wrote. */
export interface ControlPlaneEvent {
  readonly event: 'listens' | 'serves' | 'refused' | 'opened' | 'closed' | 'request';
  /** Milliseconds since the Unix epoch. */
  readonly ms: number;
  readonly stream?: number;
  readonly address?: string;
  readonly error?: string;
  readonly type?: string;
  readonly version?: string;
  readonly nonce?: string;
  readonly nack?: string;
  readonly node?: string;
}

export class ControlPlaneProcess {
  readonly events: ControlPlaneEvent[] = [];
  private readonly path: string;
  private readonly args: readonly string[];
  private readonly waiting = new Set<(event: ControlPlaneEvent) => void>();
  private child: ChildProcess | null = null;
  private endWithUs: () => void = () => {};

  constructor(path: string, args: readonly string[] = []) {
    this.path = path;
    this.args = args;
  }

  /** `host:port`; stays the same over restarts. */
  address = '127.0.0.1:0';

  /** Starts the process, and serves the document. */
  async start(document: Document): Promise<void> {
    const child = spawn(this.path, ['-listen', this.address, ...this.args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
    });
    this.child = child;
    child.stdin.on('error', () => {});
    this.endWithUs = () => child.kill('SIGKILL');
    process.once('exit', this.endWithUs);
    const from = this.events.length;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line) as ControlPlaneEvent;
      if (this.events.length < eventsMax) this.events.push(event);
      for (const check of this.waiting) check(event);
    });
    const listens = () => this.events.slice(from).find(({ event }) => event === 'listens');
    await until('the control plane listens', patienceMs, async () => listens() !== undefined);
    this.address = listens()?.address ?? this.address;
    await this.serve(document);
  }

  /** Replaces what it serves, without waiting. */
  push(document: Document): void {
    this.child?.stdin?.write(`${JSON.stringify(document)}\n`);
  }

  /** Replaces what it serves; resolves once it does. */
  async serve(document: Document): Promise<void> {
    const result = this.next(({ event }) => event === 'serves' || event === 'refused');
    this.push(document);
    const { event, error } = await result;
    if (event === 'refused') throw new Error(`the document is wrong: ${error}`);
  }

  /** Resolves with the first event from now on that matches. */
  next(matches: (event: ControlPlaneEvent) => boolean): Promise<ControlPlaneEvent> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(check);
        reject(new Error(`the control plane does not report what is awaited within ${patienceMs} ms`));
      }, patienceMs);
      const check = (event: ControlPlaneEvent): void => {
        if (!matches(event)) return;
        clearTimeout(timer);
        this.waiting.delete(check);
        resolve(event);
      };
      this.waiting.add(check);
    });
  }

  /** Requests since `from`, an index of `events`. */
  requests(from = 0): ControlPlaneEvent[] {
    return this.events.slice(from).filter(({ event }) => event === 'request');
  }

  /** Ends it at once, as a crash does; resolves once it is gone. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === null) return;
    this.child = null;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopPatienceMs);
    await exit;
    clearTimeout(timer);
    process.removeListener('exit', this.endWithUs);
  }
}
