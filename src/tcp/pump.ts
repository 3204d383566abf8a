import type { Socket } from 'node:net';
import { blockPool } from '../core/block-pool.ts';
import { DirectWriter } from '../transport/direct-writer.ts';

/**
 * One direction of a relay: what is read from one socket is written to the other at once, out of the buffer that it was read
 * into. Bytes that the other side does not take wait in a pooled block, and nothing more is read until it has taken them.
 */
export class Pump {
  /** Moved so far. */
  bytes = 0;
  private readonly from: Socket;
  private readonly to: Socket;
  private readonly writer: DirectWriter;

  constructor(from: Socket, to: Socket) {
    this.from = from;
    this.to = to;
    this.writer = new DirectWriter(to);
  }

  /** The first `length` bytes of `bytes` were read; nothing of it is kept. */
  received(bytes: Uint8Array, length: number): void {
    this.bytes += length;
    const taken = this.writer.write(bytes, 0, length);
    if (taken < length) this.wait(bytes, taken, length);
  }

  private wait(bytes: Uint8Array, start: number, end: number): void {
    const { from, to } = this;
    const waiting = end - start;
    const block = blockPool.acquire(waiting);
    block.set(bytes.subarray(start, end));
    from.pause();
    to.write(block.subarray(0, waiting), (error) => {
      // A socket that broke may still have the block; it is left to the collector.
      if (error) return;
      blockPool.release(block);
      if (to.writableLength === 0) from.resume();
    });
  }
}
