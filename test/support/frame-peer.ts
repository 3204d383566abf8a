import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * HTTP/2 peers that speak frame by frame, so that a test can send exactly what it means (RFC 9113 section 6). They
 * acknowledge SETTINGS and PING and do nothing else by themselves.
 */

export const Type = {
  Data: 0,
  Headers: 1,
  Rst: 3,
  Settings: 4,
  Ping: 6,
  Goaway: 7,
  WindowUpdate: 8,
} as const;
export const Flags = { None: 0, EndStream: 1, Ack: 1, EndHeaders: 4 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export class FramePeer {
  readonly socket: Socket;
  /** All that came, in order. */
  readonly frames: Frame[] = [];
  onFrame: (frame: Frame) => void = () => {};
  answersPings = true;
  private roundTrips = 0;
  private rest: Buffer = Buffer.alloc(0);
  private toSkip: number;

  constructor(socket: Socket, role: 'client' | 'server', settings: ReadonlyArray<readonly [number, number]>) {
    this.socket = socket;
    this.toSkip = role === 'server' ? preface.length : 0;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    if (role === 'client') socket.write(preface);
    const payload = Buffer.alloc(settings.length * 6);
    for (const [i, [id, value]] of settings.entries()) {
      payload.writeUInt16BE(id, i * 6);
      payload.writeUInt32BE(value, i * 6 + 2);
    }
    this.send(Type.Settings, Flags.None, 0, payload);
  }

  send(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): void {
    const header = Buffer.alloc(9);
    header.writeUIntBE(payload.length, 0, 3);
    header.writeUInt8(type, 3);
    header.writeUInt8(flags, 4);
    header.writeUInt32BE(streamId, 5);
    if (!this.socket.destroyed) this.socket.write(Buffer.concat([header, payload]));
  }
  headers(streamId: number, fields: ReadonlyArray<readonly [string, string]>, end = false): void {
    this.send(Type.Headers, Flags.EndHeaders | (end ? Flags.EndStream : 0), streamId, literals(fields));
  }
  data(streamId: number, bytes: Uint8Array, end = false): void {
    this.send(Type.Data, end ? Flags.EndStream : Flags.None, streamId, bytes);
  }
  rst(streamId: number, code: number): void {
    this.send(Type.Rst, Flags.None, streamId, u32(code));
  }
  goaway(lastStreamId: number, code: number, debug = ''): void {
    this.send(Type.Goaway, Flags.None, 0, Buffer.concat([u32(lastStreamId), u32(code), Buffer.from(debug)]));
  }
  windowUpdate(streamId: number, increment: number): void {
    this.send(Type.WindowUpdate, Flags.None, streamId, u32(increment));
  }
  /**
   * Sends a PING and resolves with its acknowledgement: by then the other side has read all that was sent before, and what it
   * had to say is here. Proves that something did not come; a turn of the event loop does not.
   */
  async roundTrip(): Promise<void> {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(++this.roundTrips, 4);
    this.send(Type.Ping, Flags.None, 0, payload);
    const isAck = ({ type, flags, payload: echo }: Frame): boolean =>
      type === Type.Ping && (flags & Flags.Ack) !== 0 && payload.equals(echo);
    // Turn by turn: between the two ends of a connection in memory nothing else would keep the event loop going.
    while (!this.frames.some(isAck)) {
      if (this.socket.destroyed) throw new Error('the connection closed before the PING was acknowledged');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  /** Of a type, in order. */
  of(type: number): Frame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  private receive(chunk: Buffer): void {
    let bytes = Buffer.concat([this.rest, chunk]);
    const skipped = Math.min(this.toSkip, bytes.length);
    this.toSkip -= skipped;
    bytes = bytes.subarray(skipped);
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const end = 9 + bytes.readUIntBE(0, 3);
      this.receiveFrame({
        type: bytes[3],
        flags: bytes[4],
        streamId: bytes.readUInt32BE(5) & 0x7fff_ffff,
        payload: Buffer.from(bytes.subarray(9, end)),
      });
      bytes = bytes.subarray(end);
    }
    this.rest = bytes;
  }

  private receiveFrame(frame: Frame): void {
    const ack = (frame.flags & Flags.Ack) !== 0;
    if (frame.type === Type.Settings && !ack) this.send(Type.Settings, Flags.Ack, 0);
    if (frame.type === Type.Ping && !ack && this.answersPings)
      this.send(Type.Ping, Flags.Ack, 0, frame.payload);
    this.frames.push(frame);
    this.onFrame(frame);
  }
}

export interface FrameServer {
  readonly address: string;
  /** One for each connection so far. */
  readonly peers: readonly FramePeer[];
  /** No new connections; those that are there live on. */
  stopAccepting(): void;
  close(): Promise<void>;
}

/** SETTINGS_MAX_CONCURRENT_STREAMS, SETTINGS_INITIAL_WINDOW_SIZE. */
export const Setting = { MaxConcurrentStreams: 3, InitialWindowSize: 4 } as const;

/** A server on 127.0.0.1 and a free port, unless told otherwise; `onFrame` hears every frame of every connection. */
export async function startFrameServer(
  onFrame: (peer: FramePeer, frame: Frame) => void,
  settings: ReadonlyArray<readonly [number, number]> = [],
  { host = '127.0.0.1', port = 0 } = {},
): Promise<FrameServer> {
  const peers: FramePeer[] = [];
  const server = createServer((socket) => {
    const peer = new FramePeer(socket, 'server', settings);
    peers.push(peer);
    peer.onFrame = (frame) => onFrame(peer, frame);
  });
  const closed = once(server, 'close');
  server.listen(port, host);
  await once(server, 'listening');
  return {
    address: `${host}:${(server.address() as AddressInfo).port}`,
    peers,
    stopAccepting: () => void server.close(),
    close: async () => {
      server.close();
      for (const { socket } of peers) socket.destroy();
      await closed;
    },
  };
}

/** A client with one connection to `host:port`. */
export async function connectFrames(
  target: string,
  settings: ReadonlyArray<readonly [number, number]> = [],
): Promise<FramePeer> {
  const [host, port] = target.split(':');
  const socket = connect(Number(port), host);
  await once(socket, 'connect');
  return new FramePeer(socket, 'client', settings);
}

/** Each field as a literal without indexing and without Huffman (RFC 7541 section 6.2.2): no table to keep. */
export function literals(fields: ReadonlyArray<readonly [string, string]>): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([length(bytes.length), bytes]);
}

/** RFC 7541 section 5.1, a prefix of seven bits. */
function length(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let left = value - 127;
  for (; left >= 128; left = left >>> 7) bytes.push((left & 127) | 128);
  return Buffer.from([...bytes, left]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
