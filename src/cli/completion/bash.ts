import type { Command } from '../command.ts';
import { argumentsOf, type Candidates, flagsOf, valuesOf } from './words.ts';

/** Returns the completion script for bash 3.2 and later, without the bash-completion package. */
export function bashCompletion(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name);
  return `# bash completion for outrigger
_outrigger_files() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$1"))
  type compopt >/dev/null 2>&1 && compopt -o filenames 2>/dev/null
}
_outrigger() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} flags='' words='' files=''
  COMPREPLY=()
  # bash splits --output=json at the equals sign.
  [[ $cur == '=' ]] && cur=''
  [[ $prev == '=' ]] && prev=\${COMP_WORDS[COMP_CWORD-2]}
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${[...names, '--help', '--version'].join(' ')}' -- "$cur"))
    return
  fi
  case "\${COMP_WORDS[1]} $prev" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "\${COMP_WORDS[1]}" in
${commands.map((command) => commandCase(command, commands)).join('\n')}
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  elif [[ -n $files ]]; then
    _outrigger_files "$cur"
  fi
}
complete -F _outrigger outrigger
`;
}

function valueCases(command: Command): string[] {
  const cases = new Map<string, string[]>();
  for (const flag of flagsOf(command)) {
    const values = valuesOf(flag);
    if (values === null) continue;
    const names = [`--${flag.name}`, ...(flag.short === undefined ? [] : [`-${flag.short}`])];
    const patterns = names.map((name) => `'${command.name} ${name}'`);
    const action = actionOf(values);
    cases.set(action, [...(cases.get(action) ?? []), ...patterns]);
  }
  return [...cases].map(([action, patterns]) => `    ${patterns.join(' | ')}) ${action} ;;`);
}

function actionOf(values: Candidates): string {
  switch (values.kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W '${values.words.join(' ')}' -- "$cur")); return`;
    case 'files':
      return '_outrigger_files "$cur"; return';
    case 'unknown':
      return 'return';
  }
}

function commandCase(command: Command, commands: readonly Command[]): string {
  const flags = flagsOf(command).map(({ name }) => `--${name}`);
  const positional = argumentsOf(command, commands);
  const words = positional?.kind === 'words' ? ` words='${positional.words.join(' ')}'` : '';
  const files = positional?.kind === 'files' ? ' files=1' : '';
  return `    ${command.name}) flags='${flags.join(' ')}'${words}${files} ;;`;
}
