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
export const healthMessageBytesMax = 4096;

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
