import type { Command } from '../command.ts';
import { type CliIo, ExitCode } from '../io.ts';
import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import { zshCompletion } from './zsh.ts';

export interface CompletionArguments {
  readonly shell: 'bash' | 'zsh' | 'fish';
}

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** Prints the completion script of a shell. */
export async function completion(
  { shell }: CompletionArguments,
  io: CliIo,
  commands: readonly Command[],
): Promise<number> {
  io.stdout.write(scripts[shell](commands));
  return ExitCode.Fine;
}
