import type { Command } from '../command.ts';
import { closeDebuggerOfSignal } from '../debugger.ts';
import type { DrainArguments } from '../drain.ts';
import { adminFlags, askArguments, output } from '../flags.ts';

export const drain: Command<DrainArguments> = {
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
    '',
    'With --inbound, no listener closes: /ready answers 503, and for drain.delay clients of listeners',
    'with direction: inbound are asked to open another connection. Use it as the preStop hook of a',
    'sidecar in Kubernetes.',
  ],
  examples: ['outrigger drain', 'outrigger drain -o json', 'outrigger drain --inbound'],
  flags: [
    { name: 'inbound', doc: 'only ask the clients of inbound listeners to open another connection' },
    ...adminFlags,
    output,
  ],
  parse: ({ one }) => ({ value: { ...askArguments(one), inbound: one.inbound !== undefined } }),
  async run(args, { io, env }) {
    const command = await import('../drain.ts');
    // A drain may take long.
    await closeDebuggerOfSignal(env);
    return command.drain(args, io, env);
  },
};
