/** Of one event. etcd keeps objects of 1.5 MiB at the most, as protobuf; JSON takes two to three times as much. */
const lineBytesMax = 8 << 20;

/** Splits the chunks of a watch into its lines, of which each is one event. */
export class LineSplitter {
  private parts: Buffer[] = [];
  private bytes = 0;

  /** Gives the lines that a chunk completes; null where a line is too long, after which nothing more may be pushed. */
  push(chunk: Buffer): string[] | null {
    const lines: string[] = [];
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(0x0a, from);
      const piece = chunk.subarray(from, end < 0 ? chunk.length : end);
      this.bytes += piece.length;
      if (this.bytes > lineBytesMax) return null;
      this.parts.push(piece);
      if (end < 0) return lines;
      lines.push(Buffer.concat(this.parts, this.bytes).toString());
      this.parts = [];
      this.bytes = 0;
      from = end + 1;
    }
  }
}
