import type { Client, Metadata, ServiceError, StatusObject } from '@grpc/grpc-js';
import type { Clock } from '../../core/clock.ts';
import type { DescriptorPool, ResolvedMethod } from '../../reflection/descriptor-pool.ts';
import type { Json } from '../../reflection/json.ts';
import { messageToJson } from '../../reflection/message-to-json.ts';

/** Messages of one reply that are shown; then the call is cancelled. */
export const replyMessagesMax = 10_000;
/** Values of one message that are shown: people asked for it, and wait. */
const valuesMax = 1_000_000;

export interface CallInput {
  readonly client: Client;
  readonly pool: DescriptorPool;
  readonly method: ResolvedMethod;
  readonly requests: readonly Buffer[];
  readonly metadata: Metadata;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Called with each message as it arrives. */
  readonly onMessage: (message: Json) => void;
}

export interface CallResult {
  /** gRPC status. */
  readonly code: number;
  readonly details: string;
  readonly trailers: Readonly<Record<string, readonly string[]>>;
  readonly durationMs: number;
}

/** Makes a call of any kind: all are streams on the wire, so one way serves the four. Never rejects. */
export function makeCall(input: CallInput): Promise<CallResult> {
  const { client, pool, method, requests, metadata, timeoutMs, clock, onMessage } = input;
  const startMs = clock.now();
  const plain = (bytes: Buffer): Buffer => bytes;
  const deadline = new Date(clock.wallMs() + timeoutMs);
  const stream = client.makeBidiStreamRequest(`/${method.method.name}`, plain, plain, metadata, { deadline });
  let count = 0;
  let problem = '';
  return new Promise((resolve) => {
    stream.on('data', (bytes: Buffer) => {
      const { value, error } = messageToJson(pool, method.output, bytes, valuesMax);
      if (value !== undefined && count < replyMessagesMax) {
        count++;
        return onMessage(value);
      }
      problem ||= error ?? `the reply has more than ${replyMessagesMax} messages`;
      stream.cancel();
    });
    // The status says the same.
    stream.on('error', (_error: ServiceError) => {});
    stream.on('status', ({ code, details, metadata: trailers }: StatusObject) =>
      resolve({
        code,
        details: problem === '' ? details : problem,
        trailers: trailersOf(trailers),
        durationMs: clock.now() - startMs,
      }),
    );
    for (const request of requests) stream.write(request);
    stream.end();
  });
}

function trailersOf(metadata: Metadata): CallResult['trailers'] {
  const names = Object.keys(metadata.getMap());
  return Object.fromEntries(
    names.map((name) => [
      name,
      metadata.get(name).map((value) => (Buffer.isBuffer(value) ? value.toString('base64') : value)),
    ]),
  );
}
