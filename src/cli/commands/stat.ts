import type { AskArguments } from '../admin-target.ts';
import type { Command } from '../command.ts';
import { adminFlags, askArguments, output } from '../flags.ts';

export const stat: Command<AskArguments> = {
  name: 'stat',
  summary: 'show calls, errors and latency of a running sidecar',
  usage: '[options]',
  detail: [],
  examples: ['outrigger stat', 'outrigger stat -o json'],
  flags: [...adminFlags, output],
  parse: ({ one }) => ({ value: askArguments(one) }),
  run: async (args, { io, env }) => (await import('../stat.ts')).stat(args, io, env),
};
