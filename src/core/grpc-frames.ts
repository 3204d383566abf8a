import { gunzipSync, inflateSync } from 'node:zlib';

/** In front of each message: whether it is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const prefixBytes = 5;

/** Returns a message with its prefix, not compressed. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(prefixBytes + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

/**
 * Splits the body of a reply into its messages, for calls that Outrigger makes itself and whose messages are small. What clients call
 * passes through without it.
 */
export class GrpcFrameReader {
  private readonly bytesMax: number;
  private readonly noun: string;
  private held: Buffer = Buffer.alloc(0);

  /** `bytesMax` is the size of a message, also once it is decompressed; `noun` is what it should be: `HealthCheckResponse`. */
  constructor(bytesMax: number, noun: string) {
    this.bytesMax = bytesMax;
    this.noun = noun;
  }

  /**
   * Calls `onMessage` with each message that is complete. Returns why the bytes are no messages, '' where they are. `encoding` is the
   * reply's `grpc-encoding`. Keeps nothing of `chunk`.
   */
  push(chunk: Uint8Array, encoding: string, onMessage: (message: Buffer) => void): string {
    this.held = Buffer.concat([this.held, chunk]);
    while (this.held.length >= prefixBytes) {
      const length = this.held.readUInt32BE(1);
      if (length > this.bytesMax) return `a message of ${length} bytes, which is no ${this.noun}`;
      const end = prefixBytes + length;
      if (this.held.length < end) return '';
      const message = this.plainMessage(this.held.subarray(prefixBytes, end), this.held[0], encoding);
      if (message === null) return 'a compressed message that cannot be read';
      this.held = this.held.subarray(end);
      onMessage(message);
    }
    return '';
  }

  /** A server may compress although it was asked not to; null where it cannot be undone. */
  private plainMessage(bytes: Buffer, flag: number, encoding: string): Buffer | null {
    if (flag === 0) return bytes;
    const limits = { maxOutputLength: this.bytesMax };
    try {
      if (encoding === 'gzip') return gunzipSync(bytes, limits);
      if (encoding === 'deflate') return inflateSync(bytes, limits);
    } catch {
      // Not what it says it is.
    }
    return null;
  }
}
