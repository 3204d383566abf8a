import { listed, shown } from '../../schema/problem.ts';
import type { Command } from '../command.ts';
import type { CompletionArguments } from '../completion/completion.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

export const completion: Command<CompletionArguments> = {
  name: 'completion',
  summary: 'print the completion script for bash, zsh or fish',
  usage: 'SHELL',
  detail: [
    'SHELL is bash, zsh or fish. To complete commands, flags and values in each new shell:',
    '  bash  add to ~/.bashrc: source <(outrigger completion bash)',
    '  zsh   add to ~/.zshrc, after compinit: source <(outrigger completion zsh)',
    '  fish  outrigger completion fish > ~/.config/fish/completions/outrigger.fish',
  ],
  examples: [
    'source <(outrigger completion bash)',
    'outrigger completion fish > ~/.config/fish/completions/outrigger.fish',
  ],
  flags: [],
  positional: 'SHELL',
  positionalWords: shells,
  parse({ positional }) {
    const shell = shells.find((name) => name === positional);
    if (shell !== undefined) return { value: { shell } };
    const example = 'write outrigger completion bash';
    if (positional === undefined) return { error: `no shell is given; ${example}` };
    return { error: `${shown(positional)} is not a known shell; write ${listed(shells)}` };
  },
  run: async (args, { io, commands }) =>
    (await import('../completion/completion.ts')).completion(args, io, commands),
};
