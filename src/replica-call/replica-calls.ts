import type { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../core/clock.ts';
import { startLimitedThread } from '../core/limited-thread.ts';
import type { CallJob, CallReport, JobResult, MethodsJob, MethodsReport } from './jobs.ts';
import { jobExtraMs, jobsMax, threadHeapMiB, threadIdleMs } from './limits.ts';

export interface ThreadRequest {
  readonly id: number;
  readonly job: MethodsJob | CallJob;
}

export interface ThreadAnswer {
  readonly id: number;
  readonly result: JobResult<MethodsReport | CallReport>;
}

interface RunningJob {
  readonly timer: Timer;
  readonly done: (result: ThreadAnswer['result']) => void;
}

/** Both as sources and after `npm run build`. */
const entry = new URL(`./thread-main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/**
 * Calls of operators, made by a gRPC client that connects to a listener of this sidecar as any client does. The client, the
 * definitions and the messages are in a thread of their own, with limits on memory and time: what a replica answers is untrusted,
 * and delays no other call. The thread starts with the first job, and ends when there has been none for `threadIdleMs`.
 */
export class ReplicaCalls {
  private readonly clock: Clock;
  private worker: Worker | null = null;
  private idle: Timer | null = null;
  private readonly jobs = new Map<number, RunningJob>();
  private lastId = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Whether another job must wait for one of those that run. */
  get isFull(): boolean {
    return this.jobs.size >= jobsMax;
  }

  /** Never rejects. */
  methods(job: MethodsJob): Promise<JobResult<MethodsReport>> {
    return this.run(job, 0) as Promise<JobResult<MethodsReport>>;
  }

  /** Never rejects. */
  call(job: CallJob): Promise<JobResult<CallReport>> {
    return this.run(job, job.timeoutMs) as Promise<JobResult<CallReport>>;
  }

  /** Ends all jobs and the thread. */
  close(): void {
    this.end('was ended: the sidecar stops');
  }

  private run(job: MethodsJob | CallJob, timeoutMs: number): Promise<ThreadAnswer['result']> {
    this.idle?.cancel();
    this.idle = null;
    this.worker ??= this.start();
    const id = ++this.lastId;
    const limitMs = timeoutMs + jobExtraMs;
    const timer = this.clock.after(limitMs, () => this.end(`took longer than ${limitMs} ms`));
    const { worker } = this;
    return new Promise((done) => {
      this.jobs.set(id, { timer, done });
      worker.postMessage({ id, job } satisfies ThreadRequest);
    });
  }

  private start(): Worker {
    const worker = startLimitedThread<ThreadAnswer>(entry, threadHeapMiB, {
      answered: (answer) => this.answered(answer),
      failed: (reason) => {
        if (this.worker === worker) this.end(reason);
      },
    });
    return worker;
  }

  private answered({ id, result }: ThreadAnswer): void {
    const job = this.jobs.get(id);
    if (job === undefined) return;
    this.jobs.delete(id);
    job.timer.cancel();
    if (this.jobs.size === 0) this.idle = this.clock.after(threadIdleMs, () => this.end('ended'));
    job.done(result);
  }

  private end(reason: string): void {
    const { worker } = this;
    this.worker = null;
    this.idle?.cancel();
    this.idle = null;
    const jobs = [...this.jobs.values()];
    this.jobs.clear();
    for (const { timer, done } of jobs) {
      timer.cancel();
      done({ error: `the thread that makes the calls ${reason}`, isRequest: false });
    }
    void worker?.terminate();
  }
}
