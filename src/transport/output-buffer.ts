import { blockPool } from '../core/block-pool.ts';

/** Bytes that a connection keeps for its output while it is idle; more is acquired from one flush to the next. */
const ownBytesMax = 4096;
/** A burst that passes this is taken for a body, and gets room for more of it at once. */
const burstBytesMax = 16_384;
const bodyBlockBytes = 131_072;

/**
 * With this many bytes of a body, an engine without flow control of its own flushes at once: the credit returns before the other
 * side is paused for lack of it. A pause for each 64 KiB more than tripled the cost of large replies over HTTP/1.1.
 */
export const eagerFlushBytes = 32_768;
/** Below this, a copy by loop beats a call to `set` (measured: the call costs about as much as 40 bytes). */
const loopCopyBytesMax = 48;

/**
 * Bytes on their way out of one connection: a single buffer that every frame is copied into and that leaves with
 * one write per event-loop turn. Measured as the largest single saving on the call path against a Buffer per frame.
 *
 * Writers call `reserve(n)`, then write at `bytes[length]` and move `length` themselves.
 */
export class OutputBuffer {
  bytes: Buffer;
  length = 0;
  /** The connection's own memory; `bytes` is it, or a pooled block. */
  private own: Buffer;
  private viewed: Buffer | null = null;
  private words: DataView | null = null;

  constructor(initialBytes = ownBytesMax) {
    this.own = Buffer.allocUnsafeSlow(initialBytes);
    this.bytes = this.own;
  }

  /** `bytes` for who writes words; made for them alone, once for each memory. */
  get view(): DataView {
    const { bytes } = this;
    if (this.words === null || this.viewed !== bytes) {
      this.words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      this.viewed = bytes;
    }
    return this.words;
  }

  /** Is it more memory than the connection keeps? */
  get isPooled(): boolean {
    return this.bytes !== this.own;
  }

  /** Makes room for `extra` more bytes; existing ones stay. */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed > this.bytes.length) this.grow(needed);
  }

  /** Copies the bytes from `start` to `end`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.reserve(length);
    if (length <= loopCopyBytesMax)
      for (let i = start, at = this.length; i < end; i++) this.bytes[at++] = bytes[i];
    else
      this.bytes.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.length);
    this.length += length;
  }

  /** Forgets what was written, keeping the memory: only when the transport is done with it. */
  clear(): void {
    this.length = 0;
    if (this.bytes === this.own) return;
    blockPool.release(this.bytes);
    this.back();
  }

  /** Starts on other memory: the transport still holds this, and who calls gives it back when it is done. */
  renew(): Buffer {
    const held = this.bytes;
    this.length = 0;
    if (held === this.own) this.own = blockPool.acquire(ownBytesMax);
    this.back();
    return held;
  }

  /** To its own memory; nothing of the other is held. */
  private back(): void {
    this.bytes = this.own;
    this.words = null;
    this.viewed = null;
  }

  private grow(needed: number): void {
    const old = this.bytes;
    // Room to spare, or each further frame would copy all that is there.
    const grown = blockPool.acquire(needed <= burstBytesMax ? needed : Math.max(needed * 2, bodyBlockBytes));
    old.copy(grown, 0, 0, this.length);
    this.bytes = grown;
    if (needed <= ownBytesMax) this.own = grown;
    else if (old !== this.own) blockPool.release(old);
  }
}
