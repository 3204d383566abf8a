import type { Command, FlagSpec } from '../command.ts';
import { argumentsOf, type Candidates, flagsOf, valuesOf } from './words.ts';

/** Returns the completion script for zsh: a function for `fpath`, which can be sourced as well. */
export function zshCompletion(commands: readonly Command[]): string {
  const described = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  return `#compdef outrigger
# zsh completion for outrigger
_outrigger() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe -t commands command commands
    _arguments '--help[show this help]' '--version[print the version]'
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${commands.map((command) => commandCase(command, commands)).join('\n')}
  esac
}
if [[ $funcstack[1] == _outrigger ]]; then
  _outrigger "$@"
else
  compdef _outrigger outrigger
fi
`;
}

function commandCase(command: Command, commands: readonly Command[]): string {
  const specs = flagsOf(command).flatMap(flagSpecs);
  const positional = argumentsOf(command, commands);
  const count = command.positionalRepeated ? '*' : '1';
  const last = positional === null ? [] : [quoted(`${count}:${command.positional}:${actionOf(positional)}`)];
  return `    ${command.name})
      _arguments -s \\
        ${[...specs, ...last].join(' \\\n        ')}
      ;;`;
}

function flagSpecs(flag: FlagSpec): string[] {
  const values = valuesOf(flag);
  const names = [`--${flag.name}`, ...(flag.short === undefined ? [] : [`-${flag.short}`])];
  const excluded = flag.repeated ? '*' : `(${names.join(' ')})`;
  const doc = flag.doc.replace(/[[\]]/g, '\\$&');
  const value = values === null ? '' : `:${(flag.value ?? '').replaceAll(':', '\\:')}:${actionOf(values)}`;
  return names.map((name) => {
    const mark = values === null ? '' : name.startsWith('--') ? '=' : '+';
    return quoted(`${excluded}${name}${mark}[${doc}]${value}`);
  });
}

function actionOf(values: Candidates): string {
  switch (values.kind) {
    case 'words':
      return `(${values.words.join(' ')})`;
    case 'files':
      return '_files';
    case 'unknown':
      return '';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
