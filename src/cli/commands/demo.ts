import { systemClock } from '../../core/clock.ts';
import { shown } from '../../schema/problem.ts';
import { adminAddress } from '../admin-address.ts';
import type { Command } from '../command.ts';
import { closeDebuggerOfSignal } from '../debugger.ts';
import type { DemoArguments } from '../demo-command.ts';
import { admin } from '../flags.ts';
import { processSignals } from '../signals.ts';

export const demo: Command<DemoArguments> = {
  name: 'demo',
  summary: 'run three replicas, a sidecar and a load generator, and show the live page',
  usage: '[options]',
  detail: [
    'Requires nothing else to run. Each second it prints calls, errors, latency and the share of each',
    'replica. Ctrl-C ends the demo and prints a summary.',
  ],
  examples: ['outrigger demo', 'outrigger demo --seconds 10'],
  flags: [
    {
      name: 'seconds',
      value: 'N',
      doc: 'end the demo after N seconds (never)',
      variable: 'DEMO_SECONDS',
    },
    { ...admin, doc: 'address of the live page (127.0.0.1:15000)' },
  ],
  parse({ one }) {
    const seconds = one.seconds === undefined ? undefined : Number(one.seconds);
    if (seconds !== undefined && !(seconds > 0 && seconds <= 86_400))
      return {
        error: `--seconds: ${shown(one.seconds)} is not a valid number of seconds; write a number from 1 to 86400`,
      };
    const address = one.admin === undefined ? undefined : adminAddress(one.admin, {});
    if (address?.error !== undefined) return { error: address.error };
    return { value: { seconds, admin: one.admin } };
  },
  async run(args, { io, env, onWarning }) {
    const signals = { ...processSignals(process, systemClock), onWarning };
    const command = await import('../demo-command.ts');
    await closeDebuggerOfSignal(env);
    return command.demo(args, io, env, signals);
  },
};
