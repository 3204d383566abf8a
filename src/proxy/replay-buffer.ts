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

/** Octets of one request that are kept for another attempt. A first stream window always fits. */
export const replayBytesPerCallMax = 65_536;
/** Octets of all requests together. */
export const replayBytesTotalMax = 16_777_216;

/**
 * The body of a request as far as it came, kept until the call is committed to its attempt: a call that never left or
 * was refused is sent again from here. Past its bound it gives up, and the call can no longer be tried again.
 */
export class ReplayBuffer {
  private pieces: Buffer[] = [];
  private held = 0;
  private readonly budget: ReplayBudget;
  /** False once something was dropped. */
  complete = true;

  constructor(budget: ReplayBudget) {
    this.budget = budget;
  }

  /** Copies a piece. False when it no longer keeps anything. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.complete) return false;
    const length = end - start;
    if (this.held + length > replayBytesPerCallMax || !this.budget.take(length)) {
      this.drop();
      return false;
    }
    const piece = Buffer.allocUnsafe(length);
    piece.set(bytes.subarray(start, end));
    this.pieces.push(piece);
    this.held += length;
    return true;
  }

  get length(): number {
    return this.held;
  }

  replay(use: (bytes: Uint8Array, start: number, end: number) => void): void {
    for (const piece of this.pieces) use(piece, 0, piece.length);
  }

  /** Forgets everything: the call is committed, over, or too large. */
  drop(): void {
    this.complete = false;
    this.pieces = [];
    this.budget.give(this.held);
    this.held = 0;
  }
}
