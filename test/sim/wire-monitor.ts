import type { Http2Connection } from '../../src/http2/connection.ts';
import { windowBytesDefault } from '../../src/http2/flow-window.ts';
import {
  clientPreface,
  Flag,
  FrameType,
  frameBytesDefault,
  frameHeaderBytes,
  readU24,
  readU31,
  readU32,
} from '../../src/http2/frame.ts';
import type { FrameWriter } from '../../src/http2/frame-writer.ts';
import { SettingId } from '../../src/http2/settings.ts';
import type { SimSocket } from './sim-socket.ts';

interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Uint8Array;
}

/** What one side has said of a stream, and what it has heard. */
interface SeenStream {
  sentBytes: number;
  creditBytes: number;
  receivedBytes: number;
  grantedBytes: number;
  ended: boolean;
  reset: boolean;
  peerEnded: boolean;
  peerReset: boolean;
  /** Counted among the open ones. */
  open: boolean;
}

/**
 * Watches one end of a connection from outside and holds it to RFC 9113, by frames alone: what it may send follows from
 * the bytes that have reached it, never from what the engine believes. Frames are judged as they are put into the
 * connection's output, before they wait there for a flush.
 *
 * Of what arrives in one piece, everything that allows more counts before the engine reads it and everything that
 * allows less counts afterwards, since the engine may answer in between.
 */
export class WireSide {
  private readonly name: string;
  private readonly role: 'client' | 'server';
  /** Asked for late: a pool dials before it has a connection for the socket. */
  private readonly connection: () => Http2Connection | null;
  private readonly violation: (text: string) => void;
  /** Bytes handed to the socket, and bytes judged. */
  private wroteBytes = 0;
  private judgedBytes = 0;
  private listening = false;
  /** Frames that count for what they allow, and that the engine has yet to read. */
  private allowedAhead = 0;
  private carry: Buffer = Buffer.alloc(0);
  /** Bytes of the client's preface still to come. */
  private prefaceLeft: number;
  private readonly streams = new Map<number, SeenStream>();
  private windowBytes = windowBytesDefault;
  private initialWindowBytes = windowBytesDefault;
  private maxConcurrent = Number.POSITIVE_INFINITY;
  private openStreams = 0;
  private lastOpened = 0;
  private goawayHeard = false;
  private headersOpen = 0;
  frames = 0;

  constructor(
    name: string,
    socket: SimSocket,
    role: 'client' | 'server',
    connection: () => Http2Connection | null,
    violation: (text: string) => void,
  ) {
    this.name = name;
    this.role = role;
    this.connection = connection;
    this.violation = violation;
    this.judgedBytes = role === 'client' ? clientPreface.length : 0;
    this.prefaceLeft = role === 'server' ? clientPreface.length : 0;
    socket.tap = {
      wrote: (bytes) => {
        this.judge(bytes);
        this.wroteBytes += bytes.length;
      },
      arriving: () => this.listen(),
    };
  }

  /** From the first bytes on: judges what the engine does with each piece, however much of it it takes at a time. */
  private listen(): void {
    const connection = this.listening ? null : this.connection();
    if (connection === null) return;
    this.listening = true;
    this.followRevocations(connection.writer);
    const receive = connection.receive.bind(connection);
    connection.receive = (bytes, start, end, nowMs) => {
      this.judgeOutput();
      const { carry, prefaceLeft } = this;
      const given = this.cutFrames(bytes.subarray(start, end));
      for (const frame of given.slice(this.allowedAhead)) this.allowMore(frame);
      const stopped = receive(bytes, start, end, nowMs);
      this.judgeOutput();
      // What it left is given again.
      this.carry = carry;
      this.prefaceLeft = prefaceLeft;
      const taken = this.cutFrames(bytes.subarray(start, stopped));
      for (const frame of taken) this.allowLess(frame);
      this.allowedAhead = given.length - taken.length;
      return stopped;
    };
  }

  /** The head of a stream that is reset before it has left is taken out of the output again, and was never said. */
  private followRevocations(writer: FrameWriter): void {
    const revoke = writer.revoke.bind(writer);
    writer.revoke = (id) => {
      this.judgeOutput();
      if (!revoke(id)) return false;
      this.judgedBytes = this.wroteBytes + writer.out.length;
      const stream = this.streams.get(id);
      if (stream !== undefined) this.close(stream);
      this.streams.delete(id);
      return true;
    };
  }

  private cutFrames(piece: Uint8Array): SeenFrame[] {
    const skipped = Math.min(this.prefaceLeft, piece.length);
    this.prefaceLeft -= skipped;
    const bytes = Buffer.concat([this.carry, piece.subarray(skipped)]);
    const frames: SeenFrame[] = [];
    let at = 0;
    while (bytes.length - at >= frameHeaderBytes) {
      const end = at + frameHeaderBytes + readU24(bytes, at);
      if (end > bytes.length) break;
      frames.push(frameAt(bytes, at, end));
      at = end;
    }
    this.carry = Buffer.from(bytes.subarray(at));
    return frames;
  }

  private judgeOutput(): void {
    const out = this.connection()?.out;
    if (out !== undefined) this.judge(out.bytes.subarray(0, out.length));
  }

  /** `bytes` begin where what was handed to the socket ends. */
  private judge(bytes: Uint8Array): void {
    let at = this.judgedBytes - this.wroteBytes;
    while (at + frameHeaderBytes <= bytes.length) {
      const end = at + frameHeaderBytes + readU24(bytes, at);
      this.judgeFrame(frameAt(bytes, at, end));
      at = end;
    }
    this.judgedBytes = this.wroteBytes + at;
  }

  private judgeFrame({ type, flags, id, payload }: SeenFrame): void {
    this.frames++;
    if (this.headersOpen !== 0 && (type !== FrameType.CONTINUATION || id !== this.headersOpen))
      this.wrong(`frame ${type} on ${id} within the header section of ${this.headersOpen}`);
    if (payload.length > frameBytesDefault) this.wrong(`a frame of ${payload.length} bytes`);
    if (id === 0 || type === FrameType.PRIORITY) return;
    if (type === FrameType.HEADERS) this.judgeHeaders(id, flags);
    const stream = this.streams.get(id);
    if (stream === undefined) return this.wrong(`frame ${type} on stream ${id}, which is idle`);
    if (stream.reset) this.wrong(`frame ${type} on stream ${id} after its own RST_STREAM`);
    else if (stream.peerReset) this.wrong(`frame ${type} on stream ${id} after the peer's RST_STREAM`);
    if (type === FrameType.DATA || type === FrameType.HEADERS) {
      if (stream.ended) this.wrong(`frame ${type} on stream ${id} after its own END_STREAM`);
      if ((flags & Flag.END_STREAM) !== 0) stream.ended = true;
    }
    if (type === FrameType.HEADERS || type === FrameType.CONTINUATION)
      this.headersOpen = (flags & Flag.END_HEADERS) === 0 ? id : 0;
    if (type === FrameType.DATA) this.judgeData(stream, id, payload.length);
    if (type === FrameType.WINDOW_UPDATE) this.judgeGrant(stream, id, readU31(payload, 0));
    if (type === FrameType.RST_STREAM) stream.reset = true;
    this.recount(stream);
  }

  private judgeHeaders(id: number, flags: number): void {
    if (this.streams.has(id) || this.role === 'server') return;
    if (id % 2 === 0 || id <= this.lastOpened) this.wrong(`stream ${id} opened after ${this.lastOpened}`);
    if (this.goawayHeard) this.wrong(`stream ${id} opened after GOAWAY`);
    if (this.openStreams >= this.maxConcurrent)
      this.wrong(`stream ${id} opened as number ${this.openStreams + 1} of ${this.maxConcurrent}`);
    if ((flags & Flag.PADDED) !== 0) this.wrong('padding, which is never used');
    this.lastOpened = id;
    this.opened(id);
  }

  private judgeData(stream: SeenStream, id: number, bytes: number): void {
    stream.sentBytes += bytes;
    this.windowBytes -= bytes;
    // Nothing may be sent into a window that is 0 or less, but for an empty frame (RFC 9113 section 6.9.1).
    if (bytes === 0) return;
    if (this.windowBytes < 0) this.wrong(`DATA beyond the connection's window by ${-this.windowBytes}`);
    const left = this.initialWindowBytes + stream.creditBytes - stream.sentBytes;
    if (left < 0) this.wrong(`DATA beyond the window of stream ${id} by ${-left}`);
  }

  /** Nobody lets the peer send more than the largest window it has set itself. */
  private judgeGrant(stream: SeenStream, id: number, bytes: number): void {
    stream.grantedBytes += bytes;
    const options = this.connection()?.options;
    if (options === undefined) return;
    const { streamWindowBytes, streamWindowBytesMax } = options;
    const receivedBytes = stream.receivedBytes + this.begunBytes(id);
    const outstanding = streamWindowBytes + stream.grantedBytes - receivedBytes;
    if (outstanding > Math.max(streamWindowBytes, streamWindowBytesMax))
      this.wrong(`so many WINDOW_UPDATEs that ${outstanding} bytes may come on stream ${id}`);
  }

  /** What came of a DATA frame of that stream that is not whole yet: the engine passes it on, and gives credit for it. */
  private begunBytes(id: number): number {
    const { carry } = this;
    const begun = carry.length > frameHeaderBytes && carry[3] === FrameType.DATA && readU31(carry, 5) === id;
    return begun ? carry.length - frameHeaderBytes : 0;
  }

  private allowMore({ type, flags, id, payload }: SeenFrame): void {
    const stream = this.streams.get(id);
    if (type === FrameType.WINDOW_UPDATE) {
      if (id === 0) this.windowBytes += readU31(payload, 0);
      else if (stream !== undefined) stream.creditBytes += readU31(payload, 0);
    } else if (type === FrameType.SETTINGS && (flags & Flag.ACK) === 0) this.applySettings(payload, true);
    else if (type === FrameType.HEADERS && stream === undefined && this.role === 'server') this.opened(id);
    if (stream !== undefined && type === FrameType.DATA) stream.receivedBytes += payload.length;
    // An end that arrives frees the stream for another, which the engine may open before it has read on.
    if (stream !== undefined && (type === FrameType.HEADERS || type === FrameType.DATA))
      if ((flags & Flag.END_STREAM) !== 0) stream.peerEnded = true;
    const over = this.streams.get(id);
    if (over === undefined) return;
    if (type === FrameType.RST_STREAM) this.close(over);
    else this.recount(over);
  }

  private allowLess({ type, flags, id, payload }: SeenFrame): void {
    if (type === FrameType.SETTINGS && (flags & Flag.ACK) === 0) this.applySettings(payload, false);
    else if (type === FrameType.GOAWAY) {
      this.goawayHeard = true;
      const last = readU31(payload, 0);
      if (this.role === 'client')
        for (const [open, stream] of this.streams) if (open > last) this.close(stream);
    } else if (type === FrameType.RST_STREAM) {
      const stream = this.streams.get(id);
      if (stream !== undefined) stream.peerReset = true;
    }
  }

  /** While the engine reads a piece the larger of what held before and what is said in it; afterwards what was said last. */
  private applySettings(payload: Uint8Array, reading: boolean): void {
    for (let at = 0; at < payload.length; at += 6) {
      const id = (payload[at] << 8) | payload[at + 1];
      const value = readU32(payload, at + 2);
      if (id === SettingId.INITIAL_WINDOW_SIZE)
        this.initialWindowBytes = reading ? Math.max(value, this.initialWindowBytes) : value;
      if (id === SettingId.MAX_CONCURRENT_STREAMS)
        this.maxConcurrent = reading ? Math.max(value, this.maxConcurrent) : value;
    }
  }

  private opened(id: number): void {
    this.openStreams++;
    this.streams.set(id, {
      sentBytes: 0,
      creditBytes: 0,
      receivedBytes: 0,
      grantedBytes: 0,
      ended: false,
      reset: false,
      peerEnded: false,
      peerReset: false,
      open: true,
    });
  }

  private recount(stream: SeenStream): void {
    if (stream.reset || (stream.ended && stream.peerEnded)) this.close(stream);
  }

  private close(stream: SeenStream): void {
    if (!stream.open) return;
    stream.open = false;
    this.openStreams--;
  }

  private wrong(text: string): void {
    // What follows a connection error is nobody's concern.
    if (this.connection()?.over && text.startsWith('frame')) return;
    this.violation(`${this.name} sent ${text}`);
  }
}

/** A connection whose bytes have all arrived and whose streams are all over holds nothing back. */
export function windowViolations(name: string, sender: Http2Connection, receiver: Http2Connection): string[] {
  const found: string[] = [];
  const { receiveWindow } = receiver;
  const sum = (what: string, is: number, due: number): void => {
    if (is !== due) found.push(`${name}: ${what} is ${is} and not ${due}`);
  };
  sum('what may be sent', sender.sendWindow.available, receiveWindow.outstanding);
  const { owed } = receiveWindow as unknown as { owed: number };
  const whole = Math.max(receiver.options.connectionWindowBytes, windowBytesDefault);
  sum('the window with what is owed', receiveWindow.outstanding + owed, whole);
  sum('what is held', (receiver as unknown as { buffered: number }).buffered, 0);
  return found;
}

function frameAt(bytes: Uint8Array, at: number, end: number): SeenFrame {
  return {
    type: bytes[at + 3],
    flags: bytes[at + 4],
    id: readU31(bytes, at + 5),
    payload: bytes.subarray(at + frameHeaderBytes, end),
  };
}
