import { blockPool } from '../core/block-pool.ts';
import type { HeadCache } from './head-cache.ts';
import { type HeadLine, type LineFault, parseRequestLine, parseStatusLine } from './head-line.ts';
import type { MessageError, ParserLimits } from './message.ts';

const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** What the first line of a section is. */
export type SectionStart = 'request' | 'reply' | 'field';

/**
 * Reads a head or a trailer section line by line as its bytes arrive. A line that is split over reads is put together in a
 * pooled block; each byte is searched and copied once, whatever the pieces are.
 */
export class SectionReader {
  readonly lines: HeadLine[] = [];
  count = 0;
  /** The empty line has been read. */
  done = false;
  /** Bytes of the section so far, the incomplete line included. */
  taken = 0;
  private readonly heads: HeadCache;
  private readonly limits: ParserLimits;
  private startKind: SectionStart = 'field';
  /** Bytes of the whole lines. */
  private lineBytes = 0;
  private held: Buffer | null = null;
  private heldBytes = 0;
  /** The fault of the section and the offset in it. */
  private problem: Omit<MessageError, 'offset'> | null = null;
  private problemAt = 0;

  constructor(heads: HeadCache, limits: ParserLimits) {
    this.heads = heads;
    this.limits = limits;
  }

  begin(kind: SectionStart): void {
    this.startKind = kind;
    this.count = 0;
    this.lines.length = 0;
    this.done = false;
    this.taken = 0;
    this.lineBytes = 0;
    this.problem = null;
  }

  /** The bytes are refused. */
  get refused(): boolean {
    return this.problem !== null;
  }

  /** Why; `offset` is where the section begins. */
  errorAt(offset: number): MessageError {
    return { ...(this.problem as Omit<MessageError, 'offset'>), offset: offset + this.problemAt };
  }

  /** Takes bytes of the section; returns where it ends in them, or `end`. */
  read(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && !this.done && this.problem === null) {
      const lineEnd = endOfLine(bytes, at, end);
      if (this.held !== null || lineEnd < 0) {
        const pieceEnd = lineEnd < 0 ? end : lineEnd;
        if (this.hold(bytes, at, pieceEnd) && lineEnd >= 0) this.readHeld();
        at = pieceEnd;
      } else {
        this.readLine(bytes, at, lineEnd);
        at = lineEnd;
      }
    }
    return at;
  }

  /** Gives back what is held: the connection is over, or the section was refused. */
  release(): void {
    if (this.held !== null) blockPool.release(this.held);
    this.held = null;
    this.heldBytes = 0;
  }

  private readHeld(): void {
    const line = this.held as Buffer;
    const length = this.heldBytes;
    this.readLine(line, 0, length);
    this.release();
  }

  /** Keeps a piece of a line. False where that is too much. */
  private hold(bytes: Uint8Array, start: number, end: number): boolean {
    const needed = this.heldBytes + end - start;
    if (this.lineBytes + needed > this.limits.headBytesMax) {
      this.tooLarge();
      return false;
    }
    this.taken += end - start;
    const old = this.held;
    if (old === null) this.held = blockPool.acquire(needed);
    else if (needed > old.length) {
      this.held = blockPool.acquire(needed * 2);
      old.copy(this.held, 0, 0, this.heldBytes);
      blockPool.release(old);
    }
    (this.held as Buffer).set(bytes.subarray(start, end), this.heldBytes);
    this.heldBytes = needed;
    return true;
  }

  private readLine(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.lineBytes + length > this.limits.headBytesMax) return this.tooLarge();
    const isStart = this.count === 0 && this.startKind !== 'field';
    if (length === 2 && bytes[start] === carriageReturn && !isStart) {
      this.done = true;
      this.advance(length);
      return;
    }
    const fields = this.startKind === 'field' ? this.count : this.count - 1;
    if (!isStart && fields >= this.limits.fieldsMax) {
      const words = `more than ${this.limits.fieldsMax} headers`;
      this.fail({ status: 431, reason: 'too_large', words }, this.lineBytes);
      return;
    }
    const line = this.parse(isStart, bytes, start, end);
    if ('words' in line) return this.fail(line, this.lineBytes + line.at - start);
    this.lines.push(line);
    this.count++;
    this.advance(length);
  }

  private parse(isStart: boolean, bytes: Uint8Array, start: number, end: number): HeadLine | LineFault {
    if (!isStart) return this.heads.fieldLine(bytes, start, end);
    return this.startKind === 'request'
      ? parseRequestLine(bytes, start, end)
      : parseStatusLine(bytes, start, end);
  }

  private advance(length: number): void {
    this.lineBytes += length;
    this.taken = this.lineBytes;
  }

  private tooLarge(): void {
    const { headBytesMax } = this.limits;
    const isTarget = this.count === 0 && this.startKind === 'request';
    const what = this.startKind === 'field' ? 'trailers' : isTarget ? 'a request line' : 'a header section';
    this.fail(
      {
        status: isTarget ? 414 : 431,
        reason: 'too_large',
        words: `${what} over the limit of ${headBytesMax} bytes`,
      },
      headBytesMax,
    );
  }

  private fail({ status, reason, words }: Omit<MessageError, 'offset'>, at: number): void {
    this.problem = { status, reason, words };
    this.problemAt = at;
    this.release();
  }
}

/** Behind the next line feed, or -1. */
function endOfLine(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) if (bytes[i] === lineFeed) return i + 1;
  return -1;
}
