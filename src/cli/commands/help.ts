import type { Command } from '../command.ts';
import type { HelpArguments } from '../help.ts';
import { unknownCommand } from '../unknown-command.ts';

export const help: Command<HelpArguments> = {
  name: 'help',
  summary: 'show this help, or the help of a command',
  usage: '[COMMAND]',
  detail: [],
  examples: ['outrigger help run'],
  flags: [],
  positional: 'COMMAND',
  parse({ positional: topic }, commands) {
    if (topic === undefined || commands.some(({ name }) => name === topic)) return { value: { topic } };
    return {
      error: unknownCommand(
        topic,
        commands.map(({ name }) => name),
      ),
    };
  },
  run: async (args, { io, commands }) => (await import('../help.ts')).showHelp(args, io, commands),
};
