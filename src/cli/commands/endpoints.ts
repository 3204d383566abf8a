import type { AskArguments } from '../admin-target.ts';
import type { Command } from '../command.ts';
import { adminFlags, askArguments, output } from '../flags.ts';

export const endpoints: Command<AskArguments> = {
  name: 'endpoints',
  summary: 'show the endpoints of a running sidecar, with health and load',
  usage: '[options]',
  detail: [],
  examples: ['outrigger endpoints', 'outrigger endpoints --admin 127.0.0.1:15000 -o json'],
  flags: [...adminFlags, output],
  parse: ({ one }) => ({ value: askArguments(one) }),
  run: async (args, { io, env }) => (await import('../endpoints.ts')).endpoints(args, io, env),
};
