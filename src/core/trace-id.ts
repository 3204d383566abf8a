import { hex32, wordOfHex } from './hex.ts';
import type { Random } from './random.ts';

/**
 * The ids of W3C Trace Context, held as signed words of 32 bits: V8 keeps those unboxed, and making their digits would
 * cost every call what only the few that are logged, sampled or looked at need. They become text where one is asked
 * for, in JSON too. All zero, which the standard forbids, stands for none; its text is ''.
 */
export class TraceId {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;

  constructor(a: number, b: number, c: number, d: number) {
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
  }

  /** From 32 hex digits at `at`, which were validated before. */
  static read(text: string, at = 0): TraceId {
    return new TraceId(
      wordOfHex(text, at),
      wordOfHex(text, at + 8),
      wordOfHex(text, at + 16),
      wordOfHex(text, at + 24),
    );
  }

  get none(): boolean {
    return (this.a | this.b | this.c | this.d) === 0;
  }

  equals({ a, b, c, d }: TraceId): boolean {
    return this.a === a && this.b === b && this.c === c && this.d === d;
  }

  /** 32 hex digits, or ''. */
  toString(): string {
    return this.none ? '' : hex32(this.a) + hex32(this.b) + hex32(this.c) + hex32(this.d);
  }

  toJSON(): string {
    return this.toString();
  }
}

/** As `TraceId`, of 64 bits. */
export class SpanId {
  readonly a: number;
  readonly b: number;

  constructor(a: number, b: number) {
    this.a = a;
    this.b = b;
  }

  /** From 16 hex digits at `at`, which were validated before. */
  static read(text: string, at = 0): SpanId {
    return new SpanId(wordOfHex(text, at), wordOfHex(text, at + 8));
  }

  /** One id in 2^32 has its first half replaced: cheaper than to test for zero and draw again. */
  static random(random: Random): SpanId {
    return new SpanId(random.i32() || 1, random.i32());
  }

  get none(): boolean {
    return (this.a | this.b) === 0;
  }

  /** 16 hex digits, or ''. */
  toString(): string {
    return this.none ? '' : hex32(this.a) + hex32(this.b);
  }

  toJSON(): string {
    return this.toString();
  }
}

export const noTraceId = new TraceId(0, 0, 0, 0);
export const noSpanId = new SpanId(0, 0);
