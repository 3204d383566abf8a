import { giveBlockBack, lendBlock } from '../core/blocks.ts';

const empty: Buffer = Buffer.alloc(0);

/** Octets that all replay buffers together may hold. */
export class ReplayBudget {
  private left: number;
  constructor(totalBytesMax: number) {
    this.left = totalBytesMax;
  }
  take(bytes: number): boolean {
    if (bytes > this.left) return false;
    this.left -= bytes;
    return true;
  }
  give(bytes: number): void {
    this.left += bytes;
  }
}

/** Octets of one request that are kept beside an attempt that runs, so that another can follow it. */
export const replayBytesPerCallMax = 65_536;
/** Octets of all requests together. */
export const replayBytesTotalMax = 16_777_216;
/** Shorter and longer ones are kept in blocks. */
const smallBytesMax = 256;
const exactBytesMax = 4096;
/** Below this, a copy by loop beats a call to `set`. */
const loopCopyBytesMax = 48;

/**
 * The body of a request as far as it came, kept until the call is committed to its attempt: a call that never left or
 * was refused is sent again from here. Past its bound it gives up, and the call can no longer be tried again.
 */
export class ReplayBuffer {
  /** One piece of memory that doubles, however small the pieces of the body are: a flood of tiny frames costs no more. */
  private octets: Buffer = empty;
  private held = 0;
  private readonly budget: ReplayBudget;
  /** False once something was dropped. */
  complete = true;

  constructor(budget: ReplayBudget) {
    this.budget = budget;
  }

  /**
   * Copies a piece. `bytesMax` is for the whole: `replayBytesPerCallMax` while the body goes on elsewhere too, infinity
   * while this is its only place and flow control bounds it. False when it no longer keeps anything.
   */
  push(bytes: Uint8Array, start: number, end: number, bytesMax: number): boolean {
    if (!this.complete) return false;
    const needed = this.held + end - start;
    if (needed > bytesMax || (needed > this.octets.length && !this.grow(needed))) {
      this.drop();
      return false;
    }
    const { octets } = this;
    if (end - start > loopCopyBytesMax) octets.set(bytes.subarray(start, end), this.held);
    else for (let from = start, to = this.held; from < end; ) octets[to++] = bytes[from++];
    this.held = needed;
    return true;
  }

  get length(): number {
    return this.held;
  }

  /** What is held; of use until the next `push` or `drop`. */
  get bytes(): Uint8Array {
    return this.octets;
  }

  /** Forgets everything: the call is committed, over, or too large. */
  drop(): void {
    this.complete = false;
    this.budget.give(this.octets.length);
    giveBlockBack(this.octets);
    this.octets = empty;
    this.held = 0;
  }

  private grow(needed: number): boolean {
    const bytes = Math.max(needed, Math.min(this.octets.length * 2, replayBytesPerCallMax));
    // Most bodies come in one piece: one of middling length is held exactly, others in a block that was used before.
    const exactly = (bytes > smallBytesMax && bytes <= exactBytesMax) || bytes > replayBytesPerCallMax;
    return (!exactly && this.moveTo(lendBlock(bytes))) || this.moveTo(Buffer.allocUnsafe(bytes));
  }

  private moveTo(octets: Buffer): boolean {
    const granted = this.budget.take(octets.length - this.octets.length);
    if (granted && this.held > 0) octets.set(this.octets.subarray(0, this.held));
    giveBlockBack(granted ? this.octets : octets);
    if (granted) this.octets = octets;
    return granted;
  }
}
