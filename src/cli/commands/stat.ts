import { byFlag, filterFlags, filtersOf, sortFlag, sortOf, viewOf } from '../call-groups/flags.ts';
import type { Command } from '../command.ts';
import { adminFlags, askArguments, output } from '../flags.ts';
import type { StatArguments } from '../stat.ts';
import { watchFlags, watchMsOf } from '../watch-flags.ts';

export const stat: Command<StatArguments> = {
  name: 'stat',
  summary: 'show calls, errors and latency of a running sidecar',
  usage: '[options]',
  detail: [
    'Shows the state of the sidecar, the totals since its start, and each cluster.',
    'With --by or a filter other than --cluster, it shows the calls that ended in the last 10 seconds in',
    'groups, by method unless --by is given. The sidecar observes single calls only while somebody asks,',
    'so the first answer takes 2 seconds.',
    'In a filter, * stands for any text, and commas separate alternatives.',
  ],
  examples: [
    'outrigger stat',
    'outrigger stat --watch',
    'outrigger stat --by route',
    'outrigger stat --by client --method GetOrder --sort errors',
    'outrigger stat --cluster orders -o json',
  ],
  flags: [
    byFlag,
    { ...sortFlag, doc: `with --by: ${sortFlag.doc}` },
    ...filterFlags,
    ...watchFlags,
    ...adminFlags,
    output,
  ],
  parse({ one }) {
    const watchMs = watchMsOf(one, 'stat');
    if (watchMs.error !== undefined) return watchMs;
    const filters = filtersOf(one);
    const isGrouped = Object.keys(filters).some((name) => name !== 'cluster');
    const by = viewOf(one) ?? (isGrouped ? 'method' : undefined);
    if (by === undefined && one.sort !== undefined)
      return { error: `--sort requires --by; write outrigger stat --by method --sort ${one.sort}` };
    return { value: { ...askArguments(one), watchMs: watchMs.value, by, sort: sortOf(one), filters } };
  },
  run: async (args, { io, env }) => (await import('../stat.ts')).stat(args, io, env),
};
