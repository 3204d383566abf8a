/** What a proxy is asked to do: gRPC over HTTP/2, HTTP/1.1, or to forward TCP connections (which carry the same HTTP/1.1). */
export type Protocol = 'grpc' | 'http1' | 'tcp';

/**
 * What makes every header block new. `literals`: the headers that repeat are literals without indexing, and three ids enter the
 * dynamic table. `indexed`: as grpc-go with a deadline and a trace, see `IndexingEncoder`. `heads`: of
 * HTTP/1.1.
 */
export type Churn = 'literals' | 'indexed' | 'heads';

/** One row of the table. `cC mM` is C client connections with M calls in flight on each. */
export interface Scenario {
  readonly name: string;
  readonly protocol: Protocol;
  /** TLS from the client, TLS with a client certificate to the replicas. */
  readonly tls?: true;
  readonly connections: number;
  readonly inFlight: number;
  /** Bytes of each message, both ways; of the reply alone where `requestBytes` is given. */
  readonly messageBytes: number;
  /** Bytes of the request's body where it is not that of the reply. */
  readonly requestBytes?: number;
  /** Every head new to the proxy; by our own generator, since h2load repeats its headers. */
  readonly churn?: Churn;
  /** A new connection for each request. */
  readonly reconnect?: true;
  /** Proxy, generator and replicas on one core: across cores a single call is mostly the noise of waking them up. */
  readonly oneCore?: true;
  /** Report the latency too. */
  readonly latency?: true;
  /** For the first run, which tells how many calls the others are to make. */
  readonly firstCalls: number;
}

const unary = { protocol: 'grpc', messageBytes: 25, firstCalls: 20_000 } as const;
const large = {
  protocol: 'grpc',
  connections: 2,
  inFlight: 2,
  messageBytes: 1 << 20,
  firstCalls: 50,
} as const;
const get = { inFlight: 1, messageBytes: 100, requestBytes: 0, firstCalls: 5000 } as const;
const post = { inFlight: 1, messageBytes: 1024, firstCalls: 5000 } as const;
const file = { inFlight: 1, messageBytes: 1 << 20, requestBytes: 0, firstCalls: 100 } as const;
const one = { connections: 1, oneCore: true, latency: true } as const;
const fifty = { connections: 50 } as const;
const http1 = { protocol: 'http1' } as const;
const tcp = { protocol: 'tcp' } as const;

export const scenarios: readonly Scenario[] = [
  {
    name: 'c1 m1 one core',
    connections: 1,
    inFlight: 1,
    ...unary,
    firstCalls: 5000,
    oneCore: true,
    latency: true,
  },
  { name: 'c1 m100', connections: 1, inFlight: 100, ...unary },
  { name: 'c10 m10', connections: 10, inFlight: 10, ...unary },
  { name: 'c50 m1', connections: 50, inFlight: 1, ...unary },
  { name: 'c10 m100', connections: 10, inFlight: 100, ...unary },
  { name: 'c10 m10 churn', connections: 10, inFlight: 10, ...unary, churn: 'literals' },
  { name: 'c10 m10 indexed churn', connections: 10, inFlight: 10, ...unary, churn: 'indexed' },
  { name: 'c10 m10 TLS', connections: 10, inFlight: 10, ...unary, tls: true },
  { name: '64 KiB', ...large, connections: 4, inFlight: 4, messageBytes: 64 << 10, firstCalls: 1000 },
  { name: '1 MiB', ...large },
  { name: '1 MiB TLS', ...large, tls: true },
  { name: 'h1 c1 GET', ...http1, ...one, ...get },
  { name: 'h1 c1 POST 1 KiB', ...http1, ...one, ...post },
  { name: 'h1 c1 GET 1 MiB', ...http1, ...one, ...file },
  { name: 'h1 c50 GET', ...http1, ...fifty, ...get },
  { name: 'h1 c50 POST 1 KiB', ...http1, ...fifty, ...post },
  { name: 'h1 c50 GET 1 MiB', ...http1, ...fifty, ...file },
  { name: 'h1 c50 churn', ...http1, ...fifty, ...get, churn: 'heads' },
  { name: 'h1 TLS c50 GET', ...http1, ...fifty, ...get, tls: true },
  { name: 'h1 TLS c50 GET 1 MiB', ...http1, ...fifty, ...file, tls: true },
  { name: 'tcp c1', ...tcp, ...one, ...get },
  { name: 'tcp c50', ...tcp, ...fifty, ...get },
  { name: 'tcp c4 1 MiB', ...tcp, connections: 4, ...file },
  {
    name: 'tcp c4 1 MiB both ways',
    ...tcp,
    connections: 4,
    inFlight: 1,
    messageBytes: 1 << 20,
    firstCalls: 100,
  },
  { name: 'tcp connect', ...tcp, connections: 10, ...get, reconnect: true, firstCalls: 1000 },
];

/** Bytes of both messages of a call. */
export function movedBytes({ messageBytes, requestBytes = messageBytes }: Scenario): number {
  return messageBytes + requestBytes;
}

/** From here on a row is told in CPU milliseconds per MB (10^6 bytes, both ways added), not in microseconds per call. */
export const largeMovedBytes = 32 << 10;
