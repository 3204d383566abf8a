import type { Command, FlagSpec } from './command.ts';
import { flagsOf } from './completion/words.ts';
import { type CliIo, ExitCode } from './io.ts';
import { packageVersion } from './version.ts';

/** Prints the manual page, in the macros of man(7). */
export async function man(io: CliIo, commands: readonly Command[]): Promise<number> {
  io.stdout.write(manPage(commands, packageVersion()));
  return ExitCode.Fine;
}

const exitCodes: ReadonlyArray<readonly [number, string]> = [
  [ExitCode.Fine, 'The command did its work.'],
  [ExitCode.Failed, 'It could not; the reason is on standard error.'],
  [ExitCode.Usage, 'The command line or the configuration is wrong.'],
  [ExitCode.Unanswered, 'No sidecar answers at the admin address.'],
];

export function manPage(commands: readonly Command[], version: string): string {
  const lines = [
    `.TH OUTRIGGER 1 "" "Outrigger ${roff(version)}" "User Commands"`,
    '.SH NAME',
    'outrigger \\- balance each gRPC call over the replicas of a service',
    '.SH SYNOPSIS',
    '.B outrigger',
    '.I COMMAND',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    'Outrigger is a sidecar. It takes the gRPC calls and HTTP requests that a service sends or receives, and balances each of',
    'them, not each connection, over the replicas of a cluster. The command',
    '.B outrigger run',
    'is the sidecar; most other commands ask a running sidecar over its admin address.',
    '.SH COMMANDS',
    ...commands.flatMap(commandLines),
    '.SH EXIT STATUS',
    ...exitCodes.flatMap(([code, text]) => ['.TP', `.B ${code}`, text]),
    '.PP',
    'Commands whose codes mean more than that list them above.',
    '.SH ENVIRONMENT',
    ...variableLines(commands),
    '.TP',
    '.B NO_COLOR',
    'If it is set, no command uses colour. Commands use colour on a terminal only.',
  ];
  return `${lines.join('\n')}\n`;
}

function commandLines(command: Command): string[] {
  const { name, usage, summary, detail, examples } = command;
  const sentence = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
  return [
    `.SS outrigger ${roff(name)}`,
    `.B outrigger ${roff(name)}`,
    roffLine(usage),
    '.PP',
    roffLine(sentence),
    ...(detail.length === 0 ? [] : ['.PP', '.nf', ...detail.map(roffLine), '.fi']),
    ...flagsOf(command).flatMap(flagLines),
    ...(examples.length === 0
      ? []
      : ['.PP', 'Examples:', '.PP', '.RS', '.nf', ...examples.map(roffLine), '.fi', '.RE']),
  ];
}

function flagLines({ name, short, value, doc, variable }: FlagSpec): string[] {
  const dashes = short === undefined ? `--${name}` : `-${short}, --${name}`;
  const words = variable === undefined ? doc : `${doc} [$${variable}]`;
  const placeholder = value === undefined ? '' : ` \\fI${roff(value)}\\fR`;
  return ['.TP', `\\fB${roff(dashes)}\\fR${placeholder}`, roffLine(words)];
}

/** Each variable once, with the flag that it stands for. */
function variableLines(commands: readonly Command[]): string[] {
  const flags = new Map<string, FlagSpec>();
  for (const flag of commands.flatMap((command) => command.flags))
    if (flag.variable !== undefined && !flags.has(flag.variable)) flags.set(flag.variable, flag);
  return [...flags].flatMap(([variable, { name }]) => [
    '.TP',
    `.B ${roff(variable)}`,
    `Sets the same option as \\fB${roff(`--${name}`)}\\fR.`,
  ]);
}

/** Text that roff shows as it is: a hyphen stays one that can be copied, and no character begins an escape. */
function roff(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...').replaceAll("'", '\\(aq');
}

/** A line of its own must not begin with a control character of roff. */
function roffLine(text: string): string {
  const safe = roff(text);
  return safe.startsWith('.') || safe === '' ? `\\&${safe}` : safe;
}
