import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { SeededRandom } from '../../src/core/random.ts';
import { connectGreeter } from '../support/greeter-client.ts';
import { type Callers, type Kind, kinds } from './kinds.ts';
import { connectRaw } from './raw-client.ts';

/** A call that did not go as it should; times are wall clock, milliseconds. */
export interface Failure {
  readonly kind: string;
  readonly traceId: string;
  readonly wrong: string;
  /** Who had it, where the call itself says so. */
  readonly replica: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Calls that may run at once; above it one is left out and counted, so that a stall stays bounded. */
const runningMax = 500;

/** Calls of all kinds at an even pace, whatever becomes of them, until it is stopped. */
export class Load {
  readonly failures: Failure[] = [];
  readonly made = new Map<string, number>();
  leftOut = 0;
  private readonly callers: Callers;
  private readonly random: SeededRandom;
  private readonly drawn: readonly Kind[] = kinds.flatMap((kind) => Array<Kind>(kind.weight).fill(kind));
  private readonly running = new Set<Promise<void>>();
  private readonly timer: NodeJS.Timeout;
  private calls = 0;

  constructor(target: string, tcpTarget: string, perSecond: number, seed: number) {
    this.random = new SeededRandom(seed);
    this.callers = {
      grpc: Array.from({ length: 4 }, () => connectGreeter(target)),
      raw: Array.from({ length: 2 }, () => connectRaw(target)),
      agent: new http.Agent({ keepAlive: true, maxSockets: 8 }),
      target,
      tcpTarget,
    };
    const beganMs = performance.now();
    this.timer = setInterval(() => {
      const due = ((performance.now() - beganMs) / 1000) * perSecond;
      while (this.calls < due) this.begin();
    }, 20);
  }

  get total(): number {
    return this.calls - this.leftOut;
  }

  /** No new calls; resolves when those that run are over and every client has closed. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.running);
    for (const client of [...this.callers.grpc, ...this.callers.raw]) client.close();
    this.callers.agent.destroy();
  }

  private begin(): void {
    const n = this.calls++;
    if (this.running.size >= runningMax) {
      this.leftOut++;
      return;
    }
    const kind = this.drawn[Math.floor(this.random.next() * this.drawn.length)];
    this.made.set(kind.name, (this.made.get(kind.name) ?? 0) + 1);
    const call = this.call(kind, n).finally(() => this.running.delete(call));
    this.running.add(call);
  }

  private async call(kind: Kind, n: number): Promise<void> {
    const traceId = randomBytes(16).toString('hex');
    const fromMs = Date.now();
    // Sampled now and then, so that the exporter is part of the soak.
    const traceparent = `00-${traceId}-${randomBytes(8).toString('hex')}-0${n % 20 === 0 ? 1 : 0}`;
    const { wrong, replica = '' } = await kind.run(this.callers, n, traceparent);
    if (wrong !== '')
      this.failures.push({ kind: kind.name, traceId, wrong, replica, fromMs, toMs: Date.now() });
  }
}
