import type { ConfigFlags } from '../../config/load.ts';
import { systemClock } from '../../core/clock.ts';
import { shown } from '../../schema/problem.ts';
import type { Command } from '../command.ts';
import { closeDebuggerOfSignal } from '../debugger.ts';
import { configFlags, configFlagsOf } from '../flags.ts';
import { processSignals } from '../signals.ts';

export const run: Command<ConfigFlags> = {
  name: 'run',
  summary: 'run the sidecar',
  usage: '(--config FILE | --from ADDR --to TARGET ...) [options]',
  detail: [
    'Accepts calls on its listeners and balances each of them over the replicas of a cluster.',
    'A flag overrides its environment variable, and the variable overrides the file.',
    '',
    'Signals:',
    '  SIGTERM, SIGINT, SIGQUIT  drain, then exit; a second one, a second or more later, ends the drain',
    '  SIGHUP                    reload the configuration and reopen the access log',
    '  SIGUSR1                   reopen the access log',
    '',
    'Exit codes:',
    '  0  drained, and every call in flight finished',
    '  1  could not start, or terminated calls when the drain ended',
    '  2  the command line or the configuration is wrong',
  ],
  examples: [
    'outrigger run --config outrigger.yaml',
    'outrigger run --from 127.0.0.1:15001 --to 127.0.0.1:50051,127.0.0.1:50052,weight=2',
    'outrigger run --from 127.0.0.1:15001 --to dns:///orders:50051',
  ],
  flags: configFlags,
  explainExtra: (argument, { config, from }) =>
    config === undefined && from === undefined
      ? `${shown(argument)} follows no flag; write outrigger run --config ${shown(argument).slice(1, -1)}`
      : undefined,
  parse: (given) => ({ value: configFlagsOf(given) }),
  async run(flags, { io, env, onWarning }) {
    // Before the rest is loaded: a signal that comes meanwhile counts once there is something to stop.
    const signals = { ...processSignals(process, systemClock), onWarning };
    const sidecar = await import('../run.ts');
    await closeDebuggerOfSignal(env);
    return sidecar.run(flags, io, env, signals);
  },
};
