import { readFileSync } from 'node:fs';
import type { Result } from '../../core/result.ts';
import { parseDuration } from '../../core/units.ts';
import { parseData } from '../../replica-call/request-data.ts';
import { shown } from '../../schema/problem.ts';
import type { CallArguments } from '../call/call.ts';
import type { Command, Given } from '../command.ts';
import { adminFlags, askArguments, output } from '../flags.ts';

const timeoutDefault = '10s';

export const call: Command<CallArguments> = {
  name: 'call',
  summary: 'make a gRPC call through a running sidecar, or list the methods of a server',
  usage: '[METHOD] [-d JSON] [--endpoint ADDRESS] [options]',
  detail: [
    'The call takes the way of every other call: listener, route, policies, balancing. METHOD is',
    'package.Service/Method; without it, the command lists all methods. The definition comes from the',
    'reflection service of the server (v1 or v1alpha), --proto or --descriptor-set. Each message of the',
    'reply is printed as JSON when it arrives; the status follows on standard error. See docs/call.md.',
    '',
    '--endpoint sends the call to one endpoint, also to an unhealthy one. The admin server permits this',
    'on a loopback address, and on another one with admin.pinnedCalls: true.',
    'Exit codes: 0 the call ended with OK, 1 it did not, 2 the command line is wrong, 3 no sidecar',
    'answers.',
  ],
  examples: [
    'outrigger call',
    'outrigger call helloworld.Greeter/SayHello -d \'{"name": "Anna"}\'',
    'outrigger call helloworld.Greeter/SayHello --endpoint 127.0.0.1:50052',
    'outrigger call orders.Orders/Import -d @orders.ndjson --proto orders.proto',
  ],
  flags: [
    {
      name: 'data',
      short: 'd',
      value: 'JSON',
      doc: 'request: JSON, @FILE, or - for standard input; several messages as an array, or one on each line',
    },
    { name: 'endpoint', value: 'ADDRESS', doc: 'send the call to this endpoint' },
    {
      name: 'header',
      short: 'H',
      value: 'NAME: VALUE',
      repeated: true,
      doc: 'metadata; may be repeated (-bin: base64)',
    },
    { name: 'listener', value: 'NAME', doc: 'listener that gets the call (the first outbound one)' },
    { name: 'target', value: 'ADDR', doc: 'address of the listener, without a question to the admin server' },
    { name: 'authority', value: 'NAME', doc: ':authority of the call, and the name that TLS verifies' },
    { name: 'timeout', value: 'DURATION', doc: `deadline of the call (${timeoutDefault})` },
    { name: 'proto', value: 'FILE', repeated: true, doc: '.proto file with the method; may be repeated' },
    {
      name: 'import',
      value: 'DIR',
      repeated: true,
      doc: 'folder for the imports of .proto files; may be repeated',
    },
    {
      name: 'descriptor-set',
      value: 'FILE',
      doc: 'file of protoc --descriptor_set_out --include_imports, or buf build',
    },
    {
      name: 'tls-ca',
      value: 'FILE',
      doc: 'use TLS to the listener, and verify it with this CA certificate, PEM',
    },
    { name: 'tls-cert', value: 'FILE', doc: 'client certificate for the listener, PEM' },
    { name: 'tls-key', value: 'FILE', doc: 'private key of the client certificate, PEM' },
    ...adminFlags,
    output,
  ],
  positional: 'METHOD',
  parse(given) {
    const { one, many, positional } = given;
    const timeout = parseDuration(one.timeout ?? timeoutDefault);
    if (timeout.value === undefined) return { error: `--timeout: ${timeout.error}` };
    const method = positional?.replace(/^\//, '');
    if (method !== undefined && !/^[\w.]+\/\w+$/.test(method))
      return { error: `${shown(method)} is not a method; write package.Service/Method` };
    if (one['descriptor-set'] !== undefined && many.proto !== undefined)
      return { error: '--proto and --descriptor-set exclude each other; write one of them' };
    if (one.target !== undefined && one.listener !== undefined)
      return { error: '--target and --listener exclude each other; write one of them' };
    const metadata = headersOf(many.header ?? []);
    if (metadata.error !== undefined) return metadata;
    const messages = dataOf(one.data);
    if (messages.error !== undefined) return { error: `-d: ${messages.error}` };
    const tls = tlsOf(one);
    if (tls.error !== undefined) return tls;
    return {
      value: {
        ...askArguments(one),
        method,
        messages: messages.value,
        metadata: metadata.value,
        endpoint: one.endpoint,
        listener: one.listener,
        target: one.target,
        authority: one.authority,
        timeoutMs: timeout.value,
        protoFiles: many.proto ?? [],
        importDirs: many.import ?? [],
        descriptorSet: one['descriptor-set'],
        tls: tls.value ?? undefined,
      },
    };
  },
  run: async (args, { io, env }) => (await import('../call/call.ts')).call(args, io, env),
};

function headersOf(texts: readonly string[]): Result<ReadonlyArray<readonly [string, string]>> {
  const headers: Array<readonly [string, string]> = [];
  for (const text of texts) {
    const colon = text.indexOf(':');
    if (colon <= 0) return { error: `--header: ${shown(text)} has no colon; write "name: value"` };
    headers.push([text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()]);
  }
  return { value: headers };
}

function dataOf(text: string | undefined): ReturnType<typeof parseData> {
  if (text === undefined) return { value: [] };
  if (text !== '-' && !text.startsWith('@')) return parseData(text);
  const file = text === '-' || text === '@-' ? 0 : text.slice(1);
  try {
    return parseData(readFileSync(file, 'utf8'));
  } catch (error) {
    return {
      error: `cannot read ${file === 0 ? 'standard input' : shown(file)}: ${(error as NodeJS.ErrnoException).code}`,
    };
  }
}

function tlsOf(one: Given['one']): Result<CallArguments['tls'] | null> {
  const { 'tls-ca': ca, 'tls-cert': cert, 'tls-key': key } = one;
  if (ca === undefined)
    return cert === undefined && key === undefined
      ? { value: null }
      : { error: '--tls-cert and --tls-key require --tls-ca, the authority of the listener' };
  if ((cert === undefined) !== (key === undefined))
    return { error: 'a client certificate requires both --tls-cert and --tls-key' };
  return { value: { ca, ...(cert === undefined || key === undefined ? {} : { cert, key }) } };
}
