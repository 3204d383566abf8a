import { HeaderBlock } from '../../../src/core/header-block.ts';
import { Flag, FrameType, frameHeaderBytes } from '../../../src/http2/frame.ts';
import { HpackDecoder } from '../../../src/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../src/http2/hpack/encoder.ts';
import type { ConnectionOptions } from '../../../src/http2/options.ts';
import { OutputBuffer } from '../../../src/transport/output-buffer.ts';
import { PairEnd, Recorder } from '../../support/memory-pair.ts';

/** Frames by hand, and a connection that is spoken to frame by frame. */

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

export function frame(
  type: number,
  flags: number,
  id: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(id, 5);
  return Buffer.concat([header, payload]);
}

export function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + frameHeaderBytes + bytes.readUIntBE(at, 3);
    frames.push({
      type: bytes[at + 3],
      flags: bytes[at + 4],
      id: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
      payload: bytes.subarray(at + frameHeaderBytes, end),
    });
    at = end;
  }
  return frames;
}

export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

export function settings(...parameters: ReadonlyArray<readonly [id: number, value: number]>): Buffer {
  const payload = Buffer.alloc(parameters.length * 6);
  for (const [index, [id, value]] of parameters.entries()) {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return frame(FrameType.SETTINGS, 0, 0, payload);
}

export const settingsAck = frame(FrameType.SETTINGS, Flag.ACK, 0);

/** Fields as bytes that need no table, so that blocks can be sent in any order. */
export function fragment(...pairs: ReadonlyArray<readonly [string, string]>): Buffer {
  const out = new OutputBuffer(64);
  new HpackEncoder().encode(HeaderBlock.of(...pairs), out);
  return Buffer.from(out.bytes.subarray(0, out.length));
}

export const getHead = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'a.example'],
  [':path', '/'],
] as const;
export const postHead = [[':method', 'POST'] as const, ...getHead.slice(1)] as const;
export const okHead = [[':status', '200'] as const] as const;

export function headers(
  id: number,
  pairs: ReadonlyArray<readonly [string, string]>,
  end: boolean,
  flags: number = Flag.END_HEADERS,
): Buffer {
  return frame(FrameType.HEADERS, flags | (end ? Flag.END_STREAM : 0), id, fragment(...pairs));
}

export function data(id: number, body: Uint8Array | string, end = false): Buffer {
  const payload = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  return frame(FrameType.DATA, end ? Flag.END_STREAM : 0, id, payload);
}

/** DATA with `padding` bytes behind it; they and their length byte count to the windows. */
export function paddedData(id: number, body: Uint8Array, padding: number, end = false): Buffer {
  const payload = Buffer.concat([Buffer.of(padding), body, Buffer.alloc(padding)]);
  return frame(FrameType.DATA, Flag.PADDED | (end ? Flag.END_STREAM : 0), id, payload);
}

export function reset(id: number, code: number): Buffer {
  return frame(FrameType.RST_STREAM, 0, id, u32(code));
}
export function windowUpdate(id: number, increment: number): Buffer {
  return frame(FrameType.WINDOW_UPDATE, 0, id, u32(increment));
}
export function ping(flags = 0, bytes = '01234567'): Buffer {
  return frame(FrameType.PING, flags, 0, Buffer.from(bytes, 'latin1'));
}
export function goaway(lastId: number, code: number, debug = ''): Buffer {
  return frame(FrameType.GOAWAY, 0, 0, Buffer.concat([u32(lastId, code), Buffer.from(debug, 'latin1')]));
}

const names = Object.fromEntries(Object.entries(FrameType).map(([name, type]) => [type, name]));

/** One connection, and the test as its peer. */
export class Scripted extends PairEnd {
  nowMs = 0;
  private readonly role: 'client' | 'server';
  private readonly decoder = new HpackDecoder({
    tableBytesMax: 4096,
    listBytesMax: 1 << 20,
    fieldsMax: 1000,
  });

  /** Past the preface and the SETTINGS of both sides, unless `greet` is false. */
  constructor(role: 'client' | 'server', options: Partial<ConnectionOptions> = {}, greet = true) {
    super(role, options);
    this.role = role;
    this.connection.start();
    if (!greet) return;
    this.said();
    if (role === 'server') this.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'));
    this.send(settings(), settingsAck);
    this.said();
  }

  /** In one read. */
  send(...bytes: readonly Uint8Array[]): void {
    const read = Buffer.concat(bytes);
    this.connection.receive(read, 0, read.length, this.nowMs);
    read.fill(0xdd);
  }

  /** What the connection has written since it was last asked, the client's preface left out. */
  frames(): Frame[] {
    this.flush();
    const bytes = this.take(this.wire.length);
    return framesOf(
      this.role === 'client' && bytes.subarray(0, 3).toString() === 'PRI' ? bytes.subarray(24) : bytes,
    );
  }

  /** The same as words: `HEADERS 1 END_STREAM :status=200`, `RST_STREAM 1 8`, `DATA 1 5`, `WINDOW_UPDATE 0 100`. */
  said(): string[] {
    return this.frames().map((one) => this.describe(one));
  }

  /** Client role: a stream with a recorder, its head sent. */
  request(pairs: ReadonlyArray<readonly [string, string]> = getHead, end = true): Recorder {
    const recorder = new Recorder();
    const stream = this.connection.open(recorder);
    if (stream === null) throw new Error('the connection takes no stream');
    recorder.stream = stream;
    stream.head(HeaderBlock.of(...pairs), end);
    return recorder;
  }

  private describe({ type, flags, id, payload }: Frame): string {
    const last = (flags & Flag.END_STREAM) !== 0;
    const words: Array<string | number> = [names[type] ?? type];
    if (id !== 0 || type === FrameType.WINDOW_UPDATE) words.push(id);
    if (last) words.push(type === FrameType.SETTINGS || type === FrameType.PING ? 'ACK' : 'END_STREAM');
    if (type === FrameType.DATA) words.push(payload.length);
    if (type === FrameType.RST_STREAM || type === FrameType.WINDOW_UPDATE)
      words.push(payload.readUInt32BE(0));
    if (type === FrameType.GOAWAY) words.push(payload.readUInt32BE(0), payload.readUInt32BE(4));
    if (type === FrameType.HEADERS && (flags & Flag.END_HEADERS) !== 0) {
      const block = this.decoder.decode(payload, 0, payload.length);
      for (const field of block?.allFields ?? []) words.push(`${field.name}=${field.value}`);
    }
    return words.join(' ');
  }
}

export const ok = HeaderBlock.of([':status', '200']);
export const status0 = HeaderBlock.of(['grpc-status', '0']);

/** Answers whatever comes once it is whole. */
export function answering(server: Scripted): Scripted {
  server.handler = (stream, _head, end, recorder) => {
    const answer = (): void => {
      stream.head(ok, false);
      stream.trailers(status0);
    };
    if (end) return answer();
    const { data } = recorder;
    recorder.data = (bytes, from, to, last) => {
      data.call(recorder, bytes, from, to, last);
      if (last) answer();
    };
  };
  return server;
}
