/** What the bench's HTTP/1.1 replica and generator agree on. */

/** Ends the head of a message. */
export const headEnd = Buffer.from('\r\n\r\n', 'latin1');

/** A head longer than this is an error. */
export const headBytesMax = 16_384;

/** The body of `bytes` bytes that every reply and every request of that size has. */
export function bodyOf(bytes: number): Buffer {
  const body = Buffer.allocUnsafe(bytes);
  for (let i = 0; i < bytes; i++) body[i] = (i * 31) & 0xff;
  return body;
}

/** A body of a length that the head names. Requests without a body have none of length 0. */
export function contentLength(head: string): number | null {
  const found = /\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n/i.exec(head);
  return found === null ? null : Number(found[1]);
}

/** The value of a field that a request of the churn row carries, and its reply repeats. */
export function requestId(head: string): string | null {
  return /\r\nx-request-id:[ \t]*([0-9a-f-]+)[ \t]*\r\n/i.exec(head)?.[1] ?? null;
}

/** Takes messages apart: a head that ends with an empty line, then as many bytes as `onHead` returns for it. */
export class MessageSplitter {
  private readonly onHead: (head: string) => number;
  private readonly onBody: (bytes: Buffer, start: number, end: number) => void;
  private readonly onEnd: () => void;
  /** The beginning of a head that came in part, else null. */
  private partial: Buffer | null = null;
  private left = 0;

  /** `onHead` gets a head with its empty line, `onBody` pieces of the body, `onEnd` nothing: the message is whole. */
  constructor(
    onHead: (head: string) => number,
    onBody: (bytes: Buffer, start: number, end: number) => void,
    onEnd: () => void,
  ) {
    this.onHead = onHead;
    this.onBody = onBody;
    this.onEnd = onEnd;
  }

  /** Is there no byte of a message that is not whole? */
  get idle(): boolean {
    return this.left === 0 && this.partial === null;
  }

  /** Takes `length` bytes of `chunk`, of which nothing is kept. */
  take(chunk: Buffer, length: number): void {
    let bytes = chunk;
    let end = length;
    if (this.partial !== null) {
      bytes = Buffer.concat([this.partial, chunk.subarray(0, length)]);
      end = bytes.length;
      this.partial = null;
    }
    let at = 0;
    while (at < end) at = this.left > 0 ? this.body(bytes, at, end) : this.head(bytes, at, end);
  }

  private head(bytes: Buffer, at: number, end: number): number {
    const found = bytes.indexOf(headEnd, at);
    // What is found behind `end` is of an earlier read.
    if (found < 0 || found + headEnd.length > end) {
      if (end - at > headBytesMax) throw new Error(`a head has more than ${headBytesMax} bytes`);
      this.partial = Buffer.from(bytes.subarray(at, end));
      return end;
    }
    const next = found + headEnd.length;
    this.left = this.onHead(bytes.toString('latin1', at, next));
    if (this.left === 0) this.onEnd();
    return next;
  }

  private body(bytes: Buffer, at: number, end: number): number {
    const to = Math.min(end, at + this.left);
    this.onBody(bytes, at, to);
    this.left -= to - at;
    if (this.left === 0) this.onEnd();
    return to;
  }
}
