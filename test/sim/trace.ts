/** What happened in a run: a hash of all of it, to tell two runs apart, and the last lines for whoever looks for why. */
export class Trace {
  private hashed = 0x811c9dc5;
  private readonly lines: string[] = [];
  private readonly now: () => number;
  private readonly linesKept: number;

  constructor(now: () => number, linesKept: number) {
    this.now = now;
    this.linesKept = linesKept;
  }

  /** An event worth a line. */
  note(line: string): void {
    const text = `${this.now().toFixed(1)} ms ${line}`;
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i));
    this.lines.push(text);
    if (this.lines.length > this.linesKept * 2) this.lines.splice(0, this.linesKept);
  }

  /** Bytes that arrived somewhere: hashed, and no line of their own. */
  bytes(bytes: Uint8Array): void {
    this.mix(bytes.length);
    this.mix(Math.round(this.now() * 1000));
    // Frame headers and what differs between calls are at the ends; all of it would take most of the run's time.
    for (let i = 0; i < bytes.length; i += i < 64 ? 1 : 61) this.mix(bytes[i]);
  }

  private mix(value: number): void {
    this.hashed = Math.imul(this.hashed ^ value, 0x01000193) >>> 0;
  }

  get hash(): string {
    return this.hashed.toString(16).padStart(8, '0');
  }

  last(): string[] {
    return this.lines.slice(-this.linesKept);
  }
}
