import type { Command } from '../command.ts';
import { endpointSorts } from '../endpoint-sorts.ts';
import type { EndpointsArguments } from '../endpoints.ts';
import { adminFlags, askArguments, output } from '../flags.ts';
import { watchFlags, watchMsOf } from '../watch-flags.ts';

export const endpoints: Command<EndpointsArguments> = {
  name: 'endpoints',
  summary: 'show the endpoints of a running sidecar, with health and load',
  usage: '[options]',
  detail: [
    'Shows a table for each cluster. WHY is the reason of the state. In a filter, * stands for any text,',
    'and commas separate alternatives. A narrow terminal shows fewer columns; -o json has all of them.',
  ],
  examples: [
    'outrigger endpoints',
    'outrigger endpoints --cluster orders --sort p99 --watch',
    'outrigger endpoints --state unusable',
    "outrigger endpoints --endpoint '10.42.*' -o json",
  ],
  flags: [
    { name: 'cluster', value: 'NAME', doc: 'only endpoints of these clusters' },
    { name: 'endpoint', value: 'ADDR', doc: 'only endpoints with these addresses; the port may be left out' },
    {
      name: 'state',
      value: 'STATE',
      doc: 'only endpoints in these states: healthy, unhealthy, unknown, ejected, draining, usable or unusable',
    },
    {
      name: 'sort',
      value: 'COLUMN',
      words: endpointSorts,
      doc: `sort by ${endpointSorts.join(', ')} (the order of the sidecar)`,
    },
    ...watchFlags,
    ...adminFlags,
    output,
  ],
  parse({ one }) {
    const watchMs = watchMsOf(one, 'endpoints');
    if (watchMs.error !== undefined) return watchMs;
    const { cluster, endpoint, state } = one;
    const sort = endpointSorts.find((name) => name === one.sort);
    return { value: { ...askArguments(one), watchMs: watchMs.value, cluster, endpoint, state, sort } };
  },
  run: async (args, { io, env }) => (await import('../endpoints.ts')).endpoints(args, io, env),
};
