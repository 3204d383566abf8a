import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Logger } from '../core/logger.ts';

/** Where lines go. */
export type LineTarget =
  | { readonly kind: 'stdout' | 'stderr' }
  | { readonly kind: 'file'; readonly path: string };

/** Lines gathered over one turn of the event loop and written with one call. */
export interface LineOutput {
  /** Lines that a reader or disk too slow, or an error, has cost. */
  readonly droppedLines: number;
  line(text: string): void;
  /** Opens the file again by its path. Until the new one is open, and if it cannot be, lines go to the old one. */
  reopen(): void;
  /** Writes out what is left, to every file that was open, and closes. Never rejects. */
  close(): Promise<void>;
}

export interface LineOutputOptions {
  readonly to: LineTarget;
  readonly logger: Logger;
  /** Standard output and error; given by tests. */
  readonly streams?: { readonly stdout: Writable; readonly stderr: Writable };
}

/** Characters waiting for the reader or disk; what comes on top is dropped and counted. */
export const accessLogQueueCharsMax = 4 * 1024 * 1024;

export function createLineOutput(options: LineOutputOptions): LineOutput {
  const { to } = options;
  return to.kind === 'file'
    ? new FileOutput(to.path, options.logger)
    : new StreamOutput((options.streams ?? process)[to.kind], to.kind, options.logger);
}

/** To a stream that is not ours to end. */
class StreamOutput implements LineOutput {
  droppedLines = 0;
  protected stream: Writable;
  protected broken = false;
  private readonly target: string;
  protected readonly logger: Logger;
  private pending = '';
  private pendingLines = 0;
  private scheduled = false;
  /** A reader that went away, or a full disk, must end neither the process nor the calls. */
  private readonly onError: (this: Writable, error: Error) => void;

  constructor(stream: Writable, target: string, logger: Logger) {
    this.stream = stream;
    this.target = target;
    this.logger = logger;
    const output = this;
    this.onError = function (this: Writable, error) {
      if (this !== output.stream || output.broken) return;
      output.broken = true;
      const facts = { target, reason: error.message };
      logger.warn('the access log cannot be written; lines are dropped', facts);
    };
    stream.on('error', this.onError);
  }

  line(text: string): void {
    if (this.broken || this.pending.length + this.waitingChars > accessLogQueueCharsMax) {
      this.droppedLines++;
      return;
    }
    this.pending += `${text}\n`;
    this.pendingLines++;
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.flush());
  }

  reopen(): void {}

  async close(): Promise<void> {
    this.flush();
    // Not ours to end; an empty write calls back when what is before it has left.
    if (!this.broken) await new Promise<void>((resolve) => void this.stream.write('', () => resolve()));
    this.stream.off('error', this.onError);
  }

  protected get waitingChars(): number {
    return this.stream.writableLength;
  }

  protected flush(): void {
    this.scheduled = false;
    if (this.broken) this.droppedLines += this.pendingLines;
    else if (this.pending !== '') this.stream.write(this.pending);
    this.pending = '';
    this.pendingLines = 0;
  }

  /** From now on lines go there, those that were gathered and not yet written included. */
  protected replaceStream(stream: Writable): void {
    this.stream = stream;
    this.broken = false;
    stream.on('error', this.onError);
  }

  protected warnNotReopened(error: Error): void {
    const facts = { target: this.target, reason: error.message };
    this.logger.warn('the access log cannot be reopened; lines go to the file that is open', facts);
  }
}

class FileOutput extends StreamOutput {
  private readonly path: string;
  /** Replaced by a newer one, and not yet written out. */
  private readonly ending = new Map<Writable, Promise<void>>();
  /** The new file while it is not open yet. */
  private opening: Promise<void> | null = null;
  private openAgain = false;
  private closed = false;

  constructor(path: string, logger: Logger) {
    super(openFile(path), path, logger);
    this.path = path;
  }

  /** A request that comes while a file is being opened is kept: that file may have been moved away meanwhile. */
  override reopen(): void {
    if (this.closed) return;
    this.openAgain = true;
    this.opening ??= this.openRequested();
  }

  override async close(): Promise<void> {
    this.closed = true;
    await this.opening;
    this.flush();
    this.end(this.stream);
    await Promise.all(this.ending.values());
  }

  protected override get waitingChars(): number {
    let chars = this.stream.writableLength;
    for (const stream of this.ending.keys()) chars += stream.writableLength;
    return chars;
  }

  private async openRequested(): Promise<void> {
    while (this.openAgain) {
      this.openAgain = false;
      const next = openFile(this.path);
      const error = await opened(next);
      if (error !== null) this.warnNotReopened(error);
      else {
        const before = this.stream;
        this.replaceStream(next);
        this.end(before);
      }
    }
    this.opening = null;
  }

  private end(stream: Writable): void {
    stream.end();
    const ended = finished(stream)
      .catch(() => {})
      .then(() => void this.ending.delete(stream));
    this.ending.set(stream, ended);
  }
}

/** For appending, so that a line is never written over, and readable for the group. */
function openFile(path: string): Writable {
  return createWriteStream(path, { flags: 'a', mode: 0o640 });
}

/** Resolves when a file is open, with the error where it cannot be. */
function opened(stream: Writable): Promise<Error | null> {
  return new Promise((resolve) => {
    stream.once('open', () => {
      stream.off('error', resolve);
      resolve(null);
    });
    stream.once('error', resolve);
  });
}
