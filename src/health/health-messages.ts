import { gunzipSync, inflateSync } from 'node:zlib';

/**
 * The two messages of grpc.health.v1 (protos/grpc/health/v1/health.proto) in protobuf's wire format: a string, and a small
 * number. A protobuf library that reads the definition at the start costs 8 MiB of memory, a tenth of the process.
 */

export interface HealthCheckRequest {
  /** Full name of a service; absent for the server as a whole. */
  readonly service?: string;
}

export interface HealthCheckResponse {
  /** Its name, or the number where it has none. */
  readonly status: string | number;
}

/** `ServingStatus` by number. */
const servingStatuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** Tags: the number of the field and three bits of wire type. */
const serviceTag = (1 << 3) | 2;
const statusTag = (1 << 3) | 0;
const varintBytesMax = 10;

/** A message is a few bytes; a reply over this is none of ours, bytes. */
const messageBytesMax = 4096;
const prefixBytes = 5;

/** Splits the body of a reply into its messages (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export class MessageReader {
  private held: Buffer = Buffer.alloc(0);

  /** Gives why the bytes are no messages, '' where they are. `encoding` is the reply's `grpc-encoding`. */
  push(chunk: Buffer, encoding: string, onMessage: (message: Buffer) => void): string {
    this.held = Buffer.concat([this.held, chunk]);
    while (this.held.length >= prefixBytes) {
      const length = this.held.readUInt32BE(1);
      if (length > messageBytesMax) return `a message of ${length} bytes, which is no HealthCheckResponse`;
      const end = prefixBytes + length;
      if (this.held.length < end) return '';
      const message = plainMessage(this.held.subarray(prefixBytes, end), this.held[0], encoding);
      if (message === null) return 'a compressed message that cannot be read';
      this.held = this.held.subarray(end);
      onMessage(message);
    }
    return '';
  }
}

/** A server may compress although it was asked not to; null where it cannot be undone. */
function plainMessage(bytes: Buffer, flag: number, encoding: string): Buffer | null {
  if (flag === 0) return bytes;
  const limits = { maxOutputLength: messageBytesMax };
  try {
    if (encoding === 'gzip') return gunzipSync(bytes, limits);
    if (encoding === 'deflate') return inflateSync(bytes, limits);
  } catch {
    // Not what it says it is.
  }
  return null;
}

export function encodeRequest({ service = '' }: HealthCheckRequest): Buffer {
  if (service === '') return Buffer.alloc(0);
  const name = Buffer.from(service);
  const length: number[] = [];
  for (let left = name.length; ; left >>>= 7) {
    length.push(left < 0x80 ? left : (left & 0x7f) | 0x80);
    if (left < 0x80) break;
  }
  return Buffer.concat([Buffer.of(serviceTag, ...length), name]);
}

/** Throws where the bytes are no message. */
export function decodeResponse(bytes: Uint8Array): HealthCheckResponse {
  const reader = new Reader(bytes);
  let status = 0;
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === statusTag) status = reader.varint();
    else reader.skip(tag);
  }
  return { status: servingStatuses[status] ?? status };
}

class Reader {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.at === this.bytes.length;
  }

  /** Exact up to 2^49; of longer ones, which nothing here is, the lower bits. */
  varint(): number {
    let value = 0;
    for (let i = 0; i < varintBytesMax; i++) {
      if (this.done) throw new RangeError('the message ends inside a number');
      const byte = this.bytes[this.at++];
      if (i < 7) value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number is longer than 10 bytes');
  }

  /** Passes over a field that is unknown, as a later version of the protocol may add some. */
  skip(tag: number): void {
    const wireType = tag & 7;
    if (tag < 8) throw new RangeError('a Protobuf tag has the number 0');
    if (wireType === 0) return void this.varint();
    if (wireType === 1) this.at += 8;
    else if (wireType === 2) {
      const length = this.varint();
      this.at += length;
    } else if (wireType === 5) this.at += 4;
    else throw new RangeError(`a Protobuf tag has the wire type ${wireType}`);
    if (this.at > this.bytes.length) throw new RangeError('the message ends inside a value');
  }
}
