import type { Command, FlagSpec } from './command.ts';
import { flagsOf } from './completion/words.ts';
import { type CliIo, ExitCode } from './io.ts';

/** The command whose help to show; undefined for the list of commands. */
export interface HelpArguments {
  readonly topic: string | undefined;
}

const widthColumns = 100;

/** Writes what `outrigger help`, `outrigger help run` and `outrigger run --help` show; returns the exit code. */
export async function showHelp(
  args: HelpArguments,
  io: CliIo,
  commands: readonly Command[],
): Promise<number> {
  const topic = commands.find(({ name }) => name === args.topic);
  io.stdout.write(topic === undefined ? overview(commands) : commandHelp(topic));
  return ExitCode.Fine;
}

/** Returns the screen with all commands, one on each line. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'Outrigger balances each gRPC call, not each connection, over the replicas of a service.',
    '',
    'Usage: outrigger COMMAND [options]',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
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
export function commandHelp(spec: Command): string {
  const summary = `${spec.summary.charAt(0).toUpperCase()}${spec.summary.slice(1)}.`;
  const lines = [`Usage: outrigger ${spec.name} ${spec.usage}`, '', summary, ...spec.detail];
  const flags = flagsOf(spec);
  lines.push('', 'Options:', ...flagLines(flags));
  if (spec.flags.some((flag) => flag.variable !== undefined))
    lines.push('', '[$NAME] is the environment variable that sets the same option.');
  if (spec.examples.length > 0)
    lines.push('', 'Examples:', ...spec.examples.map((example) => `  ${example}`));
  return `${lines.join('\n')}\n`;
}

function flagLines(flags: readonly FlagSpec[]): string[] {
  const left = flags.map(({ name, short, value }) => {
    const dashes = short === undefined ? `    --${name}` : `-${short}, --${name}`;
    return value === undefined ? dashes : `${dashes} ${value}`;
  });
  // A flag with a long value gets its own line, so that it does not push every description to the right.
  const width = Math.max(...left.filter((text) => text.length <= 28).map((text) => text.length));
  return flags.flatMap(({ doc, variable }, i) => {
    const words = variable === undefined ? doc : `${doc} [$${variable}]`;
    const wrapped = wrap(words, widthColumns - width - 4);
    const indent = ' '.repeat(width + 4);
    const tooWide = left[i].length > width;
    const head = tooWide
      ? [`  ${left[i]}`, `${indent}${wrapped[0]}`]
      : [`  ${left[i].padEnd(width)}  ${wrapped[0]}`];
    return [...head, ...wrapped.slice(1).map((line) => `${indent}${line}`)];
  });
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
