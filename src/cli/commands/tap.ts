import { parseTapOptions, type TapParameter } from '../../tap/options.ts';
import type { Command, FlagSpec, Given } from '../command.ts';
import { adminFlags, askArguments, output } from '../flags.ts';
import type { TapArguments } from '../tap/tap.ts';

/** Flags that the admin API takes as parameters of the same names. */
const parameters: ReadonlyArray<FlagSpec & { readonly name: TapParameter }> = [
  {
    name: 'method',
    value: 'METHOD',
    repeated: true,
    list: true,
    doc: 'only this gRPC method, service, path or HTTP method: shop.Orders/Get, shop.Orders, Get, /v1/*, GET',
  },
  {
    name: 'status',
    value: 'STATUS',
    repeated: true,
    list: true,
    doc: 'only calls that end so: ok, error, client-error, UNAVAILABLE, 14, 503, 5xx',
  },
  { name: 'min-latency', value: 'DURATION', doc: 'only calls that take at least this long' },
  { name: 'max-latency', value: 'DURATION', doc: 'only calls that take at most this long' },
  {
    name: 'header',
    value: 'NAME[=VALUE]',
    repeated: true,
    doc: 'only requests with this header; * in VALUE stands for any characters',
  },
  {
    name: 'endpoint',
    value: 'ADDRESS',
    repeated: true,
    list: true,
    doc: 'only calls with an attempt at this endpoint: 10.0.0.1:50051, 10.0.0.1, 10.0.*',
  },
  { name: 'cluster', value: 'NAME', repeated: true, list: true, doc: 'only calls of this cluster' },
  { name: 'route', value: 'NAME', repeated: true, list: true, doc: 'only calls of this route' },
  { name: 'listener', value: 'NAME', repeated: true, list: true, doc: 'only calls of this listener' },
  {
    name: 'client',
    value: 'ADDRESS',
    repeated: true,
    list: true,
    doc: 'only calls of this client IP address',
  },
  { name: 'sample', value: 'FRACTION', doc: 'show this part of the calls that match: 0.1 or 10% (all)' },
  { name: 'rate', value: 'N', doc: 'show at most N calls each second, up to 1000 (100)' },
  { name: 'limit', value: 'N', doc: 'end after N calls (no limit)' },
  { name: 'duration', value: 'DURATION', doc: 'end after this long, up to 60m (10m)' },
  { name: 'messages', doc: 'show message bodies as JSON' },
  { name: 'max-messages', value: 'N', doc: 'messages of each direction of a call, up to 100 (10)' },
  { name: 'max-message-bytes', value: 'N', doc: 'do not decode messages over N bytes, up to 262144 (16384)' },
  { name: 'live', doc: 'show calls when they start, and messages as they pass, not only calls that ended' },
  {
    name: 'redact',
    value: 'NAME',
    repeated: true,
    list: true,
    doc: 'hide the values of this header, or of this key in messages, beside credentials',
  },
];

const files: readonly FlagSpec[] = [
  {
    name: 'proto',
    value: 'FILE',
    repeated: true,
    doc: 'decode messages by this .proto file, not by reflection; implies --messages',
  },
  {
    name: 'import',
    value: 'DIR',
    repeated: true,
    doc: 'directory in which imports of --proto files are found (the current one)',
  },
  {
    name: 'descriptor-set',
    value: 'FILE',
    doc: 'decode messages by the output of protoc --include_imports --descriptor_set_out; implies --messages',
  },
];

export const tap: Command<TapArguments> = {
  name: 'tap',
  summary: 'show live calls of a running sidecar, with their metadata and messages',
  usage: '[METHOD] [options]',
  detail: [
    'Prints a line for each call that ends, until Ctrl-C. Values that are credentials are hidden.',
    'Calls beyond the rate, and calls that the terminal is too slow for, are counted and not shown;',
    'calls themselves are never delayed. Messages are decoded by the reflection service of the endpoints.',
    'Exit codes: 0 the tap ended by --limit or --duration, 1 it was refused or broke off.',
  ],
  examples: [
    'outrigger tap',
    'outrigger tap shop.Orders/Get --status error --headers',
    'outrigger tap --min-latency 200ms --limit 20',
    'outrigger tap shop.Orders --messages --redact email',
    'outrigger tap --proto shop.proto --import protos -o json | jq .response.messages',
  ],
  flags: [
    ...parameters,
    { name: 'headers', doc: 'show headers and trailers, too' },
    ...files,
    ...adminFlags,
    output,
  ],
  positional: 'METHOD',
  parse(given) {
    const { one, many, positional } = given;
    if (positional !== undefined && many.method !== undefined)
      return { error: 'the method is given twice; write it once, as METHOD or with --method' };
    if (one.proto !== undefined && one['descriptor-set'] !== undefined)
      return { error: 'give --proto or --descriptor-set, not both' };
    if (one.import !== undefined && one.proto === undefined)
      return { error: '--import requires --proto FILE' };
    const query = queryOf(given);
    const { error } = parseTapOptions(query);
    // The parameters have the names of the flags.
    if (error !== undefined) return { error: /^[a-z-]+[ :]/.test(error) ? `--${error}` : error };
    const { proto = [], import: protoPath = [] } = many;
    const descriptorSet = one['descriptor-set'];
    const headers = one.headers !== undefined;
    return { value: { ...askArguments(one), query, headers, proto, protoPath, descriptorSet } };
  },
  run: async (args, { io, env }) => (await import('../tap/tap.ts')).tap(args, io, env),
};

function queryOf({ one, many, positional }: Given): URLSearchParams {
  const query = new URLSearchParams();
  for (const { name } of parameters) for (const value of many[name] ?? []) query.append(name, value);
  if (positional !== undefined) query.append('method', positional);
  const hasTypes = one.proto !== undefined || one['descriptor-set'] !== undefined;
  if (hasTypes && !query.has('messages')) query.append('messages', 'true');
  return query;
}
