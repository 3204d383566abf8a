import { cutFrames, frameFault, type WireFrame } from '../reference/frames.ts';
import { ReferenceHpackDecoder } from '../reference/hpack.ts';
import { check } from '../target.ts';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const windowMax = 0x7fff_ffff;

interface StreamModel {
  /** WINDOW_UPDATE bytes that the peer gave, and DATA bytes that were sent. */
  updates: number;
  sent: number;
  /** What we granted the peer beyond its first window, and DATA that it sent. */
  granted: number;
  received: number;
  headersOut: number;
  ended: boolean;
  reset: boolean;
}

/** The limits of the end under test. */
export interface ModelLimits {
  readonly streamWindowBytesMax: number;
  readonly connectionWindowBytes: number;
  readonly frameBytesMax: number;
}

/**
 * A second pair of eyes on one end of a connection: it reads all bytes that go in and come out, and says where what comes
 * out is not what an endpoint may send (RFC 9113 sections 5 to 7). It shares no code with the engine but the Huffman table.
 *
 * Of a chunk that goes in it believes every credit at once and every cut afterwards, so it never blames the engine for
 * an order of events inside of the chunk that it cannot see.
 */
export class WireModel {
  framesOut = 0;
  framesIn = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** DATA bytes and header bytes out: what the app asked for, not what the peer caused. */
  dataOut = 0;
  headersOut = 0;
  goawayCode = -1;
  private readonly server: boolean;
  private readonly limits: ModelLimits;
  private readonly streams = new Map<number, StreamModel>();
  private readonly hpack = new ReferenceHpackDecoder(65_536);
  private restIn: Buffer = Buffer.alloc(0);
  private prefaceIn: number;
  private prefaceOut: boolean;
  private initial = 65_535;
  private initialNext = 65_535;
  private maxFrame = 16_384;
  private updates = 0;
  private granted = 0;
  private received = 0;
  private highestIn = 0;
  private highestOut = 0;
  private lastGoaway = Number.POSITIVE_INFINITY;
  private settingsIn = 0;
  private acksOut = 0;
  private readonly pings: string[] = [];
  private section: { id: number; parts: Buffer[] } | null = null;

  constructor(server: boolean, limits: ModelLimits) {
    this.server = server;
    this.limits = limits;
    this.prefaceIn = server ? preface.length : 0;
    this.prefaceOut = !server;
  }

  /** Call before the engine gets the bytes. */
  goesIn(bytes: Buffer): void {
    this.bytesIn += bytes.length;
    const skipped = Math.min(this.prefaceIn, bytes.length);
    this.prefaceIn -= skipped;
    const whole =
      this.restIn.length === 0
        ? bytes.subarray(skipped)
        : Buffer.concat([this.restIn, bytes.subarray(skipped)]);
    const cut = cutFrames(whole, this.limits.frameBytesMax);
    this.restIn = Buffer.from(cut.rest.subarray(0, this.limits.frameBytesMax + 9));
    for (const frame of cut.frames) this.frameIn(frame);
  }

  private frameIn(frame: WireFrame): void {
    this.framesIn++;
    const { type, flags, streamId, payload } = frame;
    if (type === 0) {
      this.received += payload.length;
      this.streamOf(streamId).received += payload.length;
    } else if (type === 1) this.highestIn = Math.max(this.highestIn, streamId);
    else if (type === 8 && payload.length === 4) {
      const increment = payload.readUInt32BE(0) % 0x8000_0000;
      if (streamId === 0) this.updates += increment;
      else this.streamOf(streamId).updates += increment;
    } else if (type === 6 && payload.length === 8 && (flags & 1) === 0)
      this.pings.push(payload.toString('hex'));
    else if (type === 4 && (flags & 1) === 0) this.settings(payload);
  }

  private settings(payload: Buffer): void {
    this.settingsIn++;
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const id = payload.readUInt16BE(at);
      const value = payload.readUInt32BE(at + 2);
      if (id === 4 && value <= windowMax) {
        this.initialNext = value;
        this.initial = Math.max(this.initial, value);
      }
      if (id === 5) this.maxFrame = Math.max(this.maxFrame, value);
    }
  }

  /** Call after the engine was given something, with all that it wrote. */
  comesOut(bytes: Buffer): void {
    this.bytesOut += bytes.length;
    let all = bytes;
    if (this.prefaceOut && all.length > 0) {
      check(all.toString('latin1', 0, preface.length) === preface, 'a client begins with the preface');
      all = all.subarray(preface.length);
      this.prefaceOut = false;
    }
    const { frames, rest, tooLong } = cutFrames(all, this.maxFrame);
    check(tooLong === 0, `a frame of ${tooLong} bytes, and the peer takes ${this.maxFrame}`);
    check(rest.length === 0, 'no half frame is written');
    for (const frame of frames) this.frameOut(frame);
    this.initial = this.initialNext;
    const bound = Math.max(this.limits.connectionWindowBytes, 65_535);
    const received = this.received + this.begunBytes(0);
    check(65_535 + this.granted - received <= bound, 'no more than the connection window is granted');
  }

  /** What came of a DATA frame, on that stream or, for 0, any, that is not whole yet: there is credit for it already. */
  private begunBytes(id: number): number {
    const { restIn } = this;
    if (restIn.length <= 9 || restIn[3] !== 0 || (restIn[4] & 8) !== 0) return 0;
    return id === 0 || id === restIn.readUInt32BE(5) % 0x8000_0000 ? restIn.length - 9 : 0;
  }

  private frameOut(frame: WireFrame): void {
    const { type, flags, streamId, payload } = frame;
    this.framesOut++;
    if (this.framesOut === 1) check(type === 4 && (flags & 1) === 0, 'the first frame is SETTINGS');
    check(frameFault(frame).length === 0, `a malformed frame of type ${type} is written`);
    if (this.section !== null)
      check(type === 9 && streamId === this.section.id, 'a header section is not interrupted');
    if (streamId !== 0) this.streamMayBe(type, streamId);
    if (type === 0) this.dataFrame(streamId, flags, payload);
    else if (type === 1 || type === 9) this.headersFrame(type, streamId, flags, payload);
    else if (type === 3) this.streamOf(streamId).reset = true;
    else if (type === 4 && (flags & 1) === 1)
      check(++this.acksOut <= this.settingsIn, 'an acknowledgement of SETTINGS that did not come');
    else if (type === 6)
      check((flags & 1) === 1 && this.pings.shift() === payload.toString('hex'), 'a PING answered');
    else if (type === 7) this.goaway(payload);
    else if (type === 8) this.windowUpdate(streamId, payload.readUInt32BE(0));
    else check(type === 4, `a frame of type ${type} is written`);
  }

  /** Section 5.1.1: nothing is sent on streams that are idle. */
  private streamMayBe(type: number, id: number): void {
    check(id % 2 === 1, `stream ${id} is nobody's`);
    if (this.server) check(id <= this.highestIn, `a frame of type ${type} on idle stream ${id}`);
    else if (type === 1) {
      check(id <= this.highestOut || this.streamOf(id).headersOut === 0, 'streams open in order');
      this.highestOut = Math.max(this.highestOut, id);
    } else if (type !== 9) check(id <= this.highestOut, `a frame of type ${type} on idle stream ${id}`);
  }

  private dataFrame(id: number, flags: number, payload: Buffer): void {
    const stream = this.streamOf(id);
    const length = payload.length;
    check((flags & 8) === 0, 'no padding is written');
    check(stream.headersOut > 0 && !stream.ended && !stream.reset, `DATA on stream ${id}, which is not open`);
    stream.sent += length;
    this.dataOut += length;
    if (length > 0) {
      check(stream.sent <= stream.updates + this.initial, `DATA beyond the window of stream ${id}`);
      check(this.dataOut <= 65_535 + this.updates, 'DATA beyond the window of the connection');
    }
    if ((flags & 1) === 1) stream.ended = true;
  }

  private headersFrame(type: number, id: number, flags: number, payload: Buffer): void {
    const stream = this.streamOf(id);
    this.headersOut += payload.length + 9;
    if (type === 1) {
      check(!stream.ended && !stream.reset, `HEADERS on stream ${id}, which is closed`);
      check(++stream.headersOut <= 2, `a third header section on stream ${id}`);
      if (stream.headersOut === 2) check((flags & 1) === 1, 'trailers end the stream');
      if ((flags & 1) === 1) stream.ended = true;
      this.section = { id, parts: [payload] };
    } else {
      check(this.section !== null, 'CONTINUATION follows HEADERS');
      this.section.parts.push(payload);
    }
    if ((flags & 4) === 0) return;
    const fields = this.hpack.decode(Buffer.concat(this.section.parts));
    check(fields.length > 0, 'a header section has fields');
    this.section = null;
  }

  private goaway(payload: Buffer): void {
    const last = payload.readUInt32BE(0);
    check(last <= this.lastGoaway, 'the last stream id of GOAWAY grew');
    this.lastGoaway = last;
    this.goawayCode = payload.readUInt32BE(4);
    check(this.goawayCode <= 0xd, `GOAWAY with code ${this.goawayCode}`);
  }

  private windowUpdate(id: number, increment: number): void {
    if (id === 0) {
      this.granted += increment;
      return;
    }
    const stream = this.streamOf(id);
    check(!stream.reset, `WINDOW_UPDATE after RST_STREAM on stream ${id}`);
    stream.granted += increment;
    const bound = Math.max(this.limits.streamWindowBytesMax, 65_535);
    const received = stream.received + this.begunBytes(id);
    check(stream.granted - received <= bound, `stream ${id} is granted more than its largest window`);
  }

  /** What the peer may still send on the connection, as it was told. */
  get connectionGranted(): number {
    return 65_535 + this.granted - this.received;
  }

  /** SETTINGS and PINGs without an answer. */
  get unanswered(): number {
    return this.settingsIn - this.acksOut + this.pings.length;
  }

  private streamOf(id: number): StreamModel {
    let stream = this.streams.get(id);
    if (stream === undefined) {
      stream = { updates: 0, sent: 0, granted: 0, received: 0, headersOut: 0, ended: false, reset: false };
      this.streams.set(id, stream);
    }
    return stream;
  }
}
