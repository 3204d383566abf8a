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

/**
 * Follows one call for one tap. Whatever goes wrong here ends the tap, and never the call. A tap that has ended while the call runs
 * takes nothing more of it.
 */
export class TappedCall implements Follower {
  readonly request: RequestView;
  head: HeaderBlock | null = null;
  requestTrailers: HeaderBlock | null = null;
  responseTrailers: HeaderBlock | null = null;
  readonly kept: Readonly<Record<Direction, CapturedMessage[]>> = { request: [], response: [] };
  /** With `live`: messages of each direction that are shown, and what is to be sent next, in order. */
  readonly shownMessages: Record<Direction, number> = { request: 0, response: 0 };
  queue: Promise<void> = Promise.resolve();
  private owner: TappedCallOwner | null;
  private readonly captures: Readonly<Record<Direction, MessageCapture>> | null;

  constructor(owner: TappedCallOwner, request: RequestView) {
    this.owner = owner;
    this.request = request;
    const capture = (direction: Direction): MessageCapture =>
      new MessageCapture(request.traffic === 'grpc', owner.limits, owner.budget, (message) =>
        this.owner?.message(this, direction, message),
      );
    this.captures = owner.messages ? { request: capture('request'), response: capture('response') } : null;
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
      this.captures?.request.end();
      this.captures?.response.end();
      owner.settled(this, record);
    } catch (error) {
      owner.failed(error);
    }
  }

  /** Messages that passed in a direction. */
  count(direction: Direction): number {
    return this.captures?.[direction].count ?? 0;
  }

  /** Gives the memory of one message back. */
  free(direction: Direction, message: CapturedMessage): void {
    this.captures?.[direction].free(message);
  }

  /** Gives all memory back: the call has been shown, or will not be. */
  release(): void {
    this.owner = null;
    this.captures?.request.release();
    this.captures?.response.release();
    this.kept.request.length = 0;
    this.kept.response.length = 0;
  }

  private capture(direction: Direction, bytes: Uint8Array, start: number, end: number): void {
    const { owner, captures } = this;
    if (owner === null || captures === null) return;
    try {
      captures[direction].add(bytes, start, end);
    } catch (error) {
      owner.failed(error);
    }
  }
}
