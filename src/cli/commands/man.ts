import type { Command } from '../command.ts';

export const man: Command<object> = {
  name: 'man',
  summary: 'print the manual page',
  usage: '[options]',
  detail: ['Prints the page as roff, for man, mandoc and groff.'],
  examples: ['outrigger man | man -l -', 'outrigger man > /usr/local/share/man/man1/outrigger.1'],
  flags: [],
  parse: () => ({ value: {} }),
  run: async (_args, { io, commands }) => (await import('../man.ts')).man(io, commands),
};
