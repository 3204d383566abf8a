import { Flag, FrameType, frameHeaderBytes, readU24, readU31 } from './frame.ts';

/** Hears of each frame; bytes `start` to `end` are its payload, or a piece of it, and must be copied to be kept. */
export interface FrameListener {
  frame(type: number, flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void;
  /** A DATA frame without padding has begun, whose `lengthBytes` bytes, one at least, come in pieces. */
  dataBegins(flags: number, streamId: number, lengthBytes: number): void;
  /** The next of them; `whole` with the last. */
  dataPiece(
    flags: number,
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    whole: boolean,
  ): void;
  /** A frame longer than we allow, and the last that is reported: FRAME_SIZE_ERROR of the connection (RFC 9113 section 4.2). */
  frameTooLong(lengthBytes: number): void;
}

/** What is kept of `carry` between frames: an idle connection costs no more. */
const carryKeptBytesMax = 1024;

/**
 * Splits a stream of bytes into frames. A frame that lies whole in what was read is handed on in place. Of DATA that
 * straddles two reads each piece is handed on as it comes: with frames of 16 KiB and reads of 64 KiB that is every fourth,
 * and to put it together would copy it once more, into memory made for it. Any other frame, and DATA that is padded, is
 * put together in `carry`, which holds at most one frame.
 */
export class FrameReader {
  private readonly listener: FrameListener;
  private readonly frameBytesMax: number;
  private carry: Buffer = Buffer.alloc(0);
  private carried = 0;
  /** Of the DATA frame that comes in pieces: bytes still to come, flags and stream. */
  private partialLeft = 0;
  private partialFlags = 0;
  private partialId = 0;
  private stopped = false;
  private held = false;

  constructor(listener: FrameListener, frameBytesMax: number) {
    this.listener = listener;
    this.frameBytesMax = frameBytesMax;
  }

  /** Hands on nothing more, whatever arrives: after a connection error. */
  stop(): void {
    this.stopped = true;
    this.held = true;
    this.carry = Buffer.alloc(0);
    this.carried = 0;
    this.partialLeft = 0;
  }

  /** Has a frame begun and not ended that is no DATA? Nobody honest takes long over one. */
  get insideFrame(): boolean {
    return this.carried > 0 && (this.carried < frameHeaderBytes || this.carry[3] !== FrameType.DATA);
  }

  /** Ends the `receive` that is going on after the frame at hand. */
  hold(): void {
    this.held = true;
  }

  /** Returns where it stopped: `end`, unless `hold` was called; what lies behind is to be given again. */
  receive(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    this.held = this.stopped;
    if (this.carried > 0) at = this.completeCarried(bytes, at, end);
    if (this.partialLeft > 0) at = this.handOnPiece(bytes, at, end);
    while (!this.held && end - at >= frameHeaderBytes) {
      const length = readU24(bytes, at);
      if (length > this.frameBytesMax) {
        this.refuse(length);
        return end;
      }
      const next = at + frameHeaderBytes + length;
      if (next > end) {
        if (this.beginPartial(bytes, at)) at = this.handOnPiece(bytes, at + frameHeaderBytes, end);
        break;
      }
      this.listener.frame(
        bytes[at + 3],
        bytes[at + 4],
        readU31(bytes, at + 5),
        bytes,
        at + frameHeaderBytes,
        next,
      );
      at = next;
    }
    if (this.stopped) return end;
    if (this.held) return at;
    if (at < end) this.keep(bytes, at, end);
    else if (this.carried === 0 && this.carry.length > carryKeptBytesMax) this.carry = Buffer.alloc(0);
    return end;
  }

  /** Begins to hand on a frame in pieces, where it is one that may be: its header is at `at`. */
  private beginPartial(bytes: Uint8Array, at: number): boolean {
    const length = readU24(bytes, at);
    const flags = bytes[at + 4];
    if (bytes[at + 3] !== FrameType.DATA || (flags & Flag.PADDED) !== 0 || length === 0) return false;
    this.partialLeft = length;
    this.partialFlags = flags;
    this.partialId = readU31(bytes, at + 5);
    this.listener.dataBegins(flags, this.partialId, length);
    return true;
  }

  /** Hands on what came of the frame that is split; returns where the rest begins. */
  private handOnPiece(bytes: Uint8Array, start: number, end: number): number {
    const to = start + Math.min(this.partialLeft, end - start);
    if (to === start || this.stopped) return start;
    this.partialLeft -= to - start;
    this.listener.dataPiece(this.partialFlags, this.partialId, bytes, start, to, this.partialLeft === 0);
    return to;
  }

  /** Fills up the carried frame; returns where the rest begins (`end` while it is still not whole). */
  private completeCarried(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (this.carried < frameHeaderBytes) {
      at = this.take(bytes, at, end, frameHeaderBytes);
      if (this.carried < frameHeaderBytes) return end;
    }
    const length = readU24(this.carry, 0);
    if (length > this.frameBytesMax) {
      this.refuse(length);
      return end;
    }
    if (this.carried === frameHeaderBytes && this.beginPartial(this.carry, 0)) {
      this.carried = 0;
      return at;
    }
    const whole = frameHeaderBytes + length;
    at = this.take(bytes, at, end, whole);
    if (this.carried < whole) return end;
    const carry = this.carry;
    this.carried = 0;
    this.listener.frame(carry[3], carry[4], readU31(carry, 5), carry, frameHeaderBytes, whole);
    return at;
  }

  /** Where the next frame would begin nobody knows: that was the last of it. */
  private refuse(lengthBytes: number): void {
    this.stop();
    this.listener.frameTooLong(lengthBytes);
  }

  private take(bytes: Uint8Array, start: number, end: number, whole: number): number {
    const count = Math.min(whole - this.carried, end - start);
    this.grow(whole);
    this.carry.set(bytes.subarray(start, start + count), this.carried);
    this.carried += count;
    return start + count;
  }

  private keep(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    // Until its header is whole nobody knows whether it is to be carried at all.
    this.grow(count < frameHeaderBytes ? frameHeaderBytes : frameHeaderBytes + readU24(bytes, start));
    this.carry.set(bytes.subarray(start, end), 0);
    this.carried = count;
  }

  private grow(bytes: number): void {
    if (this.carry.length >= bytes) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, 64));
    this.carry.copy(grown, 0, 0, this.carried);
    this.carry = grown;
  }
}
