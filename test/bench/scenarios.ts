/** One row of the table. `cC mM` is C client connections with M calls in flight on each. */
export interface Scenario {
  readonly name: string;
  readonly connections: number;
  readonly inFlight: number;
  /** Bytes of each message, both ways. */
  readonly messageBytes: number;
  /** Every header block new to HPACK; by our own generator, since h2load repeats its headers. */
  readonly churn?: true;
  /** Proxy, generator and replicas on one core: across cores a single call is mostly the noise of waking them up. */
  readonly oneCore?: true;
  /** Report the latency too. */
  readonly latency?: true;
  /** For the first run, which tells how many calls the others are to make. */
  readonly firstCalls: number;
}

const unary = { messageBytes: 25, firstCalls: 20_000 } as const;

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
  { name: 'c10 m10 churn', connections: 10, inFlight: 10, ...unary, churn: true },
  { name: '64 KiB', connections: 4, inFlight: 4, messageBytes: 64 << 10, firstCalls: 1000 },
  { name: '1 MiB', connections: 2, inFlight: 2, messageBytes: 1 << 20, firstCalls: 50 },
];

/** From here on a row is told in CPU milliseconds per MB (10^6 bytes, both ways added), not in microseconds per call. */
export const largeMessageBytes = 16 << 10;
