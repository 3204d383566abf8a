/** Where a command writes. `process` fits. */
export interface CliIo {
  readonly stdout: TextOut;
  readonly stderr: TextOut;
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
} as const;
