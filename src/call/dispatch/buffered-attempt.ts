import type { Timer } from '../../core/clock.ts';
import type { HeaderBlock } from '../../core/header-block.ts';
import { Attempt } from '../attempt.ts';

/** An attempt whose reply is held back until its dispatcher commits the call to it, or drops it. */
export class BufferedAttempt extends Attempt {
  /** The interim replies before the head, of which the engines bound the number. */
  readonly interimReplies: HeaderBlock[] = [];
  /** The head of the reply, while what follows it is awaited. */
  replyHead: HeaderBlock | null = null;
  /** Until the head: the time that the attempt may take. From then on: the time that the head may be held back. */
  timer: Timer | null = null;
  /** It counts against the retry budget of the route and the retry limit of the cluster. */
  holdsPlace = false;

  /** How far the attempt has come, for when only one can go on: a reply, then the bytes it was sent. */
  get progress(): number {
    if (this.replyHead !== null) return Number.POSITIVE_INFINITY;
    return this.stream === null ? -1 : this.sentBytes;
  }
}
