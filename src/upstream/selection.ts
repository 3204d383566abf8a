import { buildBalancer } from '../balancing/build.ts';
import type { Balancer } from '../balancing/candidate.ts';
import { type Census, type CensusMember, censusMembersMax } from '../balancing/pick-reason.ts';
import { distributeByPriority, type ZoneSpill } from '../balancing/priorities.ts';
import type { BalancerSettings } from '../balancing/settings.ts';
import { slowStartFactor, slowStartStepMs } from '../balancing/slow-start.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { Endpoint } from './endpoint.ts';
import type { ReportIntake } from './report-intake.ts';

export interface SelectionDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** The zone that this process is in; not known if not given. */
  readonly localZone?: string;
}

/**
 * Who of a cluster's endpoints may be picked, and with what weight: the active balancer, rebuilt when one of its endpoints
 * comes, goes, changes its mind or its weight, and kept otherwise (a hash table takes milliseconds to make, and round robin
 * forgets its place).
 */
export class Selection {
  balancer: Balancer<Endpoint>;
  /** Takes load reports, for the balancers; null where the cluster accepts none. */
  intake: ReportIntake | null;
  /** What the balancer was built from, for the reasons of picks. */
  census: Census = { usable: 0, total: 0, unusable: '', subset: '', members: [] };
  /** What is learned of the load of zones, by priority. */
  private readonly spill: ZoneSpill = new Map();
  private readonly deps: SelectionDeps;
  /** What the balancer was made from, one thing after the other. */
  private madeFrom: unknown[] = [];
  /** Runs while weights grow by slow start. */
  private timer: Timer | null = null;
  private stopped = false;

  constructor(settings: BalancerSettings, deps: SelectionDeps, intake: ReportIntake | null = null) {
    this.intake = intake;
    this.deps = deps;
    this.balancer = buildBalancer<Endpoint>([], settings, deps.random);
  }

  /**
   * Rebuilds the selection from the endpoints, and again as long as a weight grows; returns how many may be used. `discovered` is how
   * many endpoints subsetting chose these from, 0 without.
   */
  update(endpoints: readonly Endpoint[], settings: BalancerSettings, discovered: number): number {
    const growing = this.weigh(endpoints, settings);
    this.timer?.cancel();
    const again = (): void => void this.update(endpoints, settings, discovered);
    this.timer =
      growing && !this.stopped && settings.slowStart !== undefined
        ? this.deps.clock.after(slowStartStepMs(settings.slowStart), again)
        : null;
    const members = membersOf(endpoints);
    const usable = members.filter(({ usableSinceMs }) => usableSinceMs !== null);
    this.census = censusOf(endpoints, usable.length, discovered);
    const from: unknown[] = [settings];
    for (const e of members)
      from.push(e, e.weight, e.configuredWeight, e.zone, e.priority, e.usableSinceMs !== null);
    if (from.length !== this.madeFrom.length || from.some((value, i) => value !== this.madeFrom[i])) {
      this.madeFrom = from;
      const { localZone = '', random } = this.deps;
      const spill = this.spillOf(settings);
      this.balancer = buildBalancer(usable, settings, random, {
        members,
        localZone,
        spill,
        reports: this.intake?.learner ?? null,
      });
    }
    return usable.length;
  }

  /** How much of its requests the own zone keeps by the load reports of its endpoints, the least of all priorities; null where that is off. */
  zoneSpill(settings: BalancerSettings): { readonly kept: number; readonly reason: string } | null {
    if (this.spillOf(settings) === null || (this.deps.localZone ?? '') === '') return null;
    let least = { kept: 1, reason: '' };
    for (const { kept, reason } of this.spill.values()) if (kept < least.kept) least = { kept, reason };
    return least;
  }

  private spillOf({ zoneSpill, preferZone }: BalancerSettings): ZoneSpill | null {
    if (zoneSpill === true && preferZone) return this.spill;
    this.spill.clear();
    return null;
  }

  /** Stops rebuilding. */
  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  /** Notes who is usable since when, and gives everyone the weight that is due; whether some weight is still to grow. */
  private weigh(endpoints: readonly Endpoint[], { slowStart }: BalancerSettings): boolean {
    const nowMs = this.deps.clock.now();
    let growing = false;
    for (const endpoint of endpoints) {
      const wasUsable = endpoint.usableSinceMs !== null;
      endpoint.usableSinceMs = endpoint.unusableBecause === '' ? (endpoint.usableSinceMs ?? nowMs) : null;
      if (!wasUsable && endpoint.usableSinceMs !== null) endpoint.report?.interrupted();
      const factor =
        slowStart === undefined ? 1 : slowStartFactor(slowStart, nowMs - (endpoint.usableSinceMs ?? nowMs));
      endpoint.weight = endpoint.configuredWeight * factor;
      if (endpoint.usableSinceMs !== null && factor < 1) growing = true;
    }
    return growing;
  }

  /** The part of the calls that each endpoint gets by weight; those that get none are not there. */
  shares(endpoints: readonly Endpoint[], settings: BalancerSettings): Map<Endpoint, number> {
    const members = membersOf(endpoints);
    const usable = members.filter(({ unusableBecause }) => unusableBecause === '');
    const { localZone = '' } = this.deps;
    const groups = distributeByPriority(usable, members, settings, localZone, this.spillOf(settings));
    const whole = groups.reduce((sum, { share }) => sum + share, 0);
    const shares = new Map<Endpoint, number>();
    for (const group of groups) {
      if (group.share === 0) continue;
      const weight = group.endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0);
      for (const endpoint of group.endpoints)
        shares.set(endpoint, ((group.share / whole) * endpoint.weight) / weight);
    }
    return shares;
  }
}

/** Reasons that are distinguished; a back-off quotes an error, so their number is not known beforehand. */
const censusReasonsMax = 5;

/** Counts the unusable endpoints by what their reason begins with: `unhealthy: connection refused` is unhealthy. */
function censusOf(endpoints: readonly Endpoint[], usable: number, discovered: number): Census {
  const counts = new Map<string, number>();
  for (const { usableSinceMs, unusableBecause, drainedByHand } of endpoints) {
    if (usableSinceMs !== null && !drainedByHand) continue;
    const [reason] = unusableBecause.split(':', 1);
    const key = counts.has(reason) || counts.size < censusReasonsMax ? reason : 'other reasons';
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const unusable = [...counts].map(([reason, count]) => `${reason}: ${count}`).join(', ');
  const members = endpoints.slice(0, censusMembersMax).map(censusMember);
  const total = endpoints.length;
  const subset = discovered > total ? `subsetting chose ${total} of ${discovered} endpoints; ` : '';
  return { usable, total, unusable, subset, members };
}

function censusMember(endpoint: Endpoint): CensusMember {
  const { slot, address, weight, zone, priority, health, unusableBecause } = endpoint;
  return { slot, address, weight, zone, priority, health: health.status, unusable: unusableBecause };
}

/** Those that are meant to get calls: an endpoint that was taken out by hand is no capacity that is missing. */
function membersOf(endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints.filter(({ drainedByHand }) => !drainedByHand);
}
