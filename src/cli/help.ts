import type { Command, FlagSpec } from './command.ts';
import { flagsOf } from './completion/words.ts';
import { type CliIo, ExitCode } from './io.ts';

/** The command whose help to show; undefined for the list of commands. */
export interface HelpArguments {
  readonly topic: string | undefined;
}

/** Help is no wider than this, and on a terminal that is narrower it is folded, down to a width that leaves room for descriptions. */
const columnsMax = 100;
const columnsMin = 60;

/** Writes what `outrigger help`, `outrigger help run` and `outrigger run --help` show; returns the exit code. */
export async function showHelp(
  args: HelpArguments,
  io: CliIo,
  commands: readonly Command[],
): Promise<number> {
  const topic = commands.find(({ name }) => name === args.topic);
  const columns = Math.max(columnsMin, Math.min(columnsMax, io.screen?.columns ?? columnsMax));
  io.stdout.write(topic === undefined ? overview(commands, columns) : commandHelp(topic, columns));
  return ExitCode.Fine;
}

/** Returns the screen with all commands. */
export function overview(commands: readonly Command[], columns = columnsMax): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    ...wrap(
      'Outrigger balances each gRPC call, not each connection, over the replicas of a service.',
      columns,
    ),
    '',
    'Usage: outrigger COMMAND [options]',
    '',
    'Commands:',
    ...commands.flatMap(({ name, summary }) => hanging(`  ${name.padEnd(width)}  `, summary, columns)),
    '',
    'Examples:',
    '  outrigger demo',
    '  outrigger run --from 127.0.0.1:15001 --to 127.0.0.1:50051,127.0.0.1:50052',
    '',
    'Run "outrigger COMMAND --help" to see the options of a command.',
    '',
  ].join('\n');
}

/** Returns the screen of one command: usage, description, flags with their variables, examples. */
export function commandHelp(spec: Command, columns = columnsMax): string {
  const summary = `${spec.summary.charAt(0).toUpperCase()}${spec.summary.slice(1)}.`;
  const lines = hanging(`Usage: outrigger ${spec.name} `, spec.usage, columns);
  lines.push('', ...[summary, ...spec.detail].flatMap((line) => folded(line, columns)));
  const flags = flagsOf(spec);
  lines.push('', 'Options:', ...flagLines(flags, columns));
  if (spec.flags.some((flag) => flag.variable !== undefined))
    lines.push('', ...wrap('[$NAME] is the environment variable that sets the same option.', columns));
  if (spec.examples.length > 0)
    lines.push('', 'Examples:', ...spec.examples.map((example) => `  ${example}`));
  return `${lines.join('\n')}\n`;
}

function flagLines(flags: readonly FlagSpec[], columns: number): string[] {
  const left = flags.map(({ name, short, value }) => {
    const dashes = short === undefined ? `    --${name}` : `-${short}, --${name}`;
    return value === undefined ? dashes : `${dashes} ${value}`;
  });
  // A flag with a long value gets its own line, so that it does not push every description to the right.
  const width = Math.max(...left.filter((text) => text.length <= 28).map((text) => text.length));
  return flags.flatMap(({ doc, variable }, i) => {
    const words = variable === undefined ? doc : `${doc} [$${variable}]`;
    const indent = ' '.repeat(width + 4);
    return left[i].length > width
      ? [`  ${left[i]}`, ...hanging(indent, words, columns)]
      : hanging(`  ${left[i].padEnd(width)}  `, words, columns);
  });
}

/** Lines of at most `columns` that begin with `head`, and with as many spaces from the second on. */
function hanging(head: string, text: string, columns: number): string[] {
  const indent = ' '.repeat(head.length);
  return wrap(text, columns - head.length).map((line, i) => `${i === 0 ? head : indent}${line}`);
}

/** A line that fits stays as it is; another one is folded behind its own indent. */
function folded(line: string, columns: number): string[] {
  if (line.length <= columns) return [line];
  const text = line.trimStart();
  return hanging(line.slice(0, line.length - text.length), text, columns);
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    if (last !== '' && last.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
