import type { IncomingMessage } from 'node:http';
import type { Field } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { MessageSink } from '../core/message-stream.ts';
import { readTrailers } from './fields.ts';

/**
 * Bytes pushed and not yet returned as credit; at this many the socket is no longer read. No more are ever pushed: it is
 * what is kept of a request until it has left for an endpoint, so that it can go to another.
 */
export const windowBytes = 65_536;

/**
 * Bytes that are read before the other sockets have a turn. A socket is read up to 32 times in one, 64 KiB each: 20
 * downloads as fast as their client's kernel took them kept everybody else waiting for 200 ms.
 */
const bytesPerTurnMax = 65_536;

const empty = new Uint8Array(0);

/**
 * Pushes the body of an incoming message, request or reply, to whoever takes it, and reads on only as credit comes
 * back. Says nothing of a message that breaks off: its owner hears of that from the socket.
 */
export class BodyReader {
  private readonly message: IncomingMessage;
  private readonly sink: () => Pick<MessageSink, 'data' | 'trailers'> | null;
  private readonly ended: () => void;
  private outstandingBytes = 0;
  /** What was read and is not pushed yet from `heldFrom` on, and whether the end came behind it. */
  private held: Buffer | null = null;
  private heldFrom = 0;
  private endHeld = false;
  private pushing = false;
  private turnBytes = 0;
  /** It has had its turn, and waits for the next. */
  private waitsForTurn = false;
  private discarding = false;

  /**
   * `sink` is asked again for every push; what comes while it is null is dropped. `ended` follows the last push. All of them
   * are called within `contained`, which sees to exceptions.
   */
  constructor(
    message: IncomingMessage,
    sink: () => Pick<MessageSink, 'data' | 'trailers'> | null,
    ended: () => void,
    contained: (run: () => void) => void,
  ) {
    this.message = message;
    this.sink = sink;
    this.ended = ended;
    message.on('data', (chunk: Buffer) => contained(() => this.data(chunk)));
    message.on('end', () => contained(() => this.end()));
  }

  /** Credit for bytes that were pushed. */
  consumed(bytes: number): void {
    this.outstandingBytes = Math.max(0, this.outstandingBytes - bytes);
    this.push();
    this.resume();
  }

  /** From now on reads as fast as it comes and drops it. */
  discard(): void {
    this.discarding = true;
    this.push();
    this.resume();
  }

  private resume(): void {
    const hasCredit = this.discarding || (this.outstandingBytes < windowBytes && this.held === null);
    if (hasCredit && !this.waitsForTurn && this.message.isPaused()) this.message.resume();
  }

  private countTurn(bytes: number): void {
    this.turnBytes += bytes;
    if (this.turnBytes < bytesPerTurnMax || this.waitsForTurn) return;
    this.waitsForTurn = true;
    this.message.pause();
    setImmediate(() => {
      this.waitsForTurn = false;
      this.turnBytes = 0;
      this.resume();
    });
  }

  private get receiver(): Pick<MessageSink, 'data' | 'trailers'> | null {
    return this.discarding ? null : this.sink();
  }

  private data(chunk: Buffer): void {
    this.countTurn(chunk.length);
    // A message that is paused gives no more, but for what its parser has already: rarely is there something to join.
    this.held = this.held === null ? chunk : Buffer.concat([this.held.subarray(this.heldFrom), chunk]);
    this.heldFrom = 0;
    this.push();
    const full = this.held !== null || this.outstandingBytes >= windowBytes;
    if (full && this.receiver !== null) this.message.pause();
  }

  /** As much as the window has room for. Credit that comes back meanwhile is used by the same loop, not within it. */
  private push(): void {
    if (this.pushing) return;
    this.pushing = true;
    while (this.held !== null) {
      const { held, heldFrom } = this;
      const sink = this.receiver;
      const bytes = Math.min(held.length - heldFrom, windowBytes - this.outstandingBytes);
      if (sink !== null && bytes <= 0) break;
      if (sink === null || heldFrom + bytes === held.length) this.held = null;
      else this.heldFrom += bytes;
      if (sink === null) continue;
      this.outstandingBytes += bytes;
      sink.data(held, heldFrom, heldFrom + bytes, false);
    }
    this.pushing = false;
    if (this.endHeld) this.end();
  }

  private end(): void {
    this.endHeld = this.held !== null;
    if (this.endHeld) return;
    const sink = this.receiver;
    if (sink !== null) {
      const trailers: Field[] = readTrailers(this.message.rawTrailers);
      if (trailers.length > 0) sink.trailers(new HeaderBlock(trailers));
      else sink.data(empty, 0, 0, true);
    }
    this.ended();
  }
}
