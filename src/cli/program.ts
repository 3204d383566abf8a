import type { Environment } from '../config/environment.ts';
import { safeLines } from '../core/safe-text.ts';
import { parseArguments } from './arguments.ts';
import { commands } from './commands.ts';
import { type CliIo, ExitCode, type TextOut } from './io.ts';
import { takeNodeWarnings } from './node-warnings.ts';
import { screenOf } from './screen.ts';

/** Finds out which command is meant and runs it. Returns the exit code. */
export async function program(argv: readonly string[], env: Environment): Promise<number> {
  let isClosed = false;
  // A reader such as `head` may go at any time: what is written then is lost, and that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    isClosed = true;
  });
  const io: CliIo = {
    stdout: safeOut(process.stdout),
    stderr: safeOut(process.stderr),
    screen: screenOf(process.stdout, process.stdin, env),
    isClosed: () => isClosed,
  };
  const onWarning = takeNodeWarnings(process, [...process.execArgv, env.NODE_OPTIONS ?? '']);
  const parsed = parseArguments(argv);
  if (parsed.value === undefined) {
    io.stderr.write(`${parsed.error}\n`);
    return ExitCode.Usage;
  }
  const { command, args } = parsed.value;
  return command.run(args, { io, env, onWarning, commands });
}

/** What commands print may quote files, replies and arguments: nothing of that may control the terminal. */
function safeOut(out: TextOut): TextOut {
  return {
    write: (text) => out.write(safeLines(text)),
    get writableLength() {
      return out.writableLength;
    },
  };
}
