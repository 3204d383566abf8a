import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/until.ts';
import { Flags, type Pair, preface, settings, settingsAck, Type } from './wire.ts';

/** What came back on one stream. */
export interface StreamSeen {
  headerFrames: number;
  dataBytes: number;
  ended: boolean;
  /** Code of RST_STREAM, or -1. */
  rst: number;
}

export interface PeerOptions {
  /** Of the preface's SETTINGS. */
  readonly settings?: ReadonlyArray<readonly [number, number]>;
  /** Sends nothing by itself: no preface, no acknowledgements. */
  readonly mute?: boolean;
  /** Answers neither SETTINGS nor PING. */
  readonly unresponsive?: boolean;
}

/**
 * One end of a connection that sends what it is told and counts what comes back. It acknowledges SETTINGS and answers
 * PING unless told otherwise, and gives no credit by itself.
 */
export class RawPeer {
  readonly socket: Socket;
  readonly seen = new Map<number, StreamSeen>();
  /** Frames that came, by type. */
  readonly counts: number[] = new Array(16).fill(0);
  /** RST_STREAM frames that came, by code. */
  readonly resets = new Map<number, number>();
  /** Code of the last GOAWAY, or -1; and its debug text. */
  goawayCode = -1;
  goawayText = '';
  closed = false;
  dataBytes = 0;
  onFrame: (type: number, flags: number, streamId: number, payload: Buffer) => void = () => {};
  private readonly responsive: boolean;
  private rest: Buffer = Buffer.alloc(0);
  private toSkip: number;

  constructor(socket: Socket, role: 'client' | 'server', options: PeerOptions = {}) {
    this.socket = socket;
    this.responsive = !options.mute && !options.unresponsive;
    this.toSkip = role === 'server' ? preface.length : 0;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    if (options.mute) return;
    if (role === 'client') socket.write(preface);
    socket.write(settings(...(options.settings ?? [])));
  }

  send(...bytes: Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(bytes.length === 1 ? bytes[0] : Buffer.concat(bytes));
  }

  /** Writes a prepared piece again and again, a piece in a millisecond, until the time is over or the peer has closed. */
  async flood(piece: Buffer, forMs: number, bytesMax = 64 << 20): Promise<void> {
    const untilMs = performance.now() + forMs;
    for (let sent = 0; performance.now() < untilMs && sent < bytesMax && !this.closed; sent += piece.length) {
      // Not faster than a piece in a millisecond: the honest client of a test runs on the same cores.
      if (this.socket.write(piece)) await sleep(1);
      else await this.drained(untilMs - performance.now());
    }
  }

  /** Until what was written has left, the connection has closed, or the time is over. */
  async drained(withinMs: number): Promise<void> {
    if (this.socket.writableLength === 0 || this.closed) return;
    const stop = new AbortController();
    const { signal } = stop;
    await Promise.race([
      once(this.socket, 'drain', { signal }),
      once(this.socket, 'close', { signal }),
      sleep(Math.max(0, withinMs), undefined, { signal }),
    ]).catch(() => {});
    stop.abort();
  }

  stream(id: number): StreamSeen {
    let seen = this.seen.get(id);
    if (seen === undefined) {
      seen = { headerFrames: 0, dataBytes: 0, ended: false, rst: -1 };
      this.seen.set(id, seen);
    }
    return seen;
  }

  /** Resolves when the other side has closed. */
  async toldToGo(withinMs = 8000): Promise<void> {
    await until(
      () => this.closed,
      () => `the connection is still open (GOAWAY ${this.goawayCode} ${this.goawayText})`,
      withinMs,
    );
  }

  /** Resolves when the preface has been answered. */
  async greeted(): Promise<this> {
    await until(
      () => this.counts[Type.Settings] > 0,
      () => 'no SETTINGS came',
    );
    return this;
  }

  destroy(): void {
    this.socket.destroy();
  }

  private receive(chunk: Buffer): void {
    let bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const skipped = Math.min(this.toSkip, bytes.length);
    this.toSkip -= skipped;
    bytes = bytes.subarray(skipped);
    let at = 0;
    while (bytes.length - at >= 9) {
      const end = at + 9 + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      this.frame(
        bytes[at + 3],
        bytes[at + 4],
        bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
        bytes.subarray(at + 9, end),
      );
      at = end;
    }
    this.rest = Buffer.from(bytes.subarray(at));
  }

  private frame(type: number, flags: number, id: number, payload: Buffer): void {
    this.counts[type & 15]++;
    const ended = (flags & Flags.EndStream) !== 0;
    if (type === Type.Data) {
      const stream = this.stream(id);
      stream.dataBytes += payload.length;
      stream.ended ||= ended;
      this.dataBytes += payload.length;
    } else if (type === Type.Headers) {
      const stream = this.stream(id);
      stream.headerFrames++;
      stream.ended ||= ended;
    } else if (type === Type.Rst) {
      const code = payload.readUInt32BE(0);
      this.stream(id).rst = code;
      this.resets.set(code, (this.resets.get(code) ?? 0) + 1);
    } else if (type === Type.Goaway) {
      this.goawayCode = payload.readUInt32BE(4);
      this.goawayText = payload.subarray(8).toString('latin1');
    } else if (type === Type.Settings && (flags & Flags.Ack) === 0 && this.responsive)
      this.send(settingsAck());
    else if (type === Type.Ping && (flags & Flags.Ack) === 0 && this.responsive)
      this.send(Buffer.concat([Buffer.from([0, 0, 8, Type.Ping, Flags.Ack, 0, 0, 0, 0]), payload]));
    this.onFrame(type, flags, id, payload);
  }
}

/** A client connection to `host:port`. */
export async function connectPeer(target: string, options: PeerOptions = {}): Promise<RawPeer> {
  return new RawPeer(await connectSocket(target), 'client', options);
}

export async function connectSocket(target: string): Promise<Socket> {
  const [host, port] = target.split(':');
  const socket = connectTcp(Number(port), host);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

export type { Pair };
