import { parseArguments } from '../../../src/cli/arguments.ts';
import { commands } from '../../../src/cli/commands.ts';
import type { CliIo } from '../../../src/cli/io.ts';
import type { Environment } from '../../../src/config/environment.ts';

/** What a command writes, kept. */
export class CapturedIo implements CliIo {
  out = '';
  err = '';
  readonly stdout = { write: (text: string) => (this.out += text) };
  readonly stderr = { write: (text: string) => (this.err += text) };
}

/** Runs a command line, such as `['ready', '--wait']`, as the program does; throws if its arguments are wrong. */
export async function runCommand(
  argv: readonly string[],
  env: Environment = {},
): Promise<{ code: number; out: string; err: string }> {
  const { value, error } = parseArguments(argv);
  if (value === undefined) throw new Error(error);
  const io = new CapturedIo();
  const code = await value.command.run(value.args, { io, env, onWarning: () => {}, commands });
  return { code, out: io.out, err: io.err };
}
