import { isTokenByte } from './request-target.ts';

/**
 * Chunk framing (RFC 9112 section 7.1), without the trailers. Strict: the line of a chunk is hex digits, extensions that follow the
 * grammar without white space, CRLF; the data is followed by CRLF. What one reader takes for a line end and
 * another does not is how one message becomes two.
 */

const State = {
  SizeFirst: 0,
  Size: 1,
  ExtensionName: 2,
  ExtensionNameMore: 3,
  ExtensionValue: 4,
  ExtensionToken: 5,
  ExtensionQuoted: 6,
  ExtensionEscape: 7,
  ExtensionEnd: 8,
  SizeLineFeed: 9,
  Data: 10,
  DataReturn: 11,
  DataLineFeed: 12,
  Last: 13,
} as const;
type State = (typeof State)[keyof typeof State];

/** Digits of a chunk size, leading zeros included: no size is over 2^52 - 1. */
const sizeDigitsMax = 13;

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const semicolon = 0x3b;
const equals = 0x3d;
const quote = 0x22;
const backslash = 0x5c;

const hexDigits = new Int8Array(256).fill(-1);
for (let i = 0; i < 10; i++) hexDigits[0x30 + i] = i;
for (let i = 0; i < 6; i++) {
  hexDigits[0x41 + i] = 10 + i;
  hexDigits[0x61 + i] = 10 + i;
}

export class ChunkDecoder {
  /** Bytes of the chunk at hand that are still to come. */
  left = 0;
  /** What is wrong with the byte where `readLine` stopped, or null. */
  problem: string | null = null;
  /** The problem is a bound that was passed, not the form. */
  tooLarge = false;
  private state: State = State.SizeFirst;
  private digits = 0;
  private extensionBytes = 0;
  private readonly extensionBytesMax: number;

  constructor(extensionBytesMax: number) {
    this.extensionBytesMax = extensionBytesMax;
  }

  /** Begins the body of another message. */
  start(): void {
    this.state = State.SizeFirst;
    this.left = 0;
    this.digits = 0;
    this.extensionBytes = 0;
    this.problem = null;
    this.tooLarge = false;
  }

  /** `left` bytes of data come next. */
  get inData(): boolean {
    return this.state === State.Data;
  }

  /** The last chunk was read: trailers come next. */
  get over(): boolean {
    return this.state === State.Last;
  }

  /** The next `count` bytes were data. */
  took(count: number): void {
    this.left -= count;
    if (this.left === 0) this.state = State.DataReturn;
  }

  /**
   * Reads framing from `start` on, up to data, the end of the last chunk, or `end`. Returns where it stopped: at the byte of
   * the `problem`, where there is one.
   */
  readLine(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const byte = bytes[at];
      const next = this.step(byte);
      if (this.problem !== null) return at;
      this.state = next;
      at++;
      if (next === State.Data || next === State.Last) return at;
    }
    return at;
  }

  private step(byte: number): State {
    switch (this.state) {
      case State.SizeFirst:
      case State.Size:
        return this.readSize(byte);
      case State.SizeLineFeed:
        if (byte !== lineFeed) return this.fail('a carriage return without a line feed behind a chunk size');
        this.digits = 0;
        return this.left === 0 ? State.Last : State.Data;
      case State.DataReturn:
        if (byte === carriageReturn) return State.DataLineFeed;
        return this.fail('a chunk that is longer than its size');
      case State.DataLineFeed:
        if (byte === lineFeed) return State.SizeFirst;
        return this.fail('a chunk that is longer than its size');
      default:
        if (++this.extensionBytes > this.extensionBytesMax) {
          this.tooLarge = true;
          return this.fail('chunk extensions over the limit');
        }
        return this.readExtension(byte);
    }
  }

  private readSize(byte: number): State {
    const digit = hexDigits[byte];
    if (digit >= 0) {
      if (++this.digits > sizeDigitsMax) return this.fail('a chunk size with too many digits');
      this.left = this.left * 16 + digit;
      return State.Size;
    }
    if (this.state === State.Size) {
      if (byte === carriageReturn) return State.SizeLineFeed;
      if (byte === semicolon) return State.ExtensionName;
    }
    return this.fail('a malformed chunk size');
  }

  /** `;name`, `;name=token` or `;name="text"`, any number of them (RFC 9112 section 7.1.1). */
  private readExtension(byte: number): State {
    switch (this.state) {
      case State.ExtensionName:
        if (isTokenByte(byte)) return State.ExtensionNameMore;
        break;
      case State.ExtensionNameMore:
        if (isTokenByte(byte)) return State.ExtensionNameMore;
        if (byte === equals) return State.ExtensionValue;
        return this.endExtension(byte);
      case State.ExtensionValue:
        if (byte === quote) return State.ExtensionQuoted;
        if (isTokenByte(byte)) return State.ExtensionToken;
        break;
      case State.ExtensionToken:
        if (isTokenByte(byte)) return State.ExtensionToken;
        return this.endExtension(byte);
      case State.ExtensionQuoted:
        if (byte === quote) return State.ExtensionEnd;
        if (byte === backslash) return State.ExtensionEscape;
        if (isText(byte)) return State.ExtensionQuoted;
        break;
      case State.ExtensionEscape:
        if (isText(byte)) return State.ExtensionQuoted;
        break;
      default:
        return this.endExtension(byte);
    }
    return this.fail('a malformed chunk extension');
  }

  private endExtension(byte: number): State {
    if (byte === carriageReturn) return State.SizeLineFeed;
    if (byte === semicolon) return State.ExtensionName;
    return this.fail('a malformed chunk extension');
  }

  private fail(problem: string): State {
    this.problem = problem;
    return this.state;
  }
}

/** Tab, or no control character (RFC 9110 section 5.6.4). */
function isText(byte: number): boolean {
  return byte >= 0x20 ? byte !== 0x7f : byte === 0x09;
}
