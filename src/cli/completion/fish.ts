import type { Command, FlagSpec } from '../command.ts';
import { argumentsOf, type Candidates, flagsOf, valuesOf } from './words.ts';

/** Returns the completion script for fish. */
export function fishCompletion(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c outrigger -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.summary)}`,
    ...flagsOf(command).map((flag) => flagLine(command, flag)),
    ...argumentLine(command, commands),
  ]);
  return `# fish completion for outrigger
complete -c outrigger -f
complete -c outrigger -n __fish_use_subcommand -l help -s h -d 'show this help'
complete -c outrigger -n __fish_use_subcommand -l version -s V -d 'print the version'
${lines.join('\n')}
`;
}

function flagLine(command: Command, flag: FlagSpec): string {
  const short = flag.short === undefined ? '' : ` -s ${flag.short}`;
  const values = valuesOf(flag);
  const value = values === null ? '' : ` ${valueOptions(values)}`;
  return `complete -c outrigger -n ${seen(command)} -l ${flag.name}${short}${value} -d ${quoted(flag.doc)}`;
}

function argumentLine(command: Command, commands: readonly Command[]): string[] {
  const positional = argumentsOf(command, commands);
  if (positional === null || positional.kind === 'unknown') return [];
  const values = positional.kind === 'files' ? '-F' : `-a ${quoted(positional.words.join(' '))}`;
  return [`complete -c outrigger -n ${seen(command)} ${values}`];
}

/** `-x` requires a value and completes no files, `-r -F` requires one and completes files. */
function valueOptions(values: Candidates): string {
  switch (values.kind) {
    case 'words':
      return `-x -a ${quoted(values.words.join(' '))}`;
    case 'files':
      return '-r -F';
    case 'unknown':
      return '-x';
  }
}

/** Only the first word behind `outrigger` is the command: `help run` must not offer the flags of `run`. */
function seen({ name }: Command): string {
  return quoted(`test "$(commandline -opc)[2]" = ${name}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
