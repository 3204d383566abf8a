import { parseArgs } from 'node:util';
import { nearestName } from '../core/nearest.ts';
import { listed, shown } from '../schema/problem.ts';
import type { Command, FlagSpec, Given } from './command.ts';
import { help } from './commands/help.ts';
import { version } from './commands/version.ts';
import { commandNames, commandOf, commands } from './commands.ts';
import { unknownCommand } from './unknown-command.ts';

/** A command line that was parsed without errors: the command, and what its `run` takes. */
export interface Arguments {
  readonly command: Command;
  readonly args: unknown;
}

export type ArgumentsResult =
  | { readonly value: Arguments; readonly error?: undefined }
  /** The error message for the user; the exit code is then 2. */
  | { readonly value?: undefined; readonly error: string };

/** Parses `process.argv.slice(2)`. Returns the arguments, or an error message for the user. Never throws. */
export function parseArguments(argv: readonly string[]): ArgumentsResult {
  const [first, ...rest] = argv;
  if (first === undefined)
    return { error: `no command is given; write one of ${listed(commandNames)}, or outrigger --help` };
  if (first === '--help' || first === '-h') return helpOf(undefined);
  if (first === '--version' || first === '-V')
    return { value: { command: version, args: { output: 'text' } } };
  const command = commandOf(first);
  if (command === undefined) return { error: unknownCommand(first, commandNames) };
  const given = parseFlags(command, rest);
  if (given === 'help') return helpOf(first);
  if ('error' in given) return given;
  const args = command.parse(given, commands);
  return args.error === undefined ? { value: { command, args: args.value } } : { error: args.error };
}

function helpOf(topic: string | undefined): ArgumentsResult {
  return { value: { command: help, args: { topic } } };
}

function parseFlags(spec: Command, argv: readonly string[]): Given | 'help' | { error: string } {
  const byName = new Map(spec.flags.map((flag) => [flag.name, flag]));
  const options = Object.fromEntries(
    spec.flags.map(({ name, short, value }) => [
      name,
      {
        type: value === undefined ? 'boolean' : 'string',
        multiple: true,
        ...(short === undefined ? {} : { short }),
      },
    ]),
  ) as NonNullable<Parameters<typeof parseArgs>[0]>['options'];
  // In strict mode, Node throws its own message at the first error. The tokens contain all that we need for ours.
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const many: Record<string, string[]> = {};
  const positionals: string[] = [];
  let list: string[] | undefined;
  for (const token of tokens) {
    if (token.kind === 'positional' && list !== undefined && continues(list.at(-1)!, token.value))
      list.push(`${list.pop()} ${token.value}`);
    else if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    if (token.name === 'help' || token.name === 'h') return 'help';
    const flag = byName.get(token.name);
    if (flag === undefined) return { error: unknownFlag(spec, token.rawName) };
    const wrong = wrongValue(flag, token, many[flag.name]);
    if (wrong !== undefined) return { error: wrong };
    many[flag.name] ??= [];
    many[flag.name].push(token.value ?? 'true');
    list = flag.list ? many[flag.name] : undefined;
  }
  const extra = spec.positionalRepeated ? undefined : positionals[spec.positional === undefined ? 0 : 1];
  if (extra !== undefined) return { error: spec.explainExtra?.(extra, many) ?? extraArgument(extra, spec) };
  const one = Object.fromEntries(
    Object.entries(many).map(([name, values]) => [name, values[values.length - 1]]),
  );
  return { one, many, positional: positionals[0], positionals };
}

/** Returns whether an argument continues a list: the shell passes `--to a:1, b:2` as two arguments. */
function continues(before: string, argument: string): boolean {
  return before.endsWith(',') || argument.startsWith(',');
}

function wrongValue(
  flag: FlagSpec,
  token: { rawName: string; value?: string; inlineValue?: boolean },
  before: readonly string[] | undefined,
): string | undefined {
  const { value, inlineValue } = token;
  if (flag.value === undefined)
    return value === undefined ? undefined : `${token.rawName} takes no value; write ${token.rawName}`;
  // In `--config --from x`, `--from` is a flag and not the value of `--config`. `--config=--from` makes it the value.
  if (value === undefined || value === '' || (!inlineValue && value.startsWith('-') && value.length > 1))
    return `${token.rawName} has no value; write ${token.rawName} ${flag.value}`;
  if (before !== undefined && !flag.repeated) return `${token.rawName} is given twice; write it once`;
  if (flag.words !== undefined && !flag.words.includes(value))
    return `${token.rawName}: ${shown(value)} is not a known value; write ${listed(flag.words)}`;
  return undefined;
}

function extraArgument(argument: string, { name, usage }: Command): string {
  return `${name} does not take the argument ${shown(argument)}; write outrigger ${name} ${usage}`;
}

function unknownFlag({ name: command, flags }: Command, rawName: string): string {
  const names = [...flags.map((flag) => flag.name), 'help'];
  const near = nearestName(rawName.replace(/^-+/, ''), names);
  const others = commands.filter((other) => other.flags.some((flag) => `--${flag.name}` === rawName));
  if (near !== undefined) return `${rawName} is not a flag of ${command}; did you mean --${near}?`;
  if (others.length > 0)
    return `${rawName} is a flag of ${listed(
      others.map(({ name }) => name),
      'and',
    )}, not of ${command}`;
  return `${rawName} is not a flag of ${command}; see outrigger ${command} --help`;
}
