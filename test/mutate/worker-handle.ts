import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Answer, Coverage, Order, RunResult, Start } from './messages.ts';

/** What became of an order that got no answer. */
export type Lost = 'timed out' | 'crashed';

/** Time to load a file and what it imports, on a busy machine. */
const loadMsMax = 60_000;
const outputCharsMax = 4000;

/** A worker process as its parent sees it: one order at a time, each with a time limit after which it is killed. */
export class WorkerHandle {
  private readonly child: ChildProcess;
  private settle: ((answer: Answer | Lost) => void) | null = null;
  private timer: NodeJS.Timeout | undefined;
  private output = '';
  private readonly gone: Promise<void>;

  private constructor() {
    this.child = fork(join(import.meta.dirname, 'worker.ts'), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, NODE_COMPILE_CACHE: '.cache/compile' },
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.output = `${this.output}${chunk.toString()}`.slice(-outputCharsMax);
    });
    this.child.on('message', (message: { answer: Answer }) => this.answered(message.answer));
    // `close` would wait for every process that inherited its standard error, one that a test has left among them.
    this.gone = new Promise((done) => this.child.once('exit', () => done()));
    this.child.once('exit', () => this.answered('crashed'));
  }

  /** Starts a process that has loaded nothing yet. */
  static async start(start: Start): Promise<WorkerHandle> {
    const worker = new WorkerHandle();
    const answer = await worker.order({ do: 'start', start }, loadMsMax);
    if (answer !== null) throw new Error(`the worker did not start: ${worker.output}`);
    return worker;
  }

  /** What the process wrote to its standard error, the end of it. */
  get errorOutput(): string {
    return this.output;
  }

  async loadSources(): Promise<readonly number[]> {
    const answer = await this.order({ do: 'load sources' }, loadMsMax);
    if (!Array.isArray(answer)) throw new Error(`the sources cannot be loaded: ${this.output}`);
    return answer as readonly number[];
  }

  async cover(file: string, limitMs: number): Promise<Coverage | Lost> {
    return (await this.order({ do: 'cover', file }, limitMs)) as Coverage | Lost;
  }

  async run(order: Omit<Order & { do: 'run' }, 'do'>, limitMs: number): Promise<RunResult | Lost> {
    return (await this.order({ do: 'run', ...order }, limitMs)) as RunResult | Lost;
  }

  /** Ends the process, whatever it is doing. */
  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.gone;
    this.child.stderr?.destroy();
  }

  private order(order: Order, limitMs: number): Promise<Answer | Lost> {
    return new Promise((settle) => {
      this.settle = settle;
      this.timer = setTimeout(() => this.answered('timed out'), limitMs);
      this.child.send(order, (error) => {
        if (error !== null) this.answered('crashed');
      });
    });
  }

  private answered(answer: Answer | Lost): void {
    clearTimeout(this.timer);
    const { settle } = this;
    this.settle = null;
    settle?.(answer);
  }
}
