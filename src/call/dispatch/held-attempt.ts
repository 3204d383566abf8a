import type { Timer } from '../../core/clock.ts';
import type { HeaderBlock } from '../../core/header-block.ts';
import type { StreamFailure } from '../../core/message-stream.ts';
import type { OpenFailure } from '../../upstream/stream-opener.ts';
import type { Attempt, AttemptOwner } from '../attempt.ts';

/** Who decides about the replies of attempts that are held back. */
export interface ReplyJudge {
  headCame(held: HeldAttempt, head: HeaderBlock, end: boolean): void;
  trailersCame(held: HeldAttempt, trailers: HeaderBlock): void;
  /** From now on the attempt belongs to the call; what was held of its reply goes to the client. */
  choose(held: HeldAttempt, because: string): void;
}

/**
 * An attempt whose reply is held back until it is known that it is the one the client gets. Its request goes out and its
 * failures come in as those of any other.
 */
export class HeldAttempt implements AttemptOwner {
  attempt!: Attempt;
  /** The reply's head, while what follows it is awaited. */
  head: HeaderBlock | null = null;
  /** Until the head: the time an attempt may take. From then on: the time a head may be held. */
  timer: Timer | null = null;
  /** It counts against the budget of retries. */
  paid: boolean;
  private readonly judge: ReplyJudge;
  private readonly call: AttemptOwner;

  constructor(judge: ReplyJudge, call: AttemptOwner, paid: boolean) {
    this.judge = judge;
    this.call = call;
    this.paid = paid;
  }

  get clientAddress(): string {
    return this.call.clientAddress;
  }
  get forwardsClient(): boolean {
    return this.call.forwardsClient;
  }
  get requestMovedMs(): number {
    return this.call.requestMovedMs;
  }
  attemptOpened(attempt: Attempt): void {
    this.call.attemptOpened(attempt);
  }
  attemptNotOpened(attempt: Attempt, failure: OpenFailure): void {
    this.call.attemptNotOpened(attempt, failure);
  }
  attemptFailed(attempt: Attempt, failure: StreamFailure): void {
    this.call.attemptFailed(attempt, failure);
  }
  requestSent(attempt: Attempt): void {
    this.call.requestSent(attempt);
  }
  replyHead(_attempt: Attempt, head: HeaderBlock, end: boolean): void {
    this.judge.headCame(this, head, end);
  }
  /** A message, or the body of an HTTP reply: nothing can be taken back any more. */
  replyData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.judge.choose(this, 'a message was relayed');
    this.call.replyData(bytes, start, end, last);
  }
  replyTrailers(trailers: HeaderBlock): void {
    this.judge.trailersCame(this, trailers);
  }
}
