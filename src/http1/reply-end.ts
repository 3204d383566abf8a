import type { IncomingMessage } from 'node:http';

const emptyLine = '\r\n\r\n';

/**
 * Detects bytes that an upstream sends behind the end of its reply (RFC 9112 section 6.3). Whoever used the connection again
 * would read them as the beginning of the next reply. node's parser reports most of them as an error, but neither the
 * beginning of another head nor what comes later, so this class counts the bytes of one exchange itself. An empty line that
 * it cannot place makes it report too much, never too little: the price is a connection that is not reused.
 */
export class ReplyEnd {
  /** Bytes of the body; 0 where the reply has none, -1 where it is chunked, NaN where it ends with its connection. */
  bodyBytes = Number.NaN;
  private headsEnded = 0;
  private bytesBehindHead = 0;
  /** The last bytes that came, 4 at the most. */
  private tail: Buffer = Buffer.alloc(0);
  private complete = false;

  /**
   * Takes a chunk of the connection after node's parser has read it. `interimReplies` is how many of them the parser has
   * found since the exchange began, `message` the reply, or null before its head is complete. True where bytes stand
   * behind the reply.
   */
  take(chunk: Buffer, interimReplies: number, message: IncomingMessage | null): boolean {
    if (this.complete) return true;
    const behind = this.bytesBehind(chunk, interimReplies + (message === null ? 0 : 1));
    this.tail = lastBytes(this.tail, chunk);
    if (message === null) return false;
    this.bytesBehindHead += behind;
    if (!message.complete || Number.isNaN(this.bodyBytes)) return false;
    this.complete = true;
    if (this.bodyBytes >= 0) return this.bytesBehindHead !== this.bodyBytes;
    // A chunked body ends with an empty line, after its trailers (RFC 9112 section 7.1). Half a head does not.
    return this.tail.toString('latin1') !== emptyLine;
  }

  /** How many bytes of `chunk` stand behind the end of the `heads`-th head. */
  private bytesBehind(chunk: Buffer, heads: number): number {
    if (this.headsEnded === heads) return chunk.length;
    // The empty line that ends a head may have begun in the chunk before.
    const before = this.tail.subarray(-3);
    const bytes = before.length === 0 ? chunk : Buffer.concat([before, chunk]);
    let at = 0;
    while (this.headsEnded < heads) {
      const end = bytes.indexOf(emptyLine, at, 'latin1');
      if (end < 0) break;
      this.headsEnded += 1;
      at = end + emptyLine.length;
    }
    return Math.min(bytes.length - at, chunk.length);
  }
}

function lastBytes(before: Buffer, chunk: Buffer): Buffer {
  return chunk.length >= 4 ? chunk.subarray(-4) : Buffer.concat([before, chunk]).subarray(-4);
}
