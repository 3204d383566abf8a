/** Where a command writes. `process` fits. */
export interface CliIo {
  readonly stdout: TextOut;
  readonly stderr: TextOut;
  /** The terminal that shows standard output; undefined where that is a file or a pipe. */
  readonly screen?: Screen;
  /** Whether the reader of standard output is gone, so that a command that repeats its output ends. */
  readonly isClosed?: () => boolean;
}

/** A terminal: its size, and a way to it for text that may contain styles and move the cursor. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Whether styles are wanted: not with `NO_COLOR` or `TERM=dumb`. */
  readonly hasStyles: boolean;
  /** Writes text as it is. Every part of it that comes from outside has gone through `printable`. */
  write(text: string): void;
  /** Passes each key that is pressed, without its echo, until the function that it returns is called; null without a keyboard. */
  readonly onKey: ((pressed: (key: string) => void) => () => void) | null;
}

export interface TextOut {
  write(text: string): unknown;
  /** Characters that wait for the reader, where that is known. */
  readonly writableLength?: number;
}

/** How a command prints its result. */
export type OutputFormat = 'text' | 'json';

/** Exit codes of every command. */
export const ExitCode = {
  Fine: 0,
  /** Something failed while it ran. */
  Failed: 1,
  /** The command line or the configuration is wrong. */
  Usage: 2,
  /** No sidecar answers at the admin address. */
  Unanswered: 3,
} as const;
