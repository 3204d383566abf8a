import type { Field } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import { ChunkDecoder } from './chunk-decoder.ts';
import type { HeadCache } from './head-cache.ts';
import { LineKind } from './head-line.ts';
import type {
  MessageError,
  MessageErrorReason,
  MessageHead,
  MessageListener,
  ParserLimits,
} from './message.ts';
import { type BuiltHead, buildTrailers, type HeadResult } from './message-head.ts';
import { isTokenByte } from './request-target.ts';
import { SectionReader } from './section-reader.ts';

const State = {
  /** Between messages. */
  Start: 0,
  /** After the CR, and after the CRLF, of an empty line before a request. */
  EmptyLine: 1,
  AfterEmptyLine: 2,
  Head: 3,
  Length: 4,
  Chunked: 5,
  Close: 6,
  Trailers: 7,
  /** The connection is no HTTP any more. */
  Tunnel: 8,
  Failed: 9,
} as const;
type State = (typeof State)[keyof typeof State];

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
/** `H` of `HTTP/`. */
const replyFirstByte = 0x48;

/**
 * The HTTP/1.1 messages (RFC 9112) of one direction of a connection, without I/O: bytes in, events out.
 *
 *     Start ──▶ Head ──▶ Length │ Chunked ──▶ Trailers │ Close ──▶ Start
 *
 * Nothing that two readers could understand in two ways is accepted: lines end with CRLF, a field has one form, and a
 * length is said once. Any error is the end: `failed` is called once, and the parser takes no more.
 *
 * Events are the same whatever the pieces are in which the bytes arrive, but for the pieces of `data`.
 */
export class MessageParser {
  private readonly role: 'request' | 'reply';
  private readonly scheme: Field;
  private readonly listener: MessageListener;
  private readonly section: SectionReader;
  private readonly chunks: ChunkDecoder;
  private state: State = State.Start;
  private paused = false;
  /** Of the body at hand, with `length`. */
  private left = 0;
  private nominated: ReadonlySet<string> | null = null;
  /** Reply role: the method of the request whose reply is due, or null. */
  private method: string | null = null;
  private websocketExpected = false;
  private bytesTaken = 0;
  /** Where the section at hand began. */
  private sectionOffset = 0;

  constructor(
    role: 'request' | 'reply',
    scheme: 'http' | 'https',
    limits: ParserLimits,
    heads: HeadCache,
    listener: MessageListener,
  ) {
    this.role = role;
    this.scheme = heads.scheme(scheme);
    this.listener = listener;
    this.section = new SectionReader(heads, limits);
    this.chunks = new ChunkDecoder(limits.chunkExtensionBytesMax);
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.bytesTaken;
  }

  /** Between two messages, without a byte of the next; the empty line that may precede a request is no part of it. */
  get idle(): boolean {
    return this.state <= State.AfterEmptyLine;
  }

  /** Takes nothing more until `resume`. May be called from the listener. */
  pause(): void {
    this.paused = true;
  }

  /** Takes bytes again; the caller gives what was not taken once more. */
  resume(): void {
    this.paused = false;
  }

  /**
   * Reply role: a reply to a request with this method comes next; `websocket` where a 101 to a WebSocket handshake is one. Bytes
   * that come without a reply being due are an error (`surplus`).
   */
  expectReply(method: string, websocket: boolean): void {
    this.method = method;
    this.websocketExpected = websocket;
  }

  /**
   * Takes the bytes from `start` to `end`. Returns where it stopped: before `end` after `pause`, after the head of a WebSocket
   * handshake (a request pauses the parser; a 101 ends it), else `end`.
   */
  receive(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && !this.paused && this.state < State.Tunnel) {
      const next = this.step(bytes, at, end);
      this.bytesTaken += next - at;
      at = next;
    }
    return this.state === State.Failed ? end : at;
  }

  /** The peer's FIN: a body that ends with the connection is whole, anything else that has begun is not. */
  peerEnded(): void {
    if (this.state === State.Close) this.finish(null);
    else if (this.state === State.Failed || this.state === State.Tunnel) return;
    else if (!this.idle || this.method !== null)
      this.fail(400, 'incomplete', 'a message that ends in the middle', this.bytesTaken);
  }

  /** Gives back memory of a connection that is over. */
  release(): void {
    this.section.release();
  }

  /** Takes at least one byte or fails; returns where it stopped. */
  private step(bytes: Uint8Array, at: number, end: number): number {
    switch (this.state) {
      case State.Start:
      case State.EmptyLine:
      case State.AfterEmptyLine:
        return this.readStart(bytes, at);
      case State.Head:
        return this.readHead(bytes, at, end);
      case State.Length:
        return this.readLength(bytes, at, end);
      case State.Chunked:
        return this.readChunked(bytes, at, end);
      case State.Close:
        this.listener.data(bytes, at, end);
        return end;
      default:
        return this.readTrailers(bytes, at, end);
    }
  }

  /** RFC 9112 section 2.2: one empty line before a request is ignored. */
  private readStart(bytes: Uint8Array, at: number): number {
    const byte = bytes[at];
    if (this.role === 'request') {
      if (this.state === State.EmptyLine) {
        if (byte !== lineFeed)
          return this.fail(400, 'start_line', 'a carriage return without a line feed', this.bytesTaken, at);
        this.state = State.AfterEmptyLine;
        return at + 1;
      }
      if (byte === carriageReturn && this.state === State.Start) {
        this.state = State.EmptyLine;
        return at + 1;
      }
      if (!isTokenByte(byte))
        return this.fail(400, 'start_line', 'bytes that are no HTTP request', this.bytesTaken, at);
    } else if (this.method === null) {
      return this.fail(400, 'surplus', 'bytes that belong to no reply', this.bytesTaken, at);
    } else if (byte !== replyFirstByte) {
      return this.fail(400, 'start_line', 'bytes that are no HTTP reply', this.bytesTaken, at);
    }
    this.state = State.Head;
    this.section.begin(this.role === 'request' ? LineKind.Request : LineKind.Status);
    this.sectionOffset = this.bytesTaken;
    return at;
  }

  private readHead(bytes: Uint8Array, start: number, end: number): number {
    const { section } = this;
    const at = section.read(bytes, start, end);
    if (section.refused) this.failWith(section.errorAt(this.sectionOffset));
    else if (section.done) {
      if (this.role === 'request') this.requestHead(section.head(this.scheme, bytes, at));
      else this.replyHead(section.head(null, bytes, at));
    }
    return at;
  }

  private requestHead(built: HeadResult): void {
    if (built.fault !== undefined) return this.failHead(built.fault);
    const { head } = built;
    this.nominated = built.nominated;
    if (head.websocket) this.paused = true;
    this.begin(head);
  }

  private replyHead(built: HeadResult): void {
    if (built.fault !== undefined) return this.failHead(built.fault);
    const { status } = built.head.block;
    if (status === 101) return this.switched(built);
    if (status < 200) {
      this.state = State.Start;
      this.listener.head(built.head);
      return;
    }
    this.nominated = built.nominated;
    const bodiless = this.method === 'HEAD' && built.head.framing !== 'none';
    this.begin(bodiless ? withoutBody(built) : built.head);
  }

  private switched({ head, switches }: BuiltHead): void {
    if (!this.websocketExpected || !switches) {
      this.fail(400, 'status', '101 (Switching Protocols) without a WebSocket handshake', this.sectionOffset);
      return;
    }
    this.state = State.Tunnel;
    this.method = null;
    this.listener.head({ ...head, keepAlive: false, websocket: true });
  }

  /** Tells a final head, and what it says of the body. */
  private begin(head: MessageHead): void {
    const { framing, bodyBytes } = head;
    if (framing === 'length' && bodyBytes > 0) {
      this.left = bodyBytes;
      this.state = State.Length;
    } else if (framing === 'chunked') {
      this.chunks.start();
      this.state = State.Chunked;
    } else if (framing === 'close') this.state = State.Close;
    else this.state = State.Start;
    const whole = this.state === State.Start;
    this.listener.head(head);
    if (whole) this.finish(null);
  }

  private readLength(bytes: Uint8Array, at: number, end: number): number {
    const dataEnd = Math.min(end, at + this.left);
    this.left -= dataEnd - at;
    this.listener.data(bytes, at, dataEnd);
    if (this.left === 0) this.finish(null);
    return dataEnd;
  }

  private readChunked(bytes: Uint8Array, at: number, end: number): number {
    const { chunks } = this;
    if (chunks.inData) {
      const dataEnd = Math.min(end, at + chunks.left);
      chunks.took(dataEnd - at);
      this.listener.data(bytes, at, dataEnd);
      return dataEnd;
    }
    const next = chunks.readLine(bytes, at, end);
    if (chunks.problem !== null) {
      const offset = this.bytesTaken + next - at;
      return chunks.tooLarge
        ? this.fail(413, 'too_large', chunks.problem, offset, next)
        : this.fail(400, 'chunk', chunks.problem, offset, next);
    }
    if (chunks.over) {
      this.state = State.Trailers;
      this.section.begin(LineKind.Field);
      this.sectionOffset = this.bytesTaken + next - at;
    }
    return next;
  }

  private readTrailers(bytes: Uint8Array, start: number, end: number): number {
    const { section } = this;
    const at = section.read(bytes, start, end);
    if (section.refused) {
      const error = section.errorAt(this.sectionOffset);
      this.failWith(error.reason === 'field' ? { ...error, reason: 'trailers' } : error);
    } else if (section.done) this.finish(buildTrailers(section.lines, section.count, this.nominated));
    return at;
  }

  private finish(trailers: HeaderBlock | null): void {
    this.state = State.Start;
    this.method = null;
    this.nominated = null;
    this.listener.end(trailers);
  }

  private failHead({ status, reason, words, line }: NonNullable<HeadResult['fault']>): void {
    let offset = this.sectionOffset;
    for (let i = 0; i < line; i++) offset += this.section.lines[i].bytes;
    this.failWith({ status, reason, words, offset });
  }

  /** Returns `at`, where the bytes of the error stand. */
  private fail(
    status: MessageError['status'],
    reason: MessageErrorReason,
    words: string,
    offset: number,
    at = 0,
  ): number {
    this.failWith({ status, reason, words, offset });
    return at;
  }

  private failWith(error: MessageError): void {
    this.state = State.Failed;
    this.section.release();
    this.listener.failed(error);
  }
}

/** The reply to HEAD: its fields are those of the reply to GET, and no body follows (RFC 9110 section 9.3.2). */
function withoutBody({ head, persistent }: BuiltHead): MessageHead {
  return { ...head, framing: 'none', bodyBytes: 0, keepAlive: persistent };
}
