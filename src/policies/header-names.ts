import { shown } from '../schema/problem.ts';

/** Which messages a header belongs to. */
export type Part = 'request' | 'reply' | 'replyTrailers';

const framing = 'says how the message is framed, which Outrigger does';
const connection = 'is for one connection, which Outrigger manages';
const trace = 'carries the trace context, which Outrigger writes (telemetry.traces)';

/** Headers that no policy of a route may change, with the reason. */
const forbidden: Readonly<Record<string, string>> = {
  connection,
  'keep-alive': connection,
  'proxy-connection': connection,
  upgrade: connection,
  te: connection,
  'http2-settings': connection,
  expect: connection,
  'transfer-encoding': framing,
  'content-length': framing,
  trailer: framing,
  'content-type': 'decides whether a request is a gRPC call',
  host: 'says for whom the request is',
};
const forbiddenInRequests: Readonly<Record<string, string>> = { traceparent: trace, tracestate: trace };

/** The protocol of gRPC reserves these; they decide about the end of a call, its deadline and its compression. */
const grpcEssential: ReadonlySet<string> = new Set([
  'grpc-status',
  'grpc-message',
  'grpc-timeout',
  'grpc-encoding',
  'grpc-previous-rpc-attempts',
]);

/** Headers whose values must not be put behind a comma. */
const notLists: ReadonlySet<string> = new Set(['cookie', 'set-cookie', 'authorization']);

/** Why a header must not be changed in this way, as a sentence; undefined where it may. `name` is in lower case. */
export function wrongName(
  part: Part,
  operation: 'remove' | 'set' | 'add' | 'append',
  name: string,
): string | undefined {
  if (name.startsWith(':'))
    return `${shown(name)} is a pseudo-header, which decides where a message goes; leave it out`;
  if (name === 'host' && part === 'request')
    return '"host" is the authority of the request; write rewrite: { authority: … } in the route';
  const reasons = part === 'request' ? { ...forbidden, ...forbiddenInRequests } : forbidden;
  if (Object.hasOwn(reasons, name)) return `${shown(name)} ${reasons[name]}; leave it out`;
  if (name.startsWith('sec-websocket-'))
    return `${shown(name)} is part of the WebSocket handshake, which would fail; leave it out`;
  if (grpcEssential.has(name) || (name.startsWith('grpc-') && operation !== 'remove'))
    return `${shown(name)} belongs to the gRPC protocol, which reserves "grpc-"; write another name`;
  if (operation === 'append' && (notLists.has(name) || name.endsWith('-bin')))
    return `${shown(name)} is not a list of values with commas between them; write it under add`;
  return undefined;
}

/** gRPC metadata whose name ends in `-bin` has base64 on the wire; a client that gets anything else fails the call. */
export function wrongValue(name: string, value: string): string | undefined {
  if (value === '') return `the value of ${shown(name)} is empty; write a value, or the name under remove`;
  if (name.endsWith('-bin') && !/^[A-Za-z0-9+/]+={0,2}$/.test(value))
    return `the value of ${shown(name)} is not base64, as names that end in "-bin" require; write base64 without variables`;
  return undefined;
}
