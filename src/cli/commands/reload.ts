import type { AskArguments } from '../admin-target.ts';
import type { Command } from '../command.ts';
import { adminFlags, askArguments, output } from '../flags.ts';

export const reload: Command<AskArguments> = {
  name: 'reload',
  summary: 'reload the configuration of a running sidecar',
  usage: '[options]',
  detail: [
    'Applies the whole new configuration, or changes nothing and shows all errors.',
    'SIGHUP and, with run --watch, a change of the file do the same.',
    'Exit codes: 0 the configuration was applied, 1 it was refused.',
  ],
  examples: ['outrigger reload', 'outrigger reload --admin 127.0.0.1:15000 -o json'],
  flags: [...adminFlags, output],
  parse: ({ one }) => ({ value: askArguments(one) }),
  run: async (args, { io, env }) => (await import('../reload.ts')).reload(args, io, env),
};
