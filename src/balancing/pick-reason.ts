import type { PickCandidate, PickDetails } from '../core/pick-details.ts';
import type { LoadLog } from './load-log.ts';
import { notJudged, type PickBasis } from './shared-load/report-guard.ts';

/**
 * Why an endpoint was picked, as the numbers that decided. Every call has one, so a pick keeps small integers and references
 * alone, and the sentence is made for whoever asks.
 */
export class PickReason {
  /** Makes the words of the policy; shared by all picks of a balancer. */
  readonly words: PickWords;
  /** Of the picked endpoint. */
  readonly address: string;
  /** Of the endpoint it was compared with: the next best, or the owner of the key. '' for none. */
  readonly other: string;
  /** Which case of the policy it was, or how many were alike; see each policy. */
  readonly variant: number;
  /** Requests in flight at the picked endpoint before this one, and its weight and what the policy compares, in thousandths. */
  readonly active: number;
  readonly weight: number;
  readonly value: number;
  /** The same of `other`. */
  readonly otherActive: number;
  readonly otherWeight: number;
  readonly otherValue: number;
  /** Of the request's key, 32 bits; for the policies that have one. */
  hash = 0;
  /** What decided, where load reports may have. */
  basis: PickBasis = notJudged;
  /** Priority, zone or session that came before the policy; '' for none. */
  where = '';
  /** What the cluster knew of its endpoints; null where no cluster asked. */
  census: Census | null = null;
  /** Endpoints that this call had been at before. */
  excluded = 0;
  /** Endpoints that were passed over at their own limit of requests. */
  full = 0;
  /** What the balancer drew, where it drew more than two: the addresses, in the order of the draws. */
  drawn: readonly string[] | null = null;
  /** Where the loads of all endpoints at that moment are found; null where no cluster asked. */
  loads: LoadLog | null = null;
  moment = 0;
  /** Those loads, in the order of the census, once somebody kept them; null before. */
  private kept: ReadonlyArray<number | null> | null = null;

  /** `value` is what the policy compares; weights and values may be fractions. */
  constructor(
    words: PickWords,
    variant: number,
    picked: PickSide,
    weight: number,
    value: number,
    other: PickSide | null = null,
    otherWeight = 0,
    otherValue = 0,
  ) {
    this.words = words;
    this.variant = variant;
    this.address = picked.address;
    this.active = picked.active;
    this.weight = thousandths(weight);
    this.value = thousandths(value);
    this.other = other === null ? '' : other.address;
    this.otherActive = other === null ? 0 : other.active;
    this.otherWeight = thousandths(otherWeight);
    this.otherValue = thousandths(otherValue);
  }

  /** The sentence: what was usable, what came first, what the policy compared. */
  toString(): string {
    const { census, where } = this;
    const front = census === null ? '' : census.subset + this.usableWords(census);
    return where === '' ? front + this.words(this) : `${front}${where}; ${this.words(this)}`;
  }

  toJSON(): string {
    return this.toString();
  }

  /**
   * Keeps the loads of all endpoints, for a call that is remembered for long. Does nothing where many changes have followed:
   * this runs with the end of a call.
   */
  keep(): void {
    if (this.kept !== null || this.loads === null || this.census === null) return;
    this.kept = this.loads.activeAt(this.moment, slotsOf(this.census), keptChangesMax);
  }

  /** Returns all endpoints as they were at the pick, and what was drawn; null where no cluster asked. */
  details(): PickDetails | null {
    const { census } = this;
    if (census === null) return null;
    const active = this.kept ?? this.loads?.activeAt(this.moment, slotsOf(census)) ?? null;
    return {
      candidates: census.members.map((member, i) =>
        this.candidate(member, active === null ? null : active[i]),
      ),
      candidatesLeftOut: census.total - census.members.length,
      hasActive: active !== null,
      draws: this.draws(),
    };
  }

  private candidate(member: CensusMember, active: number | null): PickCandidate {
    const { address, weight, zone, priority, health, unusable } = member;
    return { address, active: active ?? this.activeOf(address), weight, zone, priority, health, unusable };
  }

  /** What the balancer itself read of an endpoint; null where it kept nothing of it. */
  private activeOf(address: string): number | null {
    if (address === this.address) return this.active;
    return this.other !== '' && address === this.other ? this.otherActive : null;
  }

  private draws(): readonly string[] {
    if (this.drawn !== null) return this.drawn;
    // A negative variant is a number of draws; see `least-loaded.ts`.
    if (this.variant >= 0) return [];
    return this.other === '' ? [this.address] : [this.address, this.other];
  }

  private usableWords({ usable, total, unusable }: Census): string {
    const { excluded, full } = this;
    // Nearly always, and every sampled call has it: each piece that is put together costs 20 ns.
    if (usable === total && total > 1 && excluded === 0 && full === 0)
      return `${total} endpoints were usable; `;
    const some = total === 1 ? '1 endpoint' : `${total} endpoints`;
    const counts =
      usable === total
        ? `${some} ${total === 1 ? 'was' : 'were'} usable`
        : `${usable} of ${some} ${usable === 1 || total === 1 ? 'was' : 'were'} usable (${unusable})`;
    const excludedWords = excluded === 0 ? '' : `, ${excluded} used by an earlier attempt`;
    return `${counts}${excludedWords}${full === 0 ? '' : `, ${full} at the limit of requests`}; `;
  }
}

export type PickWords = (reason: PickReason) => string;

/** What is the same for every pick until the endpoints, their health or their weights change. */
export interface Census {
  readonly usable: number;
  readonly total: number;
  /** How many are unusable, by reason: `unhealthy: 1, ejected: 2`. */
  readonly unusable: string;
  /** How subsetting chose the endpoints, with a semicolon and a space behind it; '' where it left none out. */
  readonly subset: string;
  /** The endpoints, `censusMembersMax` at the most. */
  readonly members: readonly CensusMember[];
}

/** Endpoints of a cluster that a census holds: calls that are remembered hold theirs. */
export const censusMembersMax = 128;

/** One endpoint of a census, as it stood. */
export interface CensusMember extends Omit<PickCandidate, 'active'> {
  /** In the `LoadLog` of the cluster. */
  readonly slot: number;
}

/** Changes of the loads that are gone through as a call ends: microseconds, which only failed and slow calls pay. */
const keptChangesMax = 4096;

function slotsOf({ members }: Census): number[] {
  return members.map(({ slot }) => slot);
}

interface PickSide {
  readonly address: string;
  readonly active: number;
}

const int32Max = 2 ** 31 - 1;

/** A fraction as a property would be allocated on its own, and so would a number beyond 32 bits. */
function thousandths(value: number): number {
  const scaled = value * 1000;
  if (scaled < int32Max && scaled > -int32Max) return Math.round(scaled) | 0;
  return scaled > 0 ? int32Max : -int32Max;
}

/** A number that was kept in thousandths, without needless zeros. */
export function ofThousandths(kept: number): string {
  if (kept === int32Max) return 'more than 2000000';
  const whole = Math.trunc(kept / 1000);
  return String(whole * 1000 === kept ? whole : kept / 1000);
}

/** `1/2`: requests in flight over the weight. */
export function activePerWeight(active: number, weight: number): string {
  return `${active}/${ofThousandths(weight)}`;
}
