import type { Environment } from '../config/environment.ts';
import type { Result } from '../core/result.ts';
import type { CliIo } from './io.ts';
import type { RunSignals } from './signals.ts';

/** One flag of a command. */
export interface FlagSpec {
  /** Name without the dashes. */
  readonly name: string;
  readonly short?: string;
  /** Placeholder for the value in help, such as `FILE`; undefined for a flag that takes no value. */
  readonly value?: string;
  /** Allowed values, for a flag that takes only a few. */
  readonly words?: readonly string[];
  readonly repeated?: boolean;
  /** Whether the value is a list. A comma at its end continues the list in the next argument. */
  readonly list?: boolean;
  readonly doc: string;
  /** Environment variable that sets the same option. */
  readonly variable?: string;
}

/** The flags and arguments that the user wrote after the name of a command; the flags are known and have valid forms. */
export interface Given {
  /** The last value of each flag, by name; `true` for a flag without a value. */
  readonly one: Readonly<Record<string, string>>;
  /** All values of each flag. */
  readonly many: Readonly<Record<string, readonly string[]>>;
  /** The first argument without a flag. */
  readonly positional: string | undefined;
  readonly positionals: readonly string[];
}

/** What a command may use while it runs. */
export interface CommandContext {
  readonly io: CliIo;
  readonly env: Environment;
  /** Receives the warnings of Node, for a command that writes a log. */
  readonly onWarning: RunSignals['onWarning'];
  /** All commands, for the ones that describe them. */
  readonly commands: readonly Command[];
}

/**
 * One command: what help shows, how its arguments are checked, and what runs it. Parsing, help, suggestions, shell
 * completion and the man page read the list of commands in `commands.ts`.
 *
 * @example
 * export const version: Command<{ output: OutputFormat }> = {
 *   name: 'version',
 *   summary: 'print the version',
 *   usage: '[options]',
 *   detail: [],
 *   examples: ['outrigger version -o json'],
 *   flags: [output],
 *   parse: ({ one }) => ({ value: { output: outputOf(one) } }),
 *   run: async (args, { io }) => (await import('../version.ts')).version(args, io),
 * };
 */
export interface Command<A = unknown> {
  readonly name: string;
  readonly summary: string;
  /** What the usage line shows after the name of the command. */
  readonly usage: string;
  /** Lines of description in the help of the command. */
  readonly detail: readonly string[];
  readonly examples: readonly string[];
  readonly flags: readonly FlagSpec[];
  /** Placeholder for an argument without a flag; undefined for a command that takes none. */
  readonly positional?: string;
  /** Allowed values of such an argument, for shell completion. */
  readonly positionalWords?: readonly string[];
  /** Whether the command takes more than one such argument. */
  readonly positionalRepeated?: boolean;
  /** Returns a better error for an argument too many, where the command knows what the user meant. */
  explainExtra?(argument: string, many: Given['many']): string | undefined;
  /** Checks what the user wrote and returns what `run` takes, or an error message for the user. Never throws. */
  parse(given: Given, commands: readonly Command[]): Result<A>;
  /**
   * Runs the command and returns the exit code. Imports the code of the command when it runs and not before, so that
   * `version` does not load the proxy.
   */
  run(args: A, context: CommandContext): Promise<number>;
}
