import type { Random } from '../core/random.ts';

/** RFC 6455 section 5.2. */
const opcodeMask = 0x0f;
const closeOpcode = 0x8;
const lastFrame = 0x80;
const masked = 0x80;

/** RFC 6455 section 7.4.1: an endpoint goes away, such as a server that shuts down. */
export const goingAway = 1001;

/**
 * Follows the frames of one direction of a WebSocket by their headers (RFC 6455 section 5.2): whoever puts a frame of its own behind
 * what has passed may do so between two frames alone. Holds a few numbers, whatever the frames are, and looks at no payload.
 *
 *     +------+---------+------------------+---------------+---------+
 *     | byte | M | len |  0, 2 or 8 bytes |  0 or 4 bytes | payload |
 *     +------+---------+------------------+---------------+---------+
 */
export class FrameBoundaries {
  /** A frame with which its sender closes has passed, or has begun to. */
  closing = false;
  private part: 'opcode' | 'length' | 'rest' | 'payload' = 'opcode';
  /** Bytes still to come of the extended length and of the mask. */
  private lengthLeft = 0;
  private maskLeft = 0;
  /** Of the payload; inexact above 2^53, which no connection lives to see. */
  private payloadLeft = 0;

  /** Is what has passed so far a number of whole frames? */
  get between(): boolean {
    return this.part === 'opcode';
  }

  passed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.part === 'payload') at += this.skip(bytes.length - at);
      else this.headerByte(bytes[at++]);
    }
  }

  private skip(available: number): number {
    const count = Math.min(available, this.payloadLeft);
    this.payloadLeft -= count;
    if (this.payloadLeft === 0) this.part = 'opcode';
    return count;
  }

  private headerByte(byte: number): void {
    if (this.part === 'opcode') {
      if ((byte & opcodeMask) === closeOpcode) this.closing = true;
      this.part = 'length';
      return;
    }
    if (this.part === 'length') {
      const length = byte & ~masked;
      this.maskLeft = (byte & masked) === 0 ? 0 : 4;
      this.lengthLeft = length === 127 ? 8 : length === 126 ? 2 : 0;
      this.payloadLeft = this.lengthLeft > 0 ? 0 : length;
      this.part = 'rest';
    } else if (this.lengthLeft > 0) {
      this.payloadLeft = this.payloadLeft * 256 + byte;
      this.lengthLeft--;
    } else this.maskLeft--;
    if (this.lengthLeft + this.maskLeft === 0) this.part = this.payloadLeft > 0 ? 'payload' : 'opcode';
  }
}

/** A close frame as a server sends it or, where there is a source for its mask, as a client does (RFC 6455 section 5.1). */
export function closeFrame(code: number, mask: Random | null): Buffer {
  const status = Buffer.of(code >> 8, code & 0xff);
  if (mask === null) return Buffer.concat([Buffer.of(lastFrame | closeOpcode, 2), status]);
  const key = Buffer.alloc(4);
  key.writeUInt32BE(mask.u32());
  for (let i = 0; i < status.length; i++) status[i] ^= key[i];
  return Buffer.concat([Buffer.of(lastFrame | closeOpcode, masked | 2), key, status]);
}
