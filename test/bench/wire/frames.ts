import type { Socket } from 'node:net';

/** RFC 9113 section 6: the frames that the replica and the generator of the bench speak. */
export const Type = {
  Data: 0,
  Headers: 1,
  RstStream: 3,
  Settings: 4,
  PushPromise: 5,
  Ping: 6,
  GoAway: 7,
  WindowUpdate: 8,
  Continuation: 9,
} as const;

export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const PRIORITY = 0x20;

const frameHeaderBytes = 9;
const empty = new Uint8Array(0);
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Hears whole frames; the payload is `bytes` from `start` to `end`, valid until it returns. */
export type OnFrame = (
  type: number,
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
) => void;

/** Cuts a byte stream into frames. With `skip` bytes ahead of the first one: the client's preface. */
export function frameSplitter(onFrame: OnFrame, skip: number): (chunk: Buffer) => void {
  let rest: Buffer | null = null;
  let toSkip = skip;
  return (chunk) => {
    let bytes = rest === null ? chunk : Buffer.concat([rest, chunk]);
    rest = null;
    if (toSkip > 0) {
      const skipped = Math.min(toSkip, bytes.length);
      toSkip -= skipped;
      bytes = bytes.subarray(skipped);
    }
    let at = 0;
    while (bytes.length - at >= frameHeaderBytes) {
      const length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
      const start = at + frameHeaderBytes;
      if (bytes.length - start < length) break;
      const streamId = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
      onFrame(bytes[at + 3], bytes[at + 4], streamId, bytes, start, start + length);
      at = start + length;
    }
    if (at < bytes.length) rest = at === 0 ? bytes : Buffer.from(bytes.subarray(at));
  };
}

/** Frames on their way to a socket: copied into one buffer and written once per turn of the event loop. */
export class FrameWriter {
  private readonly socket: Socket;
  private buffer: Buffer = Buffer.allocUnsafe(64 << 10);
  private used = 0;
  private scheduled = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  frame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Uint8Array,
    start = 0,
    end = bytes.length,
  ): void {
    const length = end - start;
    this.room(frameHeaderBytes + length);
    const buffer = this.buffer;
    const at = this.used;
    buffer[at] = length >>> 16;
    buffer[at + 1] = length >>> 8;
    buffer[at + 2] = length;
    buffer[at + 3] = type;
    buffer[at + 4] = flags;
    buffer[at + 5] = streamId >>> 24;
    buffer[at + 6] = streamId >>> 16;
    buffer[at + 7] = streamId >>> 8;
    buffer[at + 8] = streamId;
    buffer.set(
      start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end),
      at + frameHeaderBytes,
    );
    this.used = at + frameHeaderBytes + length;
    this.schedule();
  }

  windowUpdate(streamId: number, increment: number): void {
    this.frame(Type.WindowUpdate, 0, streamId, u32(increment));
  }

  /** `pairs` of identifier and value (RFC 9113 section 6.5.1). */
  settings(...pairs: ReadonlyArray<readonly [id: number, value: number]>): void {
    this.frame(
      Type.Settings,
      0,
      0,
      Buffer.concat(pairs.map(([id, value]) => Buffer.concat([u16(id), u32(value)]))),
    );
  }

  settingsAck(): void {
    this.frame(Type.Settings, ACK, 0, empty);
  }

  raw(bytes: Buffer): void {
    this.room(bytes.length);
    this.buffer.set(bytes, this.used);
    this.used += bytes.length;
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.used === 0 || this.socket.destroyed) return;
    this.socket.write(this.buffer.subarray(0, this.used));
    // The kernel took all of it, so the bytes are free again; else they stay with the socket.
    if (this.socket.writableLength > 0) this.buffer = Buffer.allocUnsafe(this.buffer.length);
    this.used = 0;
  }

  private room(bytes: number): void {
    if (this.used + bytes <= this.buffer.length) return;
    this.flush();
    if (bytes > this.buffer.length) this.buffer = Buffer.allocUnsafe(bytes);
  }
}

export function u16(value: number): Buffer {
  return Buffer.from([value >>> 8, value & 0xff]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Where the fragment of a HEADERS frame or the data of a DATA frame lies once padding and priority are off. */
export function unpadded(
  flags: number,
  type: number,
  bytes: Buffer,
  start: number,
  end: number,
): [number, number] {
  let from = start;
  let to = end;
  if (flags & PADDED) to -= bytes[from++];
  if (type === Type.Headers && flags & PRIORITY) from += 5;
  return [from, to];
}
