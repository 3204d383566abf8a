import { hash32 } from '../core/hash.ts';
import type { Random } from '../core/random.ts';
import type { Balancer, Candidate } from './candidate.ts';
import type { Group } from './priorities.ts';

/** The same groups with the shares that they have now, after so many picks since the last time. */
export type Regroup<E> = (picks: number, nowMs: number) => readonly Group<E>[];

/** From one call of `Regroup` to the next, milliseconds. */
const regroupMs = 1000;

/**
 * One policy over each group of endpoints, and calls shared out over the groups: at random, or by key, so that calls of one key
 * stay in one group. A call that has used all of a group goes on to the others in order, those without a share included: a
 * standby takes over before anybody has noticed that the others are gone.
 */
export function balanceGroups<E extends Candidate>(
  groups: readonly Group<E>[],
  build: (endpoints: readonly E[]) => Balancer<E>,
  random: Random,
  regroup: Regroup<E> | null = null,
): Balancer<E> {
  if (groups.length === 1 && groups[0].why === '') return build(groups[0].endpoints);
  const endpoints = groups.flatMap((group) => group.endpoints);
  if (groups.length === 0) return build(endpoints);
  return new GroupBalancer(groups, build, random, regroup, endpoints);
}

class GroupBalancer<E extends Candidate> implements Balancer<E> {
  readonly endpoints: readonly E[];
  private readonly random: Random;
  private readonly regroup: Regroup<E> | null;
  private readonly balancers: ReadonlyArray<Balancer<E>>;
  private readonly shares: Float64Array;
  private wheres: readonly string[];
  /** The group of the latest pick. */
  private latest = 0;
  /** Since the latest regrouping. */
  private picks = 0;
  /** `Clock.now()` of the latest regrouping, in a place that is never boxed. */
  private readonly groupedMs = Float64Array.of(Number.NEGATIVE_INFINITY);
  /** The sum of the shares. */
  private readonly total = new Float64Array(1);
  /** The group that the next pick goes to; -1 for none. */
  private probed = -1;
  /** The latest pick went there. */
  private isProbe = false;

  constructor(
    groups: readonly Group<E>[],
    build: (endpoints: readonly E[]) => Balancer<E>,
    random: Random,
    regroup: Regroup<E> | null,
    endpoints: readonly E[],
  ) {
    this.endpoints = endpoints;
    this.random = random;
    this.regroup = regroup;
    this.balancers = groups.map((group) => build(group.endpoints));
    this.shares = new Float64Array(groups.length);
    this.wheres = this.adopt(groups);
  }

  pick(nowMs: number, excluded: ReadonlySet<E> | null, key: string): E | null {
    const { balancers } = this;
    if (this.regroup !== null) this.learn(this.regroup, nowMs);
    const first = this.draw(key);
    const picked = balancers[first].pick(nowMs, excluded, key);
    this.latest = first;
    if (picked !== null) return picked;
    for (let i = 0; i < balancers.length; i++) {
      const other = i === first ? null : balancers[i].pick(nowMs, excluded, key);
      this.latest = i;
      if (other !== null) return other;
    }
    return null;
  }

  explain(picked: E, nowMs: number, key: string): ReturnType<Balancer<E>['explain']> {
    const reason = this.balancers[this.latest].explain(picked, nowMs, key);
    reason.where = this.isProbe
      ? `${this.wheres[this.latest]}, for its load report`
      : this.wheres[this.latest];
    return reason;
  }

  private draw(key: string): number {
    const { shares } = this;
    // Calls of one key stay together, so none of them is sent for a report.
    this.isProbe = this.probed >= 0 && key === '';
    if (this.isProbe) {
      const { probed } = this;
      this.probed = -1;
      return probed;
    }
    const lot = key === '' ? this.random.next() : (hash32(key, groupSeed) >>> 0) / 2 ** 32;
    let point = lot * this.total[0];
    let first = 0;
    for (; first < shares.length - 1; first++) {
      point -= shares[first];
      if (point < 0) break;
    }
    return first;
  }

  /** Makes objects, but once a second only. */
  private learn(regroup: Regroup<E>, nowMs: number): void {
    this.picks++;
    if (nowMs - this.groupedMs[0] < regroupMs) return;
    this.groupedMs[0] = nowMs;
    this.wheres = this.adopt(regroup(this.picks, nowMs));
    this.picks = 0;
  }

  /** Takes over the shares. Returns what is said of a pick in each group. */
  private adopt(groups: readonly Group<E>[]): readonly string[] {
    this.total[0] = groups.reduce((sum, { share }) => sum + share, 0);
    this.shares.set(groups.map(({ share }) => share));
    this.probed = groups.findIndex(({ isProbed }) => isProbed === true);
    return groups.map(({ why, endpoints }) => `${why}, ${endpointsText(endpoints.length)}`);
  }
}

const endpointsText = (count: number): string => (count === 1 ? '1 endpoint' : `${count} endpoints`);

/** Another hash of the key than the one within the group, or a group would see a part of all hashes only. */
const groupSeed = 0x9709;
