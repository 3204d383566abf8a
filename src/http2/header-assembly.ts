/** A header section that is being put together from HEADERS and CONTINUATION frames (RFC 9113 section 6.10). */
export class HeaderAssembly {
  streamId = 0;
  endStream = false;
  /** Sections that were begun, modulo 2^31. */
  sections = 0;
  private parts: Buffer[] = [];
  private partBytes = 0;
  private continuations = 0;
  private readonly bytesMax: number;
  private readonly continuationsMax: number;

  constructor(bytesMax: number, continuationsMax: number) {
    this.bytesMax = bytesMax;
    this.continuationsMax = continuationsMax;
  }

  /** True between HEADERS without END_HEADERS and the last CONTINUATION: nothing else may arrive then. */
  get expecting(): boolean {
    return this.streamId !== 0;
  }

  begin(streamId: number, endStream: boolean, bytes: Uint8Array, start: number, end: number): void {
    this.streamId = streamId;
    this.sections = (this.sections + 1) & 0x7fff_ffff;
    this.endStream = endStream;
    this.continuations = 0;
    this.parts = [Buffer.from(bytes.subarray(start, end))];
    this.partBytes = end - start;
  }

  /** False when the section passes its bounds: a flood (CVE-2024-27316), empty frames included. */
  add(bytes: Uint8Array, start: number, end: number): boolean {
    this.partBytes += end - start;
    if (++this.continuations > this.continuationsMax || this.partBytes > this.bytesMax) return false;
    if (end > start) this.parts.push(Buffer.from(bytes.subarray(start, end)));
    return true;
  }

  /** The whole section; the assembly is free for the next. */
  take(): Buffer {
    const block = Buffer.concat(this.parts);
    this.parts = [];
    this.streamId = 0;
    return block;
  }
}
