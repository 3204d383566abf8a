import type { AskArguments } from '../admin-target.ts';
import type { Command } from '../command.ts';
import { adminFlags, askArguments, output } from '../flags.ts';

export const undrain: Command<AskArguments> = {
  name: 'undrain',
  summary: 'cancel the drain of a running sidecar, before its listeners close',
  usage: '[options]',
  detail: [
    'Exit codes: 0 the sidecar serves requests (also if it was not draining), 1 the listeners have',
    'closed or the process is stopping.',
  ],
  examples: ['outrigger undrain', 'outrigger undrain --admin 127.0.0.1:15000 -o json'],
  flags: [...adminFlags, output],
  parse: ({ one }) => ({ value: askArguments(one) }),
  run: async (args, { io, env }) => (await import('../undrain.ts')).undrain(args, io, env),
};
