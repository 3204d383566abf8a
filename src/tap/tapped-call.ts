import type { Follower, RequestView } from '../call/stage.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import {
  type CaptureBudget,
  type CapturedMessage,
  type CaptureLimits,
  MessageCapture,
} from './message-capture.ts';

/** One direction of a call. */
export type Direction = 'request' | 'response';

/** What the tap of a call does with what it sees. */
export interface TappedCallOwner {
  readonly limits: CaptureLimits;
  readonly budget: CaptureBudget;
  /** Whether bodies are captured. */
  readonly messages: boolean;
  /** A message has passed. */
  message(call: TappedCall, direction: Direction, message: CapturedMessage): void;
  settled(call: TappedCall, record: CallRecord): void;
  /** An error of the tap, which the call must not notice. */
  failed(error: unknown): void;
}

/** Of a call whose messages are shown. */
export interface TappedMessages {
  readonly captures: Readonly<Record<Direction, MessageCapture>>;
  readonly kept: Readonly<Record<Direction, CapturedMessage[]>>;
  /** With `live`: messages of each direction that are shown, and what is to be sent next, in order. */
  readonly shown: Record<Direction, number>;
  queue: Promise<void>;
}

/**
 * Follows one call for one tap. It is made for each call that may match, and most may not: all that only messages need is apart. Whatever goes wrong here ends the tap, and never the call. A tap that has ended while the call runs
 * takes nothing more of it.
 */
export class TappedCall implements Follower {
  readonly request: RequestView;
  head: HeaderBlock | null = null;
  requestTrailers: HeaderBlock | null = null;
  responseTrailers: HeaderBlock | null = null;
  /** Null where messages are not shown. */
  readonly messages: TappedMessages | null;
  private owner: TappedCallOwner | null;

  constructor(owner: TappedCallOwner, request: RequestView) {
    this.owner = owner;
    this.request = request;
    this.messages = owner.messages ? this.captureOf(owner) : null;
  }

  data(bytes: Uint8Array, start: number, end: number): null {
    this.capture('request', bytes, start, end);
    return null;
  }

  trailers(trailers: HeaderBlock): void {
    this.requestTrailers = trailers;
  }

  replyHead(head: HeaderBlock): void {
    this.head = head;
  }

  replyData(bytes: Uint8Array, start: number, end: number): void {
    this.capture('response', bytes, start, end);
  }

  replyTrailers(trailers: HeaderBlock): void {
    this.responseTrailers = trailers;
  }

  settled(record: CallRecord): void {
    const { owner } = this;
    if (owner === null) return;
    try {
      this.messages?.captures.request.end();
      this.messages?.captures.response.end();
      owner.settled(this, record);
    } catch (error) {
      owner.failed(error);
    }
  }

  /** Messages that passed in a direction. */
  count(direction: Direction): number {
    return this.messages?.captures[direction].count ?? 0;
  }

  /** Gives the memory of one message back. */
  free(direction: Direction, message: CapturedMessage): void {
    this.messages?.captures[direction].free(message);
  }

  /** Gives all memory back: the call has been shown, or will not be. */
  release(): void {
    this.owner = null;
    if (this.messages === null) return;
    const { captures, kept } = this.messages;
    captures.request.release();
    captures.response.release();
    kept.request.length = 0;
    kept.response.length = 0;
  }

  private captureOf({ limits, budget }: TappedCallOwner): TappedMessages {
    const framed = this.request.traffic === 'grpc';
    const capture = (direction: Direction): MessageCapture =>
      new MessageCapture(framed, limits, budget, (message) => this.owner?.message(this, direction, message));
    return {
      captures: { request: capture('request'), response: capture('response') },
      kept: { request: [], response: [] },
      shown: { request: 0, response: 0 },
      queue: Promise.resolve(),
    };
  }

  private capture(direction: Direction, bytes: Uint8Array, start: number, end: number): void {
    const { owner, messages } = this;
    if (owner === null || messages === null) return;
    try {
      messages.captures[direction].add(bytes, start, end);
    } catch (error) {
      owner.failed(error);
    }
  }
}
