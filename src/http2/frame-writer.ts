import type { ErrorCode } from '../core/error-code.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { OutputBuffer } from '../transport/output-buffer.ts';
import { Flag, FrameType, frameBytesDefault, frameHeaderBytes } from './frame.ts';
import type { HpackEncoder } from './hpack/encoder.ts';

/** Below this, a copy by loop beats a call to `set` (measured: the call costs about as much as 40 bytes). */
const loopCopyBytesMax = 48;

/** Writes frames into the output buffer of one connection. Keeps to the peer's SETTINGS_MAX_FRAME_SIZE. */
export class FrameWriter {
  readonly out: OutputBuffer;
  readonly encoder: HpackEncoder;
  /** The peer's SETTINGS_MAX_FRAME_SIZE. */
  maxFrameBytes = frameBytesDefault;
  /** HEADERS and DATA frames written so far. */
  messageFrames = 0;
  /** `onWrite` knows that there is something to flush. Whoever takes it away sets this back. */
  notified = false;
  /** Stream of the HEADERS frame that was written last and can be taken back, where it begins and ends in `out`; or 0. */
  private revocableId = 0;
  private revocableFrom = 0;
  private revocableTo = 0;
  private readonly onWrite: () => void;

  /** `onWrite` is notified of the first frame since `notified` was reset: there is something to flush. */
  constructor(out: OutputBuffer, encoder: HpackEncoder, onWrite: () => void) {
    this.out = out;
    this.encoder = encoder;
    this.onWrite = onWrite;
  }

  /** One DATA frame; the caller keeps to windows and to `maxFrameBytes`. */
  data(streamId: number, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const length = end - start;
    const out = this.out;
    this.messageFrames++;
    out.reserve(frameHeaderBytes + length);
    this.frameHeader(length, FrameType.DATA, last ? Flag.END_STREAM : 0, streamId);
    const to = out.bytes;
    let at = out.length;
    if (length <= loopCopyBytesMax) for (let i = start; i < end; i++) to[at++] = bytes[i];
    else to.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at);
    out.length += length;
  }

  /**
   * HEADERS, and CONTINUATION where the block is longer than a frame (RFC 9113 section 6.10). Only one that `begins` a
   * stream may be taken back: without the trailers that end it a stream would stay open.
   */
  headers(streamId: number, block: HeaderBlock, last: boolean, begins = false): void {
    const out = this.out;
    this.messageFrames++;
    out.reserve(frameHeaderBytes);
    const frameAt = out.length;
    const { version } = this.encoder;
    out.length += frameHeaderBytes;
    this.encoder.encode(block, out);
    this.revocableId = begins && version === this.encoder.version ? streamId : 0;
    this.revocableFrom = frameAt;
    this.revocableTo = out.length;
    const end = out.length;
    const length = end - frameAt - frameHeaderBytes;
    const endStream = last ? Flag.END_STREAM : 0;
    out.length = frameAt;
    if (length <= this.maxFrameBytes) {
      this.frameHeader(length, FrameType.HEADERS, endStream | Flag.END_HEADERS, streamId);
      out.length = end;
    } else this.continued(streamId, endStream, length);
  }

  /** Lays a block that was encoded at `out.length + 9` out as HEADERS and CONTINUATION frames. */
  private continued(streamId: number, endStream: number, length: number): void {
    const out = this.out;
    const block = Buffer.from(
      out.bytes.subarray(out.length + frameHeaderBytes, out.length + frameHeaderBytes + length),
    );
    for (let at = 0; at < length; at += this.maxFrameBytes) {
      const count = Math.min(this.maxFrameBytes, length - at);
      const flags = (at === 0 ? endStream : 0) | (at + count === length ? Flag.END_HEADERS : 0);
      out.reserve(frameHeaderBytes + count);
      this.frameHeader(count, at === 0 ? FrameType.HEADERS : FrameType.CONTINUATION, flags, streamId);
      block.copy(out.bytes, out.length, at, at + count);
      out.length += count;
    }
  }

  /**
   * Takes back the head of a stream that was begun and is reset before anything else was written or sent, so that the
   * peer never hears of it. False where it is too late, or later blocks would not be understood without this one.
   */
  revoke(streamId: number): boolean {
    if (this.revocableId !== streamId || this.out.length !== this.revocableTo) return false;
    this.out.length = this.revocableFrom;
    this.revocableId = 0;
    return true;
  }

  rstStream(streamId: number, code: ErrorCode): void {
    this.out.reserve(frameHeaderBytes + 4);
    this.frameHeader(4, FrameType.RST_STREAM, 0, streamId);
    this.u32(code);
  }

  windowUpdate(streamId: number, increment: number): void {
    this.out.reserve(frameHeaderBytes + 4);
    this.frameHeader(4, FrameType.WINDOW_UPDATE, 0, streamId);
    this.u32(increment);
  }

  settings(parameters: ReadonlyArray<readonly [id: number, value: number]>): void {
    this.out.reserve(frameHeaderBytes + parameters.length * 6);
    this.frameHeader(parameters.length * 6, FrameType.SETTINGS, 0, 0);
    for (const [id, value] of parameters) {
      this.out.bytes[this.out.length++] = id >> 8;
      this.out.bytes[this.out.length++] = id;
      this.u32(value);
    }
  }

  settingsAck(): void {
    this.out.reserve(frameHeaderBytes);
    this.frameHeader(0, FrameType.SETTINGS, Flag.ACK, 0);
  }

  /** PING with eight opaque bytes from `at`. */
  ping(ack: boolean, bytes: Uint8Array, at: number): void {
    this.out.reserve(frameHeaderBytes + 8);
    this.frameHeader(8, FrameType.PING, ack ? Flag.ACK : 0, 0);
    for (let i = 0; i < 8; i++) this.out.bytes[this.out.length++] = bytes[at + i];
  }

  /** GOAWAY; `debug` is for a person reading a capture (RFC 9113 section 6.8). */
  goaway(lastStreamId: number, code: ErrorCode, debug: string): void {
    const text = Buffer.from(debug, 'latin1');
    this.out.reserve(frameHeaderBytes + 8 + text.length);
    this.frameHeader(8 + text.length, FrameType.GOAWAY, 0, 0);
    this.u32(lastStreamId);
    this.u32(code);
    text.copy(this.out.bytes, this.out.length);
    this.out.length += text.length;
  }

  /** Bytes that are no frame: the client's preface. */
  raw(bytes: Buffer): void {
    this.out.reserve(bytes.length);
    bytes.copy(this.out.bytes, this.out.length);
    this.out.length += bytes.length;
    this.notify();
  }

  private frameHeader(length: number, type: number, flags: number, streamId: number): void {
    const to = this.out.bytes;
    const at = this.out.length;
    to[at] = length >> 16;
    to[at + 1] = length >> 8;
    to[at + 2] = length;
    to[at + 3] = type;
    to[at + 4] = flags;
    to[at + 5] = streamId >> 24;
    to[at + 6] = streamId >> 16;
    to[at + 7] = streamId >> 8;
    to[at + 8] = streamId;
    this.out.length = at + frameHeaderBytes;
    if (!this.notified) this.notify();
  }

  private notify(): void {
    this.notified = true;
    this.onWrite();
  }

  private u32(value: number): void {
    const to = this.out.bytes;
    const at = this.out.length;
    to[at] = value >>> 24;
    to[at + 1] = value >>> 16;
    to[at + 2] = value >>> 8;
    to[at + 3] = value;
    this.out.length = at + 4;
  }
}
