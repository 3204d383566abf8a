import { parseCallKey } from '../../admin/explain/call-key.ts';
import { parseWrittenRequest } from '../../explain/parse-request.ts';
import { shown } from '../../schema/problem.ts';
import type { Command } from '../command.ts';
import type { ExplainArguments } from '../explain.ts';
import { adminFlags, askArguments, output } from '../flags.ts';

/** Flags that describe a request, and mean nothing without `--request`. */
const requestFlags = ['authority', 'header', 'client', 'listener', 'config'] as const;

export const explain: Command<ExplainArguments> = {
  name: 'explain',
  summary: 'show why a call went where it did, or where a request would go',
  usage: 'ID | --request REQUEST [options]',
  detail: [
    'ID is the number of a call from /traces, the id in an error reply of Outrigger',
    '("call 7f3a-1c09d2e4"), or a trace id. Calls in flight have an explanation too.',
    '',
    '--request explains a request that nobody sent: its route, policies, cluster and endpoints. It sends',
    'nothing. With --config, it reads a configuration file and needs no sidecar.',
    'REQUEST is "METHOD /path", or for a gRPC call package.Service/Method.',
    '',
    'Exit codes: 0 explained, 1 the call is not kept, 2 the command line, the request or the',
    'configuration is wrong, 3 no sidecar answers.',
  ],
  examples: [
    'outrigger explain 5035',
    'outrigger explain 7f3a-1c09d2e4',
    'outrigger explain --request helloworld.Greeter/SayHello --authority greeter',
    'outrigger explain --request "GET /orders/7" --header "x-user: ada" --config outrigger.yaml',
  ],
  flags: [
    { name: 'request', value: 'REQUEST', doc: 'explain this request, which nobody sent' },
    { name: 'authority', value: 'HOST', doc: 'its :authority or Host (localhost)' },
    {
      name: 'header',
      short: 'H',
      value: 'HEADER',
      repeated: true,
      doc: 'a header, "name: value"; may be repeated',
    },
    { name: 'client', value: 'IP', doc: 'address of the client, for routes with source' },
    { name: 'listener', value: 'NAME', doc: 'the listener that gets it (all)' },
    { name: 'config', short: 'c', value: 'FILE', doc: 'read this configuration instead of asking a sidecar' },
    ...adminFlags,
    output,
  ],
  positional: 'ID',
  parse({ one, many, positional }) {
    const ask = askArguments(one);
    if (one.request === undefined) return parseId(positional, one, ask);
    if (positional !== undefined)
      return { error: `${shown(positional)} and --request are given; write one of them` };
    const { request, authority, client, listener } = one;
    const written = { request, authority, headers: many.header, client, listener };
    const parsed = parseWrittenRequest(written);
    if (parsed.error !== undefined) return { error: `--request: ${parsed.error}` };
    return { value: { ...ask, written, request: parsed.value, config: one.config } };
  },
  run: async (args, { io, env }) => (await import('../explain.ts')).explain(args, io, env),
};

function parseId(
  id: string | undefined,
  one: Readonly<Record<string, string>>,
  ask: ReturnType<typeof askArguments>,
): ReturnType<Command<ExplainArguments>['parse']> {
  const flag = requestFlags.find((name) => one[name] !== undefined);
  if (flag !== undefined)
    return { error: `--${flag} requires --request; write outrigger explain --request "GET /orders/7"` };
  if (id === undefined)
    return {
      error: 'explain requires the id of a call or --request; outrigger explain --help shows examples',
    };
  if (parseCallKey(id).kind === 'malformed')
    return {
      error: `${shown(id)} is not the id of a call; write the number from /traces, the id from an error reply (7f3a-1c09d2e4), or a trace id (32 hex digits)`,
    };
  return { value: { ...ask, id } };
}
