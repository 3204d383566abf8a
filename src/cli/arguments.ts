import { parseArgs } from 'node:util';
import type { ConfigFlags } from '../config/load.ts';
import { nearestName } from '../core/nearest.ts';
import { parseDuration } from '../core/units.ts';
import { listed, shown } from '../schema/problem.ts';
import { adminAddress } from './admin-address.ts';
import type { AdminFlags } from './admin-target.ts';
import { type CommandName, type CommandSpec, commands, type FlagSpec, isCommand } from './commands.ts';

export type OutputFormat = 'text' | 'json';

/** A command line that was parsed without errors. */
export type Arguments =
  | { readonly command: 'run'; readonly flags: ConfigFlags }
  | { readonly command: 'validate'; readonly flags: ConfigFlags; readonly output: OutputFormat }
  | { readonly command: 'demo'; readonly seconds: number | undefined; readonly admin: string | undefined }
  | { readonly command: 'schema'; readonly output: 'json' | 'markdown' }
  | { readonly command: 'version'; readonly output: OutputFormat }
  | ({
      readonly command: 'endpoints' | 'stat' | 'reload' | 'drain' | 'undrain';
      readonly output: OutputFormat;
    } & AdminFlags)
  | ({
      readonly command: 'ready';
      readonly output: OutputFormat;
      /** How long to wait, milliseconds; 0 to check once. */
      readonly waitMs: number;
      /** Clusters that must have a usable endpoint; empty for all that a listener uses, undefined for none. */
      readonly usable: readonly string[] | undefined;
    } & AdminFlags)
  | { readonly command: 'help'; readonly topic: CommandName | undefined };

export type ArgumentsResult =
  | { readonly value: Arguments; readonly error?: undefined }
  /** The error message for the user; the exit code is then 2. */
  | { readonly value?: undefined; readonly error: string };

/** The values of the command's own flags and its positional arguments. */
interface Given {
  readonly one: Readonly<Record<string, string>>;
  readonly many: Readonly<Record<string, readonly string[]>>;
  readonly positional: string | undefined;
  readonly positionals: readonly string[];
}

/** Parses `process.argv.slice(2)`. Returns the arguments, or an error message for the user. Never throws. */
export function parseArguments(argv: readonly string[]): ArgumentsResult {
  const [first, ...rest] = argv;
  if (first === undefined)
    return {
      error: `no command is given; write one of ${listed(Object.keys(commands))}, or outrigger --help`,
    };
  if (first === '--help' || first === '-h') return { value: { command: 'help', topic: undefined } };
  if (first === '--version' || first === '-V') return { value: { command: 'version', output: 'text' } };
  if (!isCommand(first)) return { error: unknownCommand(first) };
  const spec: CommandSpec = commands[first];
  const given = parseFlags(first, spec, rest);
  if (given === 'help') return { value: { command: 'help', topic: first } };
  return 'error' in given ? given : build(first, given);
}

function unknownCommand(name: string): string {
  if (name.startsWith('-')) {
    const near = nearestName(name.replace(/^-+/, ''), ['help', 'version']);
    if (name === '-v') return `"-v" is not a flag; did you mean -V?`;
    if (near !== undefined) return `${shown(name)} is not a flag; did you mean --${near}?`;
  }
  if (name.startsWith('-')) return `${shown(name)} must follow a command; write outrigger run ${name} …`;
  const near = nearestName(name, Object.keys(commands));
  return `${shown(name)} is not a command; ${near === undefined ? `write one of ${listed(Object.keys(commands))}` : `did you mean ${near}?`}`;
}

function parseFlags(
  command: string,
  spec: CommandSpec,
  argv: readonly string[],
): Given | 'help' | { error: string } {
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
    if (flag === undefined) return { error: unknownFlag(command, spec, token.rawName) };
    const wrong = wrongValue(flag, token, many[flag.name]);
    if (wrong !== undefined) return { error: wrong };
    many[flag.name] ??= [];
    many[flag.name].push(token.value ?? 'true');
    list = flag.list ? many[flag.name] : undefined;
  }
  const extra = spec.positionalRepeated ? undefined : positionals[spec.positional === undefined ? 0 : 1];
  if (extra !== undefined && command === 'run' && many.config === undefined && many.from === undefined)
    return {
      error: `${shown(extra)} follows no flag; write outrigger run --config ${shown(extra).slice(1, -1)}`,
    };
  if (extra !== undefined)
    return { error: `${command} does not take the argument ${shown(extra)}; ${usageOf(command, spec)}` };
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

function unknownFlag(command: string, spec: CommandSpec, rawName: string): string {
  const names = [...spec.flags.map((flag) => flag.name), 'help'];
  const near = nearestName(rawName.replace(/^-+/, ''), names);
  const others = Object.entries<CommandSpec>(commands).filter(([, other]) =>
    other.flags.some((flag) => `--${flag.name}` === rawName),
  );
  if (near !== undefined) return `${rawName} is not a flag of ${command}; did you mean --${near}?`;
  if (others.length > 0)
    return `${rawName} is a flag of ${listed(
      others.map(([name]) => name),
      'and',
    )}, not of ${command}`;
  return `${rawName} is not a flag of ${command}; see outrigger ${command} --help`;
}

function usageOf(command: string, spec: CommandSpec): string {
  return `write outrigger ${command} ${spec.usage}`;
}

function build(command: CommandName, given: Given): ArgumentsResult {
  const { one, positional } = given;
  const output = (one.output ?? 'text') as OutputFormat;
  switch (command) {
    case 'run':
      return { value: { command, flags: configFlags(given) } };
    case 'validate': {
      if (positional !== undefined && one.config !== undefined)
        return {
          error: `the file is given twice, as ${shown(positional)} and with --config; write one of them`,
        };
      const flags = configFlags(given);
      return {
        value: {
          command,
          flags: positional === undefined ? flags : { ...flags, config: positional },
          output,
        },
      };
    }
    case 'demo': {
      const seconds = one.seconds === undefined ? undefined : Number(one.seconds);
      if (seconds !== undefined && !(seconds > 0 && seconds <= 86_400))
        return {
          error: `--seconds: ${shown(one.seconds)} is not a valid number of seconds; write a number from 1 to 86400`,
        };
      const admin = one.admin === undefined ? undefined : adminAddress(one.admin, {});
      if (admin?.error !== undefined) return { error: admin.error };
      return { value: { command, seconds, admin: one.admin } };
    }
    case 'schema':
      return { value: { command, output: one.output === 'markdown' ? 'markdown' : 'json' } };
    case 'version':
      return { value: { command, output } };
    case 'endpoints':
    case 'stat':
    case 'reload':
    case 'drain':
    case 'undrain':
      return { value: { command, ...adminFlagsOf(one), output } };
    case 'ready':
      return readyArguments(given, output);
    case 'help':
      if (positional === undefined || isCommand(positional)) return { value: { command, topic: positional } };
      return { error: unknownCommand(positional) };
  }
}

function adminFlagsOf(one: Given['one']): AdminFlags {
  const given = {
    adminTokenFile: one['admin-token-file'],
    adminTlsCa: one['admin-tls-ca'],
    adminTlsCert: one['admin-tls-cert'],
    adminTlsKey: one['admin-tls-key'],
  };
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return { admin: one.admin, ...Object.fromEntries(entries) };
}

function readyArguments({ one, positionals }: Given, output: OutputFormat): ArgumentsResult {
  const timeout = parseDuration(one.timeout ?? '60s');
  if (timeout.value === undefined) return { error: `--timeout: ${timeout.error}` };
  if (one.timeout !== undefined && one.wait === undefined)
    return { error: '--timeout requires --wait; write outrigger ready --wait --timeout 30s' };
  if (positionals.length > 0 && one.usable === undefined) {
    const write = `outrigger ready --usable ${positionals.map((name) => shown(name).slice(1, -1)).join(' ')}`;
    return { error: `the cluster ${shown(positionals[0])} requires --usable; write ${write}` };
  }
  const waitMs = one.wait === undefined ? 0 : timeout.value;
  const usable = one.usable === undefined ? undefined : positionals;
  return { value: { command: 'ready', ...adminFlagsOf(one), output, waitMs, usable } };
}

/** Returns the flags in the form that the configuration loader takes: file, targets, and settings by the table's flags. */
function configFlags({ one, many }: Given): ConfigFlags {
  const { config, from, to: _to, output: _output, ...settings } = one;
  return { config, from, to: many.to, settings };
}
