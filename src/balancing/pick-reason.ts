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
  /** Priority, zone or session that came before the policy; '' for none. */
  where = '';
  /** What the cluster knew of its endpoints; null where no cluster asked. */
  census: Census | null = null;
  /** Endpoints that this call had been at before. */
  excluded = 0;
  /** Endpoints that were passed over at their own limit of requests. */
  full = 0;

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
    const front = this.census === null ? '' : `${this.usableWords(this.census)}; `;
    const where = this.where === '' ? '' : `${this.where}; `;
    return `${front}${where}${this.words(this)}`;
  }

  toJSON(): string {
    return this.toString();
  }

  private usableWords({ usable, total, unusable }: Census): string {
    const { excluded, full } = this;
    const some = total === 1 ? '1 endpoint' : `${total} endpoints`;
    const counts =
      usable === total
        ? `${some} ${total === 1 ? 'was' : 'were'} usable`
        : `${usable} of ${some} ${usable === 1 || total === 1 ? 'was' : 'were'} usable (${unusable})`;
    const excludedWords = excluded === 0 ? '' : `, ${excluded} used by an earlier attempt`;
    return `${counts}${excludedWords}${full === 0 ? '' : `, ${full} at the limit of requests`}`;
  }
}

export type PickWords = (reason: PickReason) => string;

/** What is the same for every pick until the endpoints, their health or their weights change. */
export interface Census {
  readonly usable: number;
  readonly total: number;
  /** How many are unusable, by reason: `unhealthy: 1, ejected: 2`. */
  readonly unusable: string;
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
  return kept === int32Max ? 'more than 2000000' : String(kept / 1000);
}

/** `1/2`: requests in flight over the weight. */
export function activePerWeight(active: number, weight: number): string {
  return `${active}/${ofThousandths(weight)}`;
}
