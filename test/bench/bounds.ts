/**
 * Ratios of Outrigger's CPU per call to a peer's. `goal` is what the design asks for, reported by
 * `make bench`. `smokeMax` is where `make bench-smoke` fails: generous, because CI's cores are shared and its runs
 * short, yet far below what a proxy built the simple way would cost.
 */
export interface Bound {
  readonly scenario: string;
  /** Of several the cheapest. */
  readonly peer: string | readonly string[];
  readonly goal: number;
  readonly smokeMax?: number;
}

/** Costs of two that run in one scenario, `of` over `to`; latency where it says so. */
export interface Comparison {
  readonly what: string;
  readonly scenario: string;
  readonly of: string;
  readonly to: string;
  readonly goal: number;
  readonly figure?: 'p50Ms';
  /** As of a `Bound`. */
  readonly smokeMax?: number;
}

export const comparisons: readonly Comparison[] = [
  {
    what: 'median latency',
    scenario: 'c1 m1 one core',
    of: 'Outrigger',
    to: 'HAProxy',
    goal: 1,
    figure: 'p50Ms',
  },
  { what: 'above the floor', scenario: 'c10 m10', of: 'Outrigger', to: 'byte relay', goal: 4 },
  {
    what: 'every call sampled',
    scenario: 'c10 m10',
    of: 'Outrigger sampled',
    to: 'Outrigger',
    goal: 2,
    smokeMax: 3,
  },
];

const both = ['HAProxy', 'nginx'] as const;

export const bounds: readonly Bound[] = [
  { scenario: 'c1 m1 one core', peer: 'HAProxy', goal: 0.9, smokeMax: 1.4 },
  { scenario: 'c1 m100', peer: 'HAProxy', goal: 0.4, smokeMax: 0.8 },
  { scenario: 'c1 m100', peer: 'nginx', goal: 0.15 },
  { scenario: 'c10 m10', peer: 'HAProxy', goal: 0.4, smokeMax: 0.8 },
  { scenario: 'c10 m10', peer: 'nginx', goal: 0.15 },
  { scenario: 'c50 m1', peer: 'HAProxy', goal: 0.7, smokeMax: 1.2 },
  { scenario: 'c10 m100', peer: 'HAProxy', goal: 0.4 },
  { scenario: 'c10 m100', peer: 'nginx', goal: 0.15 },
  { scenario: 'c10 m10 churn', peer: 'HAProxy', goal: 0.5 },
  { scenario: 'c10 m10 indexed churn', peer: 'HAProxy', goal: 0.5 },
  { scenario: 'c10 m10 TLS', peer: 'HAProxy', goal: 0.5 },
  { scenario: '64 KiB', peer: 'nginx', goal: 0.9 },
  { scenario: '1 MiB', peer: 'nginx', goal: 0.9 },
  { scenario: 'h1 c1 GET', peer: both, goal: 0.9 },
  { scenario: 'h1 c1 POST 1 KiB', peer: both, goal: 0.9 },
  { scenario: 'h1 c1 GET 1 MiB', peer: both, goal: 0.9 },
  { scenario: 'h1 c50 GET', peer: both, goal: 0.9, smokeMax: 3 },
  { scenario: 'h1 c50 POST 1 KiB', peer: both, goal: 0.9, smokeMax: 3 },
  { scenario: 'h1 c50 GET 1 MiB', peer: both, goal: 0.9, smokeMax: 2.5 },
  { scenario: 'h1 c50 churn', peer: both, goal: 1.2 },
  { scenario: 'h1 TLS c50 GET', peer: both, goal: 1.2 },
  { scenario: 'h1 TLS c50 GET 1 MiB', peer: both, goal: 1.2 },
  { scenario: 'tcp c1', peer: 'HAProxy', goal: 1.2 },
  { scenario: 'tcp c50', peer: 'HAProxy', goal: 1.2, smokeMax: 3 },
  { scenario: 'tcp c4 1 MiB', peer: 'HAProxy', goal: 1.2, smokeMax: 2 },
  { scenario: 'tcp c4 1 MiB both ways', peer: 'HAProxy', goal: 1.2 },
  { scenario: 'tcp connect', peer: 'HAProxy', goal: 1.2 },
];
