import { setTimeout as sleep } from 'node:timers/promises';
import { connectGreeter, type GreeterClient } from '../../support/greeter-client.ts';

/** How the calls of a while went. */
export interface Tally {
  readonly calls: number;
  /** `CODE details` of each call that failed. */
  readonly failures: readonly string[];
  readonly p99Ms: number;
}

const callEveryMs = 5;
const messageEveryMs = 50;

/**
 * An honest client (grpc-js): a unary call every 5 ms, whatever became of those before, and a message every 50 ms on a
 * stream that lives as long as it does.
 */
export class Bystander {
  private readonly client: GreeterClient;
  private readonly stream: ReturnType<GreeterClient['openBidi']>;
  private streamFailure = '';
  private durations: number[] = [];
  private failures: string[] = [];
  private readonly pending = new Set<Promise<void>>();
  private stopping = false;
  private readonly running: Promise<void>;
  private echoes = 0;

  constructor(target: string) {
    this.client = connectGreeter(target);
    this.stream = this.client.openBidi();
    this.stream.call.on('data', () => this.echoes++);
    void this.stream.result.then(({ code, details }) => {
      if (!this.stopping) this.streamFailure = `the stream ended with ${code} ${details}`;
    });
    this.running = this.run();
  }

  /** What happened since it was asked last, calls in flight included. */
  async tally(): Promise<Tally> {
    const echoesBefore = this.echoes;
    await Promise.all(this.pending);
    for (let i = 0; this.echoes === echoesBefore && this.streamFailure === '' && i < 100; i++)
      await sleep(10);
    if (this.echoes === echoesBefore) this.failures.push('the stream has stalled');
    if (this.streamFailure !== '') this.failures.push(this.streamFailure);
    const sorted = this.durations.toSorted((a, b) => a - b);
    const tally = {
      calls: sorted.length,
      failures: this.failures,
      p99Ms: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0,
    };
    this.durations = [];
    this.failures = [];
    return tally;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
    this.stream.call.end();
    await Promise.all([...this.pending, this.stream.result]);
    this.client.close();
  }

  private async run(): Promise<void> {
    const startedMs = performance.now();
    for (let tick = 0; !this.stopping; tick++) {
      const waitMs = startedMs + tick * callEveryMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      this.call();
      if (tick % (messageEveryMs / callEveryMs) === 0) this.stream.call.write({ payload: Buffer.from('x') });
    }
  }

  private call(): void {
    const startedMs = performance.now();
    const done = this.client.sayHello('bystander', { deadlineMs: 5000 }).then((result) => {
      this.pending.delete(done);
      this.durations.push(performance.now() - startedMs);
      if (result.code !== 0 || result.replies[0]?.message !== 'Hello bystander')
        this.failures.push(`${result.code} ${result.details}`);
    });
    this.pending.add(done);
  }
}
