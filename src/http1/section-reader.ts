import { blockPool } from '../core/block-pool.ts';
import { equalBytes } from '../core/bytes.ts';
import type { Field } from '../core/field.ts';
import { viewOf } from '../core/int32-view.ts';
import type { HeadCache } from './head-cache.ts';
import { type HeadLine, LineKind } from './head-line.ts';
import { type KnownHead, noteWire } from './head-memo.ts';
import type { MessageError, ParserLimits } from './message.ts';
import type { HeadResult } from './message-head.ts';

const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/**
 * Reads a head or a trailer section line by line as its bytes arrive. A line that is split over reads is put together in a
 * pooled block; each byte is searched and copied once, whatever the pieces are.
 */
export class SectionReader {
  /** The lines so far, the first `count`; not all of what is in it. */
  lines: HeadLine[];
  count = 0;
  /** The empty line has been read. */
  done = false;
  private readonly heads: HeadCache;
  private readonly limits: ParserLimits;
  /** Of the first line. */
  private kind: LineKind = LineKind.Field;
  /** Bytes of the whole lines. */
  private lineBytes = 0;
  private held: Buffer | null = null;
  private heldBytes = 0;
  /** The section came in one piece, so that its bytes are at hand. */
  private whole = true;
  /** The head before this one on the connection, where it was a known one: the next one is likely the same. */
  private previous: KnownHead | null = null;
  /** This head is the same. */
  private repeated = false;
  /** The fault of the section and the offset in it. */
  private problem: Omit<MessageError, 'offset'> | null = null;
  private problemAt = 0;

  constructor(heads: HeadCache, limits: ParserLimits) {
    this.heads = heads;
    this.limits = limits;
    this.lines = heads.scratch;
  }

  /** Begins a section whose first line is of this kind. */
  begin(kind: LineKind): void {
    this.kind = kind;
    this.lines = this.heads.scratch;
    this.count = 0;
    this.done = false;
    this.whole = true;
    this.repeated = false;
    this.lineBytes = 0;
    this.problem = null;
    this.heads.lines.startSection(kind);
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
    if (this.lineBytes === 0 && this.held === null && this.isRepeated(bytes, start, end)) {
      this.repeated = true;
      this.done = true;
      return start + (this.previous as KnownHead).wire!.length;
    }
    let at = start;
    while (at < end && !this.done && this.problem === null) {
      at = this.held === null ? this.readLines(bytes, at, end) : this.readSplit(bytes, at, end);
    }
    if (this.done || this.problem !== null) return at;
    // Another section may be read before this one goes on.
    if (this.lines === this.heads.scratch) this.lines = this.lines.slice(0, this.count);
    this.whole = false;
    return at;
  }

  /** What the lines mean together, once they are all read; they end at `end`. */
  head(scheme: Field | null, bytes: Uint8Array, end: number): HeadResult {
    if (this.repeated) return (this.previous as KnownHead).built;
    const { heads } = this;
    const result = heads.head(this.lines, this.count, scheme);
    const { latest } = heads;
    this.previous = latest;
    if (latest !== null && this.whole && latest.wire === null)
      noteWire(latest, bytes, end - this.lineBytes, end);
    // A connection that is idle keeps no lines; those of a fault are still asked where they stand.
    if (result.fault === undefined) this.lines = heads.scratch;
    return result;
  }

  /** Gives back what is held: the connection is over, or the section was refused. */
  release(): void {
    if (this.held !== null) blockPool.release(this.held);
    this.held = null;
    this.heldBytes = 0;
  }

  /** Does the head of before stand at `start` again? */
  private isRepeated(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.previous === null || this.kind === LineKind.Field) return false;
    const { wire } = this.previous;
    return wire !== null && start + wire.length <= end && equalBytes(bytes, start, start + wire.length, wire);
  }

  /** Reads known lines from `start` on, then one that is not, or keeps what is there of it. Returns where it stopped. */
  private readLines(bytes: Uint8Array, start: number, end: number): number {
    const at = this.readKnown(bytes, start, end);
    const lineEnd = endOfLine(bytes, at, end);
    if (lineEnd < 0) {
      if (at < end) this.hold(bytes, at, end);
      return end;
    }
    this.parseLine(bytes, at, lineEnd);
    return lineEnd;
  }

  /** Reads the lines at `start` that are known, up to the first that is not, or that passes a limit. */
  private readKnown(bytes: Uint8Array, start: number, end: number): number {
    const { count, kind, limits } = this;
    const roomEnd = Math.min(end, start + limits.headBytesMax - this.lineBytes);
    const countMax = kind === LineKind.Field ? limits.fieldsMax : limits.fieldsMax + 1;
    const first = count === 0 ? kind : LineKind.Field;
    const { lines } = this;
    const found = this.heads.lines.follow(first, bytes, start, roomEnd, lines, count, countMax);
    let at = start;
    for (let i = count; i < found; i++) at += lines[i].bytes;
    this.count = found;
    this.lineBytes += at - start;
    return at;
  }

  /** Reads on in a line of which a part is held. */
  private readSplit(bytes: Uint8Array, start: number, end: number): number {
    const lineEnd = endOfLine(bytes, start, end);
    const pieceEnd = lineEnd < 0 ? end : lineEnd;
    if (this.hold(bytes, start, pieceEnd) && lineEnd >= 0) {
      this.parseLine(this.held as Buffer, 0, this.heldBytes);
      this.release();
    }
    return pieceEnd;
  }

  /** Keeps a piece of a line. False where that is too much. */
  private hold(bytes: Uint8Array, start: number, end: number): boolean {
    const needed = this.heldBytes + end - start;
    if (this.lineBytes + needed > this.limits.headBytesMax) {
      this.tooLarge();
      return false;
    }
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

  private parseLine(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    const kind = this.count === 0 ? this.kind : LineKind.Field;
    if (length === 2 && bytes[start] === carriageReturn && kind === LineKind.Field) {
      if (this.lineBytes + length > this.limits.headBytesMax) return this.tooLarge();
      this.lineBytes += length;
      this.done = true;
      return;
    }
    if (!this.hasRoom(length)) return;
    const line = this.heads.line(kind, bytes, start, end);
    if ('words' in line) this.fail(line, this.lineBytes + line.at - start);
    else this.add(line);
  }

  /** Is there room for one more line of so many bytes? Refuses the section otherwise. */
  private hasRoom(bytes: number): boolean {
    const { fieldsMax, headBytesMax } = this.limits;
    if (this.lineBytes + bytes > headBytesMax) {
      this.tooLarge();
      return false;
    }
    const fields = this.kind === LineKind.Field ? this.count : this.count - 1;
    if (fields < fieldsMax) return true;
    const what = this.kind === LineKind.Field ? 'trailers' : 'headers';
    this.fail({ status: 431, reason: 'too_large', words: `more than ${fieldsMax} ${what}` }, this.lineBytes);
    return false;
  }

  private add(line: HeadLine): void {
    this.lines[this.count++] = line;
    this.lineBytes += line.bytes;
  }

  private tooLarge(): void {
    const { headBytesMax } = this.limits;
    const isTarget = this.count === 0 && this.kind === LineKind.Request;
    const what = this.kind === LineKind.Field ? 'trailers' : isTarget ? 'a request line' : 'a header section';
    const words = `${what} over the limit of ${headBytesMax} bytes`;
    this.fail({ status: isTarget ? 414 : 431, reason: 'too_large', words }, headBytesMax);
  }

  private fail({ status, reason, words }: Omit<MessageError, 'offset'>, at: number): void {
    this.problem = { status, reason, words };
    this.problemAt = at;
    this.release();
  }
}

/** Behind the next line feed, or -1. Four bytes at a time: the high bit of a byte shows where it is one. */
function endOfLine(bytes: Uint8Array, start: number, end: number): number {
  const words = viewOf(bytes);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = words.getInt32(at, true) ^ 0x0a0a0a0a;
    if (((word - 0x01010101) & ~word & 0x80808080) !== 0) break;
  }
  for (; at < end; at++) if (bytes[at] === lineFeed) return at + 1;
  return -1;
}
