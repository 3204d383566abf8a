import { parseDuration } from '../../core/units.ts';
import { shown } from '../../schema/problem.ts';
import type { Command } from '../command.ts';
import { closeDebuggerOfSignal } from '../debugger.ts';
import { adminFlags, askArguments, output } from '../flags.ts';
import type { ReadyArguments } from '../ready.ts';

export const ready: Command<ReadyArguments> = {
  name: 'ready',
  summary: 'show whether a running sidecar is ready, or wait until it is ready',
  usage: '[options] [--usable [CLUSTER ...]]',
  detail: [
    'A sidecar is ready when it can take requests. --usable also requires a usable endpoint in each',
    'named CLUSTER, or in each cluster that a listener uses if none is named.',
    'Exit codes: 0 ready, 1 not ready (the reason is shown), 2 the sidecar has no such cluster, 3 no',
    'sidecar answers.',
    '',
    'To start a service after its sidecar: outrigger ready --wait --usable && exec my-service',
  ],
  examples: [
    'outrigger ready',
    'outrigger ready --wait --timeout 30s',
    'outrigger ready --wait --usable orders payments',
  ],
  flags: [
    { name: 'wait', doc: 'wait until the sidecar is ready, even if its process has not started yet' },
    {
      name: 'usable',
      doc: 'require a usable endpoint in each CLUSTER (every cluster that a listener uses)',
    },
    { name: 'timeout', value: 'DURATION', doc: 'with --wait: longest time to wait (60s)' },
    ...adminFlags,
    output,
  ],
  positional: 'CLUSTER',
  positionalRepeated: true,
  parse({ one, positionals }) {
    const timeout = parseDuration(one.timeout ?? '60s');
    if (timeout.value === undefined) return { error: `--timeout: ${timeout.error}` };
    if (one.timeout !== undefined && one.wait === undefined)
      return { error: '--timeout requires --wait; write outrigger ready --wait --timeout 30s' };
    if (positionals.length > 0 && one.usable === undefined) {
      const write = `outrigger ready --usable ${positionals.map((name) => shown(name).slice(1, -1)).join(' ')}`;
      return { error: `the cluster ${shown(positionals[0])} requires --usable; write ${write}` };
    }
    const waitMs = one.wait === undefined ? 0 : timeout.value;
    const usable = one.usable === undefined ? undefined : positionals;
    return { value: { ...askArguments(one), waitMs, usable } };
  },
  async run(args, { io, env }) {
    const command = await import('../ready.ts');
    // The sidecar may take long to become ready.
    await closeDebuggerOfSignal(env);
    return command.ready(args, io, env);
  },
};
