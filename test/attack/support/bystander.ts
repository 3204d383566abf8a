import { setTimeout as sleep } from 'node:timers/promises';
import { connectGreeter, type GreeterClient } from '../../support/greeter-client.ts';

/** How the calls of a while went. */
export interface Tally {
  readonly calls: number;
  /** `CODE details` of each call that failed. */
  readonly failures: readonly string[];
  readonly p99Ms: number;
  /** Of the same calls straight to a server in the process of the replicas: what is not the sidecar's doing. */
  readonly controlP99Ms: number;
}

const callEveryMs = 5;
const controlEveryMs = 10;
const messageEveryMs = 50;

/**
 * An honest client (grpc-js): a unary call every 5 ms, whatever became of those before, and a message every 50 ms on a
 * stream that lives as long as it does. Beside it, half as many calls to a server in the replicas' process that is not
 * behind the sidecar.
 */
export class Bystander {
  private readonly client: GreeterClient;
  private readonly control: GreeterClient;
  private readonly stream: ReturnType<GreeterClient['openBidi']>;
  private streamFailure = '';
  private durations: number[] = [];
  private controlDurations: number[] = [];
  private failures: string[] = [];
  private readonly pending = new Set<Promise<void>>();
  private stopping = false;
  private readonly running: Promise<void>;
  private echoes = 0;

  constructor(target: string, control: string) {
    this.client = connectGreeter(target);
    this.control = connectGreeter(control);
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
    const tally = {
      calls: this.durations.length,
      failures: this.failures,
      p99Ms: p99(this.durations),
      controlP99Ms: p99(this.controlDurations),
    };
    this.durations = [];
    this.controlDurations = [];
    this.failures = [];
    return tally;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
    this.stream.call.end();
    await Promise.all([...this.pending, this.stream.result]);
    this.client.close();
    this.control.close();
  }

  private async run(): Promise<void> {
    const startedMs = performance.now();
    for (let tick = 0; !this.stopping; tick++) {
      const waitMs = startedMs + tick * callEveryMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      this.call();
      if (tick % (controlEveryMs / callEveryMs) === 0) this.controlCall();
      if (tick % (messageEveryMs / callEveryMs) === 0) this.stream.call.write({ payload: Buffer.from('x') });
    }
  }

  private controlCall(): void {
    const startedMs = performance.now();
    const done = this.control.sayHello('control').then(() => {
      this.pending.delete(done);
      this.controlDurations.push(performance.now() - startedMs);
    });
    this.pending.add(done);
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

function p99(durations: readonly number[]): number {
  const sorted = durations.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
}
