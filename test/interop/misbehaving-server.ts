import { HpackDecoder } from '../../src/http2/hpack/decoder.ts';
import { connectionDefaults } from '../../src/http2/options.ts';
import {
  Flags,
  type Frame,
  type FramePeer,
  type FrameServer,
  Setting,
  startFrameServer,
  Type,
} from '../support/frame-peer.ts';
import { frameMessage, splitMessages } from './node/framing.ts';
import { unaryCall, zeros } from './node/service.ts';

/**
 * A server of UnaryCall that breaks off in the ways of gRPC's negative HTTP/2 tests. It keeps to flow control, gives back
 * credit, and answers every other method with UNIMPLEMENTED, so that health probes take it for healthy.
 */
export interface MisbehavingServer {
  readonly port: number;
  readonly connections: readonly Served[];
  close(): Promise<void>;
}

/** What it saw of one connection. */
export interface Served {
  /** UnaryCalls answered to whatever end was due, and those refused for being too many too early. */
  calls: number;
  refused: number;
  /** UnaryCalls at once, at the most, since the peer acknowledged our SETTINGS. */
  concurrentMost: number;
  /** PINGs sent and not acknowledged. */
  pingsOpen: number;
  pings: number;
}

export interface Misbehaviour {
  readonly maxConcurrentStreams?: number;
  /** Bytes of a message in one DATA frame, and of padding beside them. */
  readonly chunkBytes?: number;
  readonly padBytes?: number;
  /** Sends a PING before and after the head and the data. */
  readonly pings?: boolean;
  /** How much of the reply is sent before the end. */
  readonly share?: 'head' | 'half' | 'all';
  /** What follows: trailers, trailers and then GOAWAY, or RST_STREAM with NO_ERROR. */
  readonly end: 'trailers' | 'goaway' | 'reset';
}

const windowBytesDefault = 65_535;
/** The flag of DATA with padding. */
const padded = 8;
const noError = 0;
const refusedStream = 7;
const unimplemented = '12';
const endOfTrailers = [['grpc-status', '0']] as const;
const replyHead = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
] as const;

interface Call {
  readonly id: number;
  request: Buffer;
  window: number;
  /** What is left of the reply; null until the request was whole. */
  reply: Buffer | null;
}

class Connection implements Served {
  calls = 0;
  refused = 0;
  concurrentMost = 0;
  pingsOpen = 0;
  pings = 0;
  private readonly peer: FramePeer;
  private readonly how: Misbehaviour;
  private readonly open = new Map<number, Call>();
  private readonly decoder = new HpackDecoder({
    tableBytesMax: connectionDefaults.headerTableBytesMax,
    listBytesMax: connectionDefaults.headerListBytesMax,
    fieldsMax: connectionDefaults.headerFieldsMax,
  });
  private window = windowBytesDefault;
  private streamWindow = windowBytesDefault;
  private settingsKnown = false;

  constructor(peer: FramePeer, how: Misbehaviour) {
    this.peer = peer;
    this.how = how;
  }

  frame({ type, flags, streamId, payload }: Frame): void {
    const call = this.open.get(streamId);
    const ack = (flags & Flags.Ack) !== 0;
    if (type === Type.Headers) this.begin(streamId, payload);
    else if (type === Type.Data) this.receive(call, streamId, payload, (flags & Flags.EndStream) !== 0);
    else if (type === Type.Rst) this.open.delete(streamId);
    else if (type === Type.Settings && ack) this.settingsKnown = true;
    else if (type === Type.Settings) this.setWindows(payload);
    else if (type === Type.Ping && ack) this.pingsOpen--;
    else if (type === Type.WindowUpdate) {
      const increment = payload.readUInt32BE(0);
      if (streamId === 0) this.window += increment;
      else if (call !== undefined) call.window += increment;
      for (const each of [...this.open.values()]) this.send(each);
    }
  }

  private setWindows(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== Setting.InitialWindowSize) continue;
      const change = payload.readUInt32BE(at + 2) - this.streamWindow;
      this.streamWindow += change;
      for (const call of this.open.values()) call.window += change;
    }
  }

  private begin(id: number, block: Buffer): void {
    const path = this.decoder.decode(block, 0, block.length)?.get(':path');
    if (path !== unaryCall.path) {
      this.peer.headers(id, [...replyHead, ['grpc-status', unimplemented]], true);
      return;
    }
    if (
      this.open.size >= (this.how.maxConcurrentStreams ?? Number.POSITIVE_INFINITY) &&
      !this.settingsKnown
    ) {
      this.refused++;
      this.peer.rst(id, refusedStream);
      return;
    }
    this.open.set(id, { id, request: Buffer.alloc(0), window: this.streamWindow, reply: null });
    this.concurrentMost = Math.max(this.concurrentMost, this.open.size);
    this.ping();
    this.peer.headers(id, replyHead);
    this.ping();
    if (this.how.share === 'head') this.end(id);
  }

  private receive(call: Call | undefined, id: number, bytes: Buffer, last: boolean): void {
    if (bytes.length > 0) this.peer.windowUpdate(0, bytes.length);
    if (call === undefined) return;
    call.request = Buffer.concat([call.request, bytes]);
    if (!last) {
      if (bytes.length > 0) this.peer.windowUpdate(id, bytes.length);
      return;
    }
    const [message] = splitMessages(call.request).messages;
    const { responseSize = 0 } = unaryCall.requestDeserialize(message.bytes);
    const reply = frameMessage(unaryCall.responseSerialize({ payload: zeros(responseSize) }));
    call.reply = this.how.share === 'half' ? reply.subarray(0, reply.length / 2) : reply;
    this.ping();
    this.send(call);
  }

  /** As much as both windows allow; padding and its length count as well (RFC 9113 section 6.9.1). */
  private send(call: Call): void {
    const { chunkBytes = 16_384, padBytes } = this.how;
    const overhead = padBytes === undefined ? 0 : padBytes + 1;
    while (call.reply !== null) {
      const room = Math.min(this.window, call.window, chunkBytes + overhead) - overhead;
      if (room <= 0) return;
      const chunk = call.reply.subarray(0, room);
      call.reply = call.reply.subarray(chunk.length);
      this.window -= chunk.length + overhead;
      call.window -= chunk.length + overhead;
      if (padBytes === undefined) this.peer.data(call.id, chunk);
      else
        this.peer.send(
          Type.Data,
          padded,
          call.id,
          Buffer.concat([Buffer.of(padBytes), chunk, Buffer.alloc(padBytes)]),
        );
      if (call.reply.length > 0) continue;
      call.reply = null;
      this.ping();
      this.end(call.id);
    }
  }

  private end(id: number): void {
    this.open.delete(id);
    this.calls++;
    if (this.how.end === 'reset') this.peer.rst(id, noError);
    else this.peer.headers(id, endOfTrailers, true);
    if (this.how.end === 'goaway') this.peer.goaway(id, noError);
  }

  private ping(): void {
    if (this.how.pings !== true) return;
    this.pings++;
    this.pingsOpen++;
    this.peer.send(Type.Ping, Flags.None, 0, Buffer.alloc(8));
  }
}

export async function startMisbehaving(how: Misbehaviour): Promise<MisbehavingServer> {
  const connections = new Map<FramePeer, Connection>();
  const settings: Array<readonly [number, number]> = [];
  if (how.maxConcurrentStreams !== undefined)
    settings.push([Setting.MaxConcurrentStreams, how.maxConcurrentStreams]);
  const server: FrameServer = await startFrameServer((peer, frame) => {
    const connection = connections.get(peer) ?? new Connection(peer, how);
    connections.set(peer, connection);
    connection.frame(frame);
  }, settings);
  return {
    port: Number(server.address.split(':')[1]),
    get connections() {
      return [...connections.values()];
    },
    close: () => server.close(),
  };
}
