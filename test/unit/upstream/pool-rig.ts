import { VirtualClock } from '../../../src/core/clock.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { MessageStream } from '../../../src/core/message-stream.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { connectionDefaults } from '../../../src/http2/options.ts';
import { FlushScheduler } from '../../../src/transport/flush-scheduler.ts';
import { Http2Pool, type Http2PoolSettings } from '../../../src/upstream/http2-pool.ts';
import type { OpenFailure, StreamOpener } from '../../../src/upstream/stream-opener.ts';
import { type FramePeer, Setting, Type } from '../../support/frame-peer.ts';
import { memoryDial } from './dialled.ts';

const head = HeaderBlock.of([':method', 'POST'], [':scheme', 'http'], [':path', '/a.B/C']);
export const maxStreams = (count: number) => [[Setting.MaxConcurrentStreams, count] as const];

/** Asks for a stream, sends a head on it and keeps what happened. */
export class Asker implements StreamOpener {
  readonly clientAddress = '';
  readonly forwardsClient = true;
  stream: MessageStream | null = null;
  failure: OpenFailure | null = null;
  ended = '';
  opened(stream: MessageStream): void {
    this.stream = stream;
    stream.head(head, true);
  }
  openFailed(failure: OpenFailure): void {
    this.failure = failure;
  }
  head(): void {
    this.ended = 'answered';
  }
  data(): void {}
  trailers(): void {}
  failed(failure: { kind: string }): void {
    this.ended = failure.kind;
  }
  sent(): void {}
}

/** A pool over connections in memory, in virtual time. */
export function setUp(settings: Partial<Http2PoolSettings> = {}) {
  const clock = new VirtualClock();
  const { dial, dialled } = memoryDial();
  let changes = 0;
  const pool = new Http2Pool(
    { kind: 'tcp', host: '10.0.0.1', port: 50051 },
    null,
    { connectTimeoutMs: 1000, connectionsMax: 10, pendingMax: 100, http2: connectionDefaults, ...settings },
    { clock, random: new SeededRandom(1), scheduler: new FlushScheduler(), dial },
    () => changes++,
  );
  const ask = (count = 1): Asker[] => {
    const askers = Array.from({ length: count }, () => new Asker());
    for (const asker of askers) pool.open(asker);
    return askers;
  };
  return { pool, clock, dialled, ask, changes: () => changes };
}
/** Answers every request that came. */
export const answer = (peer: FramePeer): void => {
  for (const { streamId } of peer.of(Type.Headers)) peer.headers(streamId, [[':status', '200']], true);
};
