/**
 * HTTP/2 frames and HPACK fields made byte by byte (RFC 9113 section 4.1, RFC 7541 section 6), so that an attacker
 * can say what no library would. Nothing here checks anything.
 */

export const Type = {
  Data: 0x0,
  Headers: 0x1,
  Priority: 0x2,
  Rst: 0x3,
  Settings: 0x4,
  PushPromise: 0x5,
  Ping: 0x6,
  Goaway: 0x7,
  WindowUpdate: 0x8,
  Continuation: 0x9,
} as const;

export const Flags = {
  None: 0,
  EndStream: 0x1,
  Ack: 0x1,
  EndHeaders: 0x4,
  Padded: 0x8,
  Priority: 0x20,
} as const;

export const Setting = {
  HeaderTableSize: 0x1,
  EnablePush: 0x2,
  MaxConcurrentStreams: 0x3,
  InitialWindowSize: 0x4,
  MaxFrameSize: 0x5,
  MaxHeaderListSize: 0x6,
} as const;

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const nothing = Buffer.alloc(0);

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = nothing): Buffer {
  const whole = Buffer.allocUnsafe(9 + payload.length);
  whole.writeUIntBE(payload.length, 0, 3);
  whole[3] = type;
  whole[4] = flags;
  whole.writeUInt32BE(streamId, 5);
  whole.set(payload, 9);
  return whole;
}

export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, i * 4);
  return bytes;
}

export function settings(...pairs: ReadonlyArray<readonly [id: number, value: number]>): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  for (const [i, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  }
  return frame(Type.Settings, 0, 0, payload);
}
export const settingsAck = (): Buffer => frame(Type.Settings, Flags.Ack, 0);
export const ping = (): Buffer => frame(Type.Ping, 0, 0, Buffer.alloc(8));
export const rst = (streamId: number, code = 8): Buffer => frame(Type.Rst, 0, streamId, u32(code));
export const windowUpdate = (streamId: number, increment: number): Buffer =>
  frame(Type.WindowUpdate, 0, streamId, u32(increment));
export const goaway = (lastStreamId: number, code: number, debug = ''): Buffer =>
  frame(Type.Goaway, 0, 0, Buffer.concat([u32(lastStreamId, code), Buffer.from(debug, 'latin1')]));
export const priority = (streamId: number, dependsOn: number): Buffer =>
  frame(Type.Priority, 0, streamId, Buffer.concat([u32(dependsOn), Buffer.of(16)]));
export const data = (streamId: number, bytes: Uint8Array, end = false): Buffer =>
  frame(Type.Data, end ? Flags.EndStream : 0, streamId, bytes);
/** A header section in one HEADERS frame. */
export const headers = (streamId: number, block: Uint8Array, end = false): Buffer =>
  frame(Type.Headers, Flags.EndHeaders | (end ? Flags.EndStream : 0), streamId, block);

/** An integer with a prefix of so many bits; `first` holds the bits before it (RFC 7541 section 5.1). */
export function integer(value: number, prefixBits: number, first = 0): Buffer {
  const max = 2 ** prefixBits - 1;
  if (value < max) return Buffer.of(first | value);
  const bytes = [first | max];
  let left = value - max;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Buffer.from([...bytes, left]);
}

/** A string literal without Huffman coding. */
export function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(bytes.length, 7), bytes]);
}

export type Pair = readonly [name: string, value: string];

/** A literal without indexing: no table to keep. */
export const literal = ([name, value]: Pair): Buffer =>
  Buffer.concat([Buffer.of(0), text(name), text(value)]);
/** A literal that enters the dynamic table; the newest entry has index 62. */
export const inserted = ([name, value]: Pair): Buffer =>
  Buffer.concat([Buffer.of(0x40), text(name), text(value)]);
export const indexed = (index: number): Buffer => integer(index, 7, 0x80);
export const tableSize = (bytes: number): Buffer => integer(bytes, 5, 0x20);
export const block = (...pairs: Pair[]): Buffer => Buffer.concat(pairs.map(literal));

/** The head of a gRPC request. */
export function grpcRequest(path: string, ...more: Pair[]): Pair[] {
  return [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'attack.test'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...more,
  ];
}

export const paths = {
  hello: '/helloworld.Greeter/SayHello',
  unary: '/outrigger.test.Echo/Unary',
  serverStream: '/outrigger.test.Echo/ServerStream',
  clientStream: '/outrigger.test.Echo/ClientStream',
  bidi: '/outrigger.test.Echo/Bidi',
} as const;

/** One gRPC message: a flag, a length, the bytes. */
export function message(bytes: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** The same bytes over and over, `bytes` long at the least. */
export function repeat(unit: Buffer, bytes: number): Buffer {
  return Buffer.concat(new Array<Buffer>(Math.ceil(bytes / unit.length)).fill(unit));
}

/** EchoRequest for `replies` of `replyBytes` each: protobuf by hand, fields 6 and 9 of Options within field 2. */
export function echoRequest(replies: number, replyBytes: number): Buffer {
  const options = Buffer.concat([Buffer.of(0x30), varint(replies), Buffer.of(0x48), varint(replyBytes)]);
  return message(Buffer.concat([Buffer.of(0x12), varint(options.length), options]));
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Buffer.from([...bytes, left]);
}

/** A call that is answered with so many bytes. */
export const download = (id: number, bytes: number): Buffer =>
  Buffer.concat([
    headers(id, block(...grpcRequest(paths.serverStream))),
    data(id, echoRequest(1, bytes), true),
  ]);
