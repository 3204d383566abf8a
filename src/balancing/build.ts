import type { PolicyName } from '../core/policy-name.ts';
import type { Random } from '../core/random.ts';
import { describeSources, type KeySource, keyOf } from '../core/request-key.ts';
import type { Affinity } from './affinity.ts';
import type { Balancer, Candidate } from './candidate.ts';
import { defaultFailPenalty, type FailPenaltySettings, failPenalty } from './fail-penalty.ts';
import { type BoundedLoad, hashed } from './hashed.ts';
import {
  defaultPeakEwma,
  type LatencyEstimator,
  movingAverage,
  type PeakEwmaSettings,
  peakEwma,
} from './latency.ts';
import { type Choices, leastLoaded } from './least-loaded.ts';
import { expectedWaitPerWeight, inFlightPerWeight, slowGuarded } from './load-metric.ts';
import { defaultTableSize, maglevTable } from './maglev.ts';
import { activePerWeight, ofThousandths } from './pick-reason.ts';
import { randomPick } from './random.ts';
import { defaultRingSize, hashRing, type RingSize } from './ring-hash.ts';
import { roundRobin } from './round-robin.ts';
import { type ShareOutSettings, shareOut } from './share-out.ts';
import type { SlowStartSettings } from './slow-start.ts';
import { spread } from './spread.ts';
import { type StickySettings, sticky, stickyAffinity } from './sticky.ts';

export interface BalancerSettings extends ShareOutSettings {
  readonly policy: PolicyName;
  /** For `least_request`. */
  readonly choices: Choices;
  /** For `least_request`: exponent on the calls in flight. */
  readonly bias: number;
  /** For `least_request`: see `slowGuarded`. */
  readonly slowGuard: boolean;
  /** For `least_request` and `peak_ewma`; the caller penalises and forgives with the same settings. */
  readonly failPenalty: FailPenaltySettings;
  /** For `peak_ewma`. */
  readonly peakEwma: PeakEwmaSettings;
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
  failPenalty: defaultFailPenalty,
  peakEwma: defaultPeakEwma,
  hash: [],
  ringSize: defaultRingSize,
  tableSize: defaultTableSize,
  panicPercent: 0,
  preferZone: true,
};

/** What the caller tells of answers and failures, where the policy learns from latency; null where it does not. */
export function latencyEstimator(settings: BalancerSettings): LatencyEstimator | null {
  if (settings.policy === 'peak_ewma') return peakEwma(settings.peakEwma);
  return settings.policy === 'least_request' && settings.slowGuard ? movingAverage : null;
}

const ipHashSources: readonly KeySource[] = [{ source: true }];

/** Field names are lower case there (RFC 9113 section 8.2.1). */
function asOnTheWire(source: KeySource): KeySource {
  return source.header === undefined ? source : { ...source, header: source.header.toLowerCase() };
}

/**
 * Whether a client can choose the endpoint of its request: by its key, or by what turn it is in, where each endpoint has its turn
 * and the client sends every other request as bad. Then a comparison of endpoints compares requests.
 */
export function clientsChoose(policy: PolicyName): boolean {
  return policy !== 'least_request' && policy !== 'peak_ewma' && policy !== 'random';
}

/** What makes the keys that picks of this policy are given; null for a policy that asks for none. */
export function affinityOf(settings: BalancerSettings): Affinity | null {
  const { policy } = settings;
  if (policy === 'sticky_cookie') return stickyAffinity(settings.sticky ?? {});
  if (policy !== 'ring_hash' && policy !== 'maglev' && policy !== 'ip_hash') return null;
  const sources = policy === 'ip_hash' ? ipHashSources : settings.hash.map(asOnTheWire);
  return {
    keyOf: (head, clientAddress) => keyOf(sources, head, clientAddress),
    bind: (reply) => reply,
  };
}

type Build = <E extends Candidate>(
  endpoints: readonly E[],
  settings: BalancerSettings,
  random: Random,
) => Balancer<E>;

const policies = {
  least_request: leastRequest,
  peak_ewma: leastPeakEwma,
  round_robin: (endpoints, _settings, random) => roundRobin(endpoints, random),
  random: (endpoints, _settings, random) => randomPick(endpoints, random),
  ring_hash: ringHash,
  maglev,
  ip_hash: (endpoints, settings, random) => maglev(endpoints, { ...settings, hash: ipHashSources }, random),
} satisfies Record<Exclude<PolicyName, 'sticky_cookie'>, Build>;

/** What else there is to know of the endpoints than which are usable. */
export interface Surroundings<E> {
  /** All but those that are to get no calls whatever happens: for priorities, zones and panic. */
  readonly members: readonly E[];
  /** The zone that this process is in, '' where it is not known. */
  readonly localZone: string;
}

/**
 * A balancer over the usable endpoints (healthy, not ejected, not draining, below their limits): first the priority and
 * the zone by `share-out.ts`, then the endpoint by the policy.
 */
export function buildBalancer<E extends Candidate>(
  usable: readonly E[],
  settings: BalancerSettings,
  random: Random,
  { members, localZone }: Surroundings<E> = { members: usable, localZone: '' },
): Balancer<E> {
  const groups = shareOut(usable, members, settings, localZone);
  const over = (build: Build, those: BalancerSettings): Balancer<E> =>
    spread(groups, (endpoints) => build(endpoints, those, random), random);
  if (settings.policy !== 'sticky_cookie') return over(policies[settings.policy], settings);
  const header = settings.sticky?.metadata;
  return sticky({
    endpoints: groups.flatMap((group) => group.endpoints),
    settings: settings.sticky ?? {},
    anew: over(leastRequest, settings),
    byName: header === undefined ? null : over(maglev, { ...settings, hash: [{ header }] }),
  });
}

function leastRequest<E extends Candidate>(
  endpoints: readonly E[],
  settings: BalancerSettings,
  random: Random,
): Balancer<E> {
  const { bias, slowGuard } = settings;
  const inFlight = inFlightPerWeight(failPenalty(settings.failPenalty), bias);
  const metric = slowGuard ? slowGuarded(inFlight, endpoints) : inFlight;
  const least =
    bias === 1 ? 'the fewest requests in flight per weight' : `the least load (in flight^${bias} / weight)`;
  const more = slowGuard ? 'recent failures or slow replies' : 'recent failures';
  return leastLoaded(endpoints, metric, settings.choices, random, {
    least,
    side(active, weight, load) {
      const counts = activePerWeight(active, weight);
      const plain = (active ** bias * 1000) / weight;
      // Kept to a thousandth, like the load itself.
      if (load - plain * 1000 > 1) return `${counts}, counted as ${ofThousandths(load)} after ${more}`;
      return bias === 1 ? counts : `${counts}, load ${ofThousandths(load)}`;
    },
  });
}

/** The power of two choices over what a call would have to wait for (Finagle, Linkerd). */
function leastPeakEwma<E extends Candidate>(
  endpoints: readonly E[],
  settings: BalancerSettings,
  random: Random,
): Balancer<E> {
  const metric = expectedWaitPerWeight(failPenalty(settings.failPenalty), settings.peakEwma);
  return leastLoaded(endpoints, metric, 2, random, {
    least: 'the shortest expected wait',
    side: (active, weight, load) =>
      `${ofThousandths(load)} ms with ${active} in flight and weight ${ofThousandths(weight)}`,
  });
}

function ringHash<E extends Candidate>(
  endpoints: readonly E[],
  settings: BalancerSettings,
  random: Random,
): Balancer<E> {
  const { hash, boundedLoad, ringSize } = settings;
  const described = describeSources(hash);
  const indexOf = hashRing(endpoints, ringSize);
  return hashed(endpoints, random, { indexOf, boundedLoad, table: 'ring', described });
}

function maglev<E extends Candidate>(
  endpoints: readonly E[],
  settings: BalancerSettings,
  random: Random,
): Balancer<E> {
  const { hash, boundedLoad, tableSize } = settings;
  const described = describeSources(hash);
  const indexOf = maglevTable(endpoints, tableSize);
  return hashed(endpoints, random, { indexOf, boundedLoad, table: 'maglev', described });
}
