import type { CallResult, GreeterClient } from '../support/greeter-client.ts';
import type { EchoReply, HelloReply } from '../support/protos.ts';

type Result = CallResult<HelloReply> | CallResult<EchoReply>;

/** One call of a load. */
export interface LoadedCall {
  readonly atMs: number;
  readonly tookMs: number;
  readonly result: Result;
}

/** Calls without a pause, so many at a time, until it is told to stop. */
export class Load {
  readonly done: LoadedCall[] = [];
  private stopped = false;
  private readonly workers: Array<Promise<void>>;

  constructor(width: number, makeCall: (n: number) => Promise<Result>) {
    let made = 0;
    this.workers = Array.from({ length: width }, async () => {
      while (!this.stopped) {
        const atMs = performance.now();
        const result = await makeCall(made++);
        this.done.push({ atMs, tookMs: performance.now() - atMs, result });
        // Those that fail at once would otherwise keep the loop to themselves.
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  }

  get failed(): LoadedCall[] {
    return this.done.filter(({ result }) => result.code !== 0);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.workers);
  }
}

/** Unary calls, and streams both ways now and then. */
export function mixedCalls(clients: readonly GreeterClient[]): (n: number) => Promise<Result> {
  const piece = { payload: Buffer.from('piece') };
  return (n) => {
    const client = clients[n % clients.length];
    if (n % 10 === 3) return client.serverStream({ ...piece, options: { replies: 5, pauseMs: 2 } });
    if (n % 10 === 7) return client.bidi([piece, piece, piece]);
    if (n % 10 === 9) return client.clientStream([piece, piece, piece]);
    return client.sayHello(`call ${n}`);
  };
}
