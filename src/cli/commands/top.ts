import { systemClock } from '../../core/clock.ts';
import { parseDuration } from '../../core/units.ts';
import { byFlag, filterFlags, filtersOf, sortFlag, sortOf, viewOf } from '../call-groups/flags.ts';
import type { Command } from '../command.ts';
import { adminFlags, askArguments, output } from '../flags.ts';
import { processSignals } from '../signals.ts';
import type { TopArguments } from '../top.ts';

const intervalMsMin = 100;
const intervalMsMax = 3_600_000;

export const top: Command<TopArguments> = {
  name: 'top',
  summary: 'show live which methods, routes, endpoints and clients the calls belong to',
  usage: '[options]',
  detail: [
    'Shows the calls that ended in the last 10 seconds, and redraws the terminal until q or Ctrl-C. Keys:',
    '  m method  r route  l listener  c cluster  e endpoint  i client   change the view',
    '  s         sort by the next column',
    '  p, space  pause, and continue',
    'Without a terminal, and with -o json, it observes the calls for 2 seconds and prints once.',
    'In a filter, * stands for any text, and commas separate alternatives.',
  ],
  examples: [
    'outrigger top',
    'outrigger top --by client --sort errors',
    "outrigger top --by endpoint --method 'shop.Orders/*'",
    'outrigger top --by method -o json',
  ],
  flags: [
    { ...byFlag, doc: `${byFlag.doc} (method)` },
    sortFlag,
    { name: 'interval', value: 'DURATION', doc: 'time between two answers (1s)' },
    ...filterFlags,
    ...adminFlags,
    output,
  ],
  parse({ one }) {
    const interval = parseDuration(one.interval ?? '1s');
    if (interval.error !== undefined) return { error: `--interval: ${interval.error}` };
    if (interval.value < intervalMsMin || interval.value > intervalMsMax)
      return { error: `--interval: "${one.interval}" is out of range; write a duration from 100ms to 1h` };
    return {
      value: {
        ...askArguments(one),
        by: viewOf(one) ?? 'method',
        sort: sortOf(one),
        filters: filtersOf(one),
        intervalMs: interval.value,
      },
    };
  },
  async run(args, { io, env }) {
    // A signal must not leave the terminal without its cursor.
    const signals = processSignals(process, systemClock);
    return (await import('../top.ts')).top(args, io, env, signals);
  },
};
