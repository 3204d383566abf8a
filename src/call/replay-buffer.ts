import { blockPool } from '../core/block-pool.ts';

const empty: Buffer = Buffer.alloc(0);

/** Bytes that all replay buffers together may hold. */
export class ReplayBudget {
  private readonly totalBytesMax: number;
  private left: number;
  constructor(totalBytesMax: number) {
    this.totalBytesMax = totalBytesMax;
    this.left = totalBytesMax;
  }
  /** Is less than half of it used? */
  get plentiful(): boolean {
    return this.left * 2 > this.totalBytesMax;
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

/**
 * Bytes of one request that may have left for an attempt that runs and be kept beside it, so that another can follow it.
 * What has not left is kept besides, while there is room: a server that grants no more than the window it began with
 * may still refuse the call, and all of it is here.
 */
export const replayBytesPerCallMax = 65_536;
/** Bytes of all requests together. */
export const replayBytesTotalMax = 16_777_216;
/** Shorter and longer ones are kept in blocks. */
const smallBytesMax = 256;
const exactBytesMax = 4096;
/** Below this, a copy by loop beats a call to `set`. */
const loopCopyBytesMax = 48;

/**
 * The body of a request as far as it came, kept until the call is committed to its attempt: a call that never left or
 * was refused is sent again from here. Past its bound it gives up, and the call can no longer be retried.
 */
export class ReplayBuffer {
  /** One piece of memory that doubles, however small the pieces of the body are: a flood of tiny frames costs no more. */
  private buffer: Buffer = empty;
  private held = 0;
  private readonly budget: ReplayBudget;
  /** False once something was dropped. */
  complete = true;

  constructor(budget: ReplayBudget) {
    this.budget = budget;
  }

  /**
   * Copies a piece. `leftBytes` of the request have left for the attempt that runs: infinity where several do, -1 while
   * this is its only place. False when it no longer keeps anything.
   */
  push(bytes: Uint8Array, start: number, end: number, leftBytes: number): boolean {
    if (!this.complete) return false;
    const needed = this.held + end - start;
    // What has not left waits in memory anyway, and flow control bounds it.
    const bounded = leftBytes > replayBytesPerCallMax || (leftBytes >= 0 && !this.budget.plentiful);
    const tooMuch = bounded && needed > replayBytesPerCallMax;
    if (tooMuch || (needed > this.buffer.length && !this.grow(needed))) {
      this.drop();
      return false;
    }
    const { buffer } = this;
    if (end - start > loopCopyBytesMax) buffer.set(bytes.subarray(start, end), this.held);
    else for (let from = start, to = this.held; from < end; ) buffer[to++] = bytes[from++];
    this.held = needed;
    return true;
  }

  get length(): number {
    return this.held;
  }

  /** What is held; of use until the next `push` or `drop`. */
  get bytes(): Uint8Array {
    return this.buffer;
  }

  /** Forgets everything: the call is committed, over, or too large. */
  drop(): void {
    this.complete = false;
    this.budget.give(this.buffer.length);
    blockPool.release(this.buffer);
    this.buffer = empty;
    this.held = 0;
  }

  private grow(needed: number): boolean {
    const bytes = Math.max(needed, this.buffer.length * 2);
    // Most bodies come in one piece: one of middling length is held exactly, as is a large one at first; others in a block
    // that was used before.
    const exactly =
      (bytes > smallBytesMax && bytes <= exactBytesMax) || (this.held === 0 && bytes > replayBytesPerCallMax);
    return (!exactly && this.moveTo(blockPool.acquire(bytes))) || this.moveTo(Buffer.allocUnsafe(bytes));
  }

  private moveTo(buffer: Buffer): boolean {
    const granted = this.budget.take(buffer.length - this.buffer.length);
    if (granted && this.held > 0) buffer.set(this.buffer.subarray(0, this.held));
    blockPool.release(granted ? this.buffer : buffer);
    if (granted) this.buffer = buffer;
    return granted;
  }
}
