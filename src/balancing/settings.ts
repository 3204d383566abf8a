import type { KeySource } from '../core/request-key.ts';
import { defaultFailPenalty, type FailPenaltySettings } from './fail-penalty.ts';
import type { BoundedLoad } from './hashed.ts';
import { defaultPeakEwma, type PeakEwmaSettings } from './latency.ts';
import type { Choices } from './least-loaded.ts';
import { defaultTableSize } from './maglev.ts';
import type { PrioritySettings } from './priorities.ts';
import { defaultWeightedRoundRobin, type WeightedRoundRobinSettings } from './report-weight.ts';
import { defaultRingSize, type RingSize } from './ring-hash.ts';
import type { SlowStartSettings } from './slow-start.ts';
import type { StickySettings } from './sticky.ts';

/** The settings of every policy, and of what comes before it: priorities, zones, slow start. */
export interface BalancerSettings extends PrioritySettings {
  /** The name of a kind in `list.ts`. */
  readonly policy: string;
  /** For `least_request`. */
  readonly choices: Choices;
  /** For `least_request`: exponent on the calls in flight. */
  readonly bias: number;
  /** For `least_request`: see `slowGuarded`. */
  readonly slowGuard: boolean;
  /** For `least_request`: load reports count, where they come and `bias` and `slowGuard` are as by default. */
  readonly useReports: boolean;
  /** For `least_request` and `peak_ewma`; the caller penalises and forgives with the same settings. */
  readonly failPenalty: FailPenaltySettings;
  /** For `peak_ewma`. */
  readonly peakEwma: PeakEwmaSettings;
  /** For `weighted_round_robin`. */
  readonly weightedRoundRobin: WeightedRoundRobinSettings;
  /** For `ring_hash` and `maglev`: where the key of a call is; what picks is given it. */
  readonly hash: readonly KeySource[];
  /** For `ring_hash`, `maglev` and `ip_hash`. */
  readonly boundedLoad?: BoundedLoad | undefined;
  /** For `ring_hash`. */
  readonly ringSize: RingSize;
  /** For `maglev` and `ip_hash`: a prime. */
  readonly tableSize: number;
  /** For `sticky_cookie`, which is `least_request` for new sessions. */
  readonly sticky?: StickySettings | undefined;
  /** For all but the hash policies; whoever owns the endpoints sets their weights by it. Off without. */
  readonly slowStart?: SlowStartSettings | undefined;
}

export const defaultBalancerSettings: BalancerSettings = {
  policy: 'least_request',
  choices: 'auto',
  bias: 1,
  slowGuard: false,
  useReports: true,
  failPenalty: defaultFailPenalty,
  peakEwma: defaultPeakEwma,
  weightedRoundRobin: defaultWeightedRoundRobin,
  hash: [],
  ringSize: defaultRingSize,
  tableSize: defaultTableSize,
  panicPercent: 0,
  preferZone: true,
  zoneSpill: false,
};
