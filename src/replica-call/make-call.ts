import type { Client, Metadata, ServiceError, StatusObject } from '@grpc/grpc-js';
import type { Clock } from '../core/clock.ts';
import type { DescriptorPool, ResolvedMethod } from '../reflection/descriptor-pool.ts';
import type { Json } from '../reflection/json.ts';
import { messageToJson } from '../reflection/message-to-json.ts';

/** What is shown of one reply; the call is cancelled when there is more. */
export interface ReplyLimits {
  readonly messagesMax: number;
  /** Values of one message. */
  readonly valuesMax: number;
  /** Bytes of all messages together. */
  readonly bytesMax: number;
}

export interface CallInput {
  readonly client: Client;
  readonly pool: DescriptorPool;
  readonly method: ResolvedMethod;
  readonly requests: readonly Buffer[];
  readonly metadata: Metadata;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly limits: ReplyLimits;
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
  const { client, method, requests, metadata, timeoutMs, clock, onMessage } = input;
  const startMs = clock.now();
  const plain = (bytes: Buffer): Buffer => bytes;
  const deadline = new Date(clock.wallMs() + timeoutMs);
  const stream = client.makeBidiStreamRequest(`/${method.method.name}`, plain, plain, metadata, { deadline });
  const replies = new Replies(input);
  return new Promise((resolve) => {
    stream.on('data', (bytes: Buffer) => {
      const message = replies.read(bytes);
      if (message !== undefined) onMessage(message);
      else stream.cancel();
    });
    // The status says the same.
    stream.on('error', (_error: ServiceError) => {});
    stream.on('status', ({ code, details, metadata: trailers }: StatusObject) =>
      resolve({
        code,
        details: replies.problem === '' ? details : replies.problem,
        trailers: trailersOf(trailers),
        durationMs: clock.now() - startMs,
      }),
    );
    for (const request of requests) stream.write(request);
    stream.end();
  });
}

/** The messages of a reply, within the limits. */
class Replies {
  /** Why the call is cancelled; '' if it is not. */
  problem = '';
  private readonly input: Pick<CallInput, 'pool' | 'method' | 'limits'>;
  private messages = 0;
  private bytes = 0;

  constructor(input: Pick<CallInput, 'pool' | 'method' | 'limits'>) {
    this.input = input;
  }

  /** Returns the JSON of a message, or undefined where it cannot be shown. */
  read(message: Buffer): Json | undefined {
    const { pool, method, limits } = this.input;
    const { messagesMax, bytesMax, valuesMax } = limits;
    if (this.problem !== '') return undefined;
    if (this.messages >= messagesMax) return this.fail(`the reply has more than ${messagesMax} messages`);
    this.bytes += message.length;
    if (this.bytes > bytesMax) return this.fail(`the reply has more than ${bytesMax} bytes`);
    const { value, error } = messageToJson(pool, method.output, message, valuesMax);
    if (value === undefined) return this.fail(error);
    this.messages++;
    return value;
  }

  private fail(problem: string): undefined {
    this.problem = problem;
    return undefined;
  }
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
