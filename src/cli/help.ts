import { type CommandName, type CommandSpec, commands, type FlagSpec } from './commands.ts';
import { type CliIo, ExitCode } from './io.ts';

const widthColumns = 100;

/** `outrigger help`, `outrigger help run`, `outrigger run --help`. */
export async function showHelp(
  args: { readonly topic: CommandName | undefined },
  io: CliIo,
): Promise<number> {
  io.stdout.write(args.topic === undefined ? overview() : commandHelp(args.topic));
  return ExitCode.Fine;
}

/** All commands, a line each. */
export function overview(): string {
  const entries = Object.entries<CommandSpec>(commands);
  const width = Math.max(...entries.map(([name]) => name.length));
  return [
    'Outrigger spreads every gRPC call, not every connection, over the replicas of a service.',
    '',
    'Usage: outrigger COMMAND [options]',
    '',
    'Commands:',
    ...entries.map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Try it:  outrigger demo',
    'Use it:  outrigger run --from 127.0.0.1:15001 --to 127.0.0.1:50051 --to 127.0.0.1:50052',
    'More:    outrigger COMMAND --help',
    '',
  ].join('\n');
}

/** Usage, flags with their variables, examples. */
export function commandHelp(name: CommandName): string {
  const spec: CommandSpec = commands[name];
  const summary = `${spec.summary.charAt(0).toUpperCase()}${spec.summary.slice(1)}.`;
  const lines = [`Usage: outrigger ${name} ${spec.usage}`, '', summary, ...spec.detail];
  const flags = [...spec.flags, { name: 'help', short: 'h', doc: 'show this help' }];
  lines.push('', 'Options:', ...flagLines(flags));
  if (spec.flags.some((flag) => flag.variable !== undefined))
    lines.push('', 'In brackets: the environment variable with the same effect.');
  if (spec.examples.length > 0)
    lines.push('', 'Examples:', ...spec.examples.map((example) => `  ${example}`));
  return `${lines.join('\n')}\n`;
}

function flagLines(flags: readonly FlagSpec[]): string[] {
  const left = flags.map(({ name, short, value }) => {
    const dashes = short === undefined ? `    --${name}` : `-${short}, --${name}`;
    return value === undefined ? dashes : `${dashes} ${value}`;
  });
  // A value with many words gets a line of its own rather than pushing every text to the right.
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
