import { constants, createWriteStream, openSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Clock, Timer } from '../core/clock.ts';
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
  /** Writes out what is left, to every file that was open, within `accessLogCloseMsMax`, and closes. Never rejects. */
  close(): Promise<void>;
}

export interface LineOutputOptions {
  readonly to: LineTarget;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Standard output and error; given by tests. */
  readonly streams?: { readonly stdout: Writable; readonly stderr: Writable };
}

/** Characters waiting for the reader or disk; what comes on top is dropped and counted. */
export const accessLogQueueCharsMax = 4 * 1024 * 1024;
/** How long the end waits for a reader or disk to take what is left, milliseconds: one that stands still never does. */
export const accessLogCloseMsMax = 2000;

export function createLineOutput(options: LineOutputOptions): LineOutput {
  const { to } = options;
  return to.kind === 'file'
    ? new FileOutput(to.path, options)
    : new StreamOutput((options.streams ?? process)[to.kind], to.kind, options);
}

/** To a stream that is not ours to end. */
class StreamOutput implements LineOutput {
  droppedLines = 0;
  protected stream: Writable;
  protected broken = false;
  private readonly target: string;
  protected readonly logger: Logger;
  private readonly clock: Clock;
  private pending = '';
  private pendingLines = 0;
  private scheduled = false;
  /** A reader that went away, or a full disk, must end neither the process nor the calls. */
  private readonly onError: (this: Writable, error: Error) => void;

  constructor(stream: Writable, target: string, { logger, clock }: LineOutputOptions) {
    this.stream = stream;
    this.target = target;
    this.logger = logger;
    this.clock = clock;
    const output = this;
    this.onError = function (this: Writable, error) {
      if (this !== output.stream || output.broken) return;
      output.broken = true;
      const facts = { target, reason: error.message };
      logger.warn('cannot write the access log; lines are dropped', facts);
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
    const left = new Promise<void>((resolve) => void this.stream.write('', () => resolve()));
    if (!this.broken) await this.bounded(left);
    this.stream.off('error', this.onError);
  }

  /** Waits for work of the end, but not for ever. */
  protected async bounded(work: Promise<unknown>): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = this.clock.after(accessLogCloseMsMax, () => resolve('late'));
    });
    const outcome = await Promise.race([work, late]);
    timer?.cancel();
    if (outcome !== 'late') return;
    const facts = { target: this.target, waitedMs: accessLogCloseMsMax };
    this.logger.warn('the access log accepts no more lines; the remaining lines are lost', facts);
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
    this.logger.warn('cannot reopen the access log; lines still go to the file that is open', facts);
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

  constructor(path: string, options: LineOutputOptions) {
    super(openFile(path), path, options);
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
    await this.bounded(this.written());
    for (const stream of this.ending.keys()) stream.destroy();
  }

  private async written(): Promise<void> {
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
        this.logger.info('log file reopened', { file: this.path });
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
  return openPipe(path) ?? createWriteStream(path, { flags: 'a', mode: 0o640 });
}

/**
 * A named pipe (fifo(7)), null for anything else. Opened as a file, it would hold a thread of Node until a reader comes, and
 * each write one while the reader stands still; the process could not even end. Opened for reading too, it needs no reader.
 */
function openPipe(path: string): Writable | null {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isFIFO() !== true) return null;
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    return new Socket({ fd, readable: false, writable: true });
  } catch {
    // Opening it as a file says why not.
    return null;
  }
}

/** Resolves when a file is open, with the error where it cannot be. */
function opened(stream: Writable): Promise<Error | null> {
  if (stream instanceof Socket) return Promise.resolve(null);
  return new Promise((resolve) => {
    stream.once('open', () => {
      stream.off('error', resolve);
      resolve(null);
    });
    stream.once('error', resolve);
  });
}
