import type { ClientName, ServerName } from './languages.ts';

/** Every standard case of gRPC's interop descriptions that needs no credentials and no control plane. */
export const caseNames = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'client_compressed_unary',
  'client_compressed_streaming',
  'server_compressed_unary',
  'server_compressed_streaming',
  'custom_metadata',
  'status_code_and_message',
  'special_status_message',
  'unimplemented_method',
  'unimplemented_service',
  'cancel_after_begin',
  'cancel_after_first_response',
  'timeout_on_sleeping_server',
  'rpc_soak',
  'concurrent_large_unary',
] as const;

export type CaseName = (typeof caseNames)[number];

const clientCompressed = ['client_compressed_unary', 'client_compressed_streaming'] as const;
const serverCompressed = ['server_compressed_unary', 'server_compressed_streaming'] as const;
const compressed: readonly CaseName[] = [...clientCompressed, ...serverCompressed];

interface Absent {
  readonly clients: readonly ClientName[];
  readonly cases: readonly CaseName[];
  readonly reason: string;
}

/** Cases that a client cannot be asked for. */
export const absentFromClient: readonly Absent[] = [
  { clients: ['go'], cases: compressed, reason: 'the Go interop client has no compressed cases' },
  {
    clients: ['ruby'],
    cases: serverCompressed,
    reason: 'the Ruby interop client has no server_compressed cases',
  },
];

interface FailsDirectly {
  readonly clients: readonly ClientName[];
  readonly servers: readonly ServerName[];
  readonly cases: readonly CaseName[];
  /** What the client says then, with the sidecar as without it. */
  readonly says: RegExp;
  readonly reason: string;
}

/**
 * Cases that fail without the sidecar too. They are run all the same, and have to fail in these very words: one that passes, or
 * fails otherwise, is a failure of the run.
 */
export const failsDirectly: readonly FailsDirectly[] = [
  {
    clients: ['java', 'ruby', 'node'],
    servers: ['go', 'java', 'ruby', 'node'],
    cases: clientCompressed,
    says: /expected INVALID_ARGUMENT|probe failed|does not look at the flag/,
    reason: 'these servers lack the optional feature CompressedRequest; the compressing server has it',
  },
  {
    clients: ['node'],
    servers: ['go', 'ruby', 'node'],
    cases: serverCompressed,
    says: /is not compressed/,
    reason: "these servers lack the optional feature CompressedResponse (gRPC-Java's client lets that pass)",
  },
  {
    clients: ['node'],
    servers: ['java'],
    cases: ['server_compressed_streaming'],
    says: /reply 0 is not compressed/,
    reason: 'the Java server compresses the reply of a unary call only',
  },
];

/** The compressing server has the methods of the compressed cases only. */
export function isCaseOfServer(server: ServerName, name: CaseName): boolean {
  return server !== 'compressing' || compressed.includes(name);
}

export function absence(client: ClientName, name: CaseName): string | null {
  return (
    absentFromClient.find((entry) => entry.clients.includes(client) && entry.cases.includes(name))?.reason ??
    null
  );
}

export function directFailure(client: ClientName, server: ServerName, name: CaseName): FailsDirectly | null {
  const covers = (entry: FailsDirectly) =>
    entry.clients.includes(client) && entry.servers.includes(server) && entry.cases.includes(name);
  return failsDirectly.find(covers) ?? null;
}
