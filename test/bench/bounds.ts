/**
 * Ratios of Outrigger's CPU per call to a peer's. `goal` is what the design asks for (docs/performance.md), reported by
 * `make bench`. `smokeMax` is where `make bench-smoke` fails: generous, because CI's cores are shared and its runs
 * short, yet far below what a proxy built the simple way would cost.
 */
export interface Bound {
  readonly scenario: string;
  readonly peer: string;
  readonly goal: number;
  readonly smokeMax?: number;
}

export const bounds: readonly Bound[] = [
  { scenario: 'c1 m1 one core', peer: 'HAProxy', goal: 0.9, smokeMax: 1.8 },
  { scenario: 'c1 m100', peer: 'HAProxy', goal: 0.4, smokeMax: 1.2 },
  { scenario: 'c1 m100', peer: 'nginx', goal: 0.15 },
  { scenario: 'c10 m10', peer: 'HAProxy', goal: 0.4, smokeMax: 1.2 },
  { scenario: 'c10 m10', peer: 'nginx', goal: 0.15 },
  { scenario: 'c50 m1', peer: 'HAProxy', goal: 0.7, smokeMax: 1.6 },
  { scenario: 'c10 m100', peer: 'HAProxy', goal: 0.4 },
  { scenario: 'c10 m100', peer: 'nginx', goal: 0.15 },
  { scenario: 'c10 m10 churn', peer: 'HAProxy', goal: 0.5 },
  { scenario: '64 KiB', peer: 'nginx', goal: 0.9 },
  { scenario: '1 MiB', peer: 'nginx', goal: 0.9 },
];
