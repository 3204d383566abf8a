import type { AskArguments } from '../admin-target.ts';
import type { Command } from '../command.ts';
import { closeDebuggerOfSignal } from '../debugger.ts';
import { adminFlags, askArguments, output } from '../flags.ts';

export const drain: Command<AskArguments> = {
  name: 'drain',
  summary: 'drain a running sidecar: finish the calls in flight and close its listeners',
  usage: '[options]',
  detail: [
    'Takes these steps, and shows the progress each second:',
    '  1. /ready answers 503. For drain.delay (5s), the sidecar still accepts new connections.',
    '  2. The listeners close. Calls in flight have drain.grace (10s) to finish.',
    '  3. The sidecar terminates the calls that are left.',
    '',
    'Until step 2, outrigger undrain cancels the drain. The process keeps running after the drain;',
    'send SIGTERM to stop it. Exit codes: 0 every call finished, 1 a call was terminated.',
  ],
  examples: ['outrigger drain', 'outrigger drain -o json'],
  flags: [...adminFlags, output],
  parse: ({ one }) => ({ value: askArguments(one) }),
  async run(args, { io, env }) {
    const command = await import('../drain.ts');
    // A drain may take long.
    await closeDebuggerOfSignal(env);
    return command.drain(args, io, env);
  },
};
