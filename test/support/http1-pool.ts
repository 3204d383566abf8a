import type { ConnectionOptions } from 'node:tls';
import type { Address } from '../../src/core/address.ts';
import type { Clock } from '../../src/core/clock.ts';
import { ErrorCode } from '../../src/core/error-code.ts';
import type { HeaderBlock } from '../../src/core/header-block.ts';
import type { MessageStream, StreamReceiver } from '../../src/core/message-stream.ts';
import { HeadCache } from '../../src/http1/head-cache.ts';
import { FlushScheduler } from '../../src/transport/flush-scheduler.ts';
import { Http1Pool, type Http1PoolSettings } from '../../src/upstream/http1-pool.ts';
import type { OpenFailure, StreamOpener } from '../../src/upstream/stream-opener.ts';

export interface TestPoolOptions extends Http1PoolSettings {
  readonly clock: Clock;
  readonly tls: ConnectionOptions | null;
}

export const poolDefaults: Omit<TestPoolOptions, 'clock'> = {
  connectTimeoutMs: 2000,
  connectionsMax: 16,
  pendingMax: 16,
  idleMax: 16,
  idleTimeoutMs: 60_000,
  limits: { headBytesMax: 16_384, fieldsMax: 1000, chunkExtensionBytesMax: 16_384 },
  tls: null,
};

/** A pool whose streams can be used before there is a connection: what they are given then waits. */
export class TestPool {
  readonly pool: Http1Pool;

  constructor(target: Address, { clock, tls, ...settings }: TestPoolOptions) {
    const deps = { clock, scheduler: new FlushScheduler(), heads: new HeadCache() };
    this.pool = new Http1Pool(target, tls, settings, deps);
  }

  get active(): number {
    return this.pool.active;
  }

  open(receiver: StreamReceiver, clientAddress: string | null = ''): MessageStream {
    const stream = new LateStream(receiver, clientAddress, this.pool);
    this.pool.open(stream);
    return stream;
  }

  /** No new exchanges; those that run finish. */
  close(): void {
    this.pool.drain();
  }

  destroy(): void {
    this.pool.close();
  }
}

/** A stream that waits for its connection, with all that is said to it. */
class LateStream implements MessageStream, StreamOpener {
  readonly clientAddress: string;
  readonly forwardsClient: boolean;
  receiver: StreamReceiver | null;
  private stream: MessageStream | null = null;
  private said: Array<(stream: MessageStream) => void> = [];
  private readonly pool: Http1Pool;

  constructor(receiver: StreamReceiver, clientAddress: string | null, pool: Http1Pool) {
    this.receiver = receiver;
    this.clientAddress = clientAddress ?? '';
    this.forwardsClient = clientAddress !== null;
    this.pool = pool;
  }

  opened(stream: MessageStream): void {
    this.stream = stream;
    stream.receiver = this.receiver;
    // What is sent may bring more to be said at once, which comes behind.
    for (let say = this.said.shift(); say !== undefined; say = this.said.shift()) say(stream);
  }
  openFailed({ code, message }: OpenFailure): void {
    const kind = code === 'overloaded' ? 'refused' : 'unsent';
    this.receiver?.failed({ kind, code: ErrorCode.CONNECT_ERROR, message });
  }

  head(head: HeaderBlock, end: boolean): void {
    this.say((stream) => stream.head(head, end));
  }
  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const copy = Buffer.from(bytes.subarray(start, end));
    this.say((stream) => stream.data(copy, 0, copy.length, last));
  }
  trailers(trailers: HeaderBlock): void {
    this.say((stream) => stream.trailers(trailers));
  }
  consumed(bytes: number): void {
    this.stream?.consumed(bytes);
  }
  reset(code: ErrorCode): void {
    this.said = [];
    if (this.stream === null) this.pool.cancel(this);
    else this.stream.reset(code);
  }
  failed(): void {}
  sent(): void {}

  private say(say: (stream: MessageStream) => void): void {
    if (this.stream === null || this.said.length > 0) this.said.push(say);
    else say(this.stream);
  }
}
