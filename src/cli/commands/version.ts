import type { Command } from '../command.ts';
import { output, outputOf } from '../flags.ts';
import type { OutputFormat } from '../io.ts';

export const version: Command<{ readonly output: OutputFormat }> = {
  name: 'version',
  summary: 'print the version',
  usage: '[options]',
  detail: [],
  examples: ['outrigger version -o json'],
  flags: [output],
  parse: ({ one }) => ({ value: { output: outputOf(one) } }),
  run: async (args, { io }) => (await import('../version.ts')).version(args, io),
};
