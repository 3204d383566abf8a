import { hash32 } from '../core/hash.ts';
import type { Random } from '../core/random.ts';
import type { Balancer, Candidate } from './candidate.ts';
import type { Group } from './priorities.ts';

/**
 * One policy over each group of endpoints, and calls shared out over the groups: at random, or by key, so that calls of one key
 * stay in one group. A call that has used all of a group goes on to the others in order, those without a share included: a
 * standby takes over before anybody has noticed that the others are gone.
 */
export function balanceGroups<E extends Candidate>(
  groups: readonly Group<E>[],
  build: (endpoints: readonly E[]) => Balancer<E>,
  random: Random,
): Balancer<E> {
  if (groups.length === 1 && groups[0].why === '') return build(groups[0].endpoints);
  const balancers = groups.map((group) => build(group.endpoints));
  const shares = Float64Array.from(groups, (group) => group.share);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const wheres = groups.map(({ why, endpoints: those }) => `${why}, ${endpointsText(those.length)}`);
  /** Of the latest pick. */
  let latest = 0;
  const endpoints = groups.flatMap((group) => group.endpoints);
  if (groups.length === 0) return build(endpoints);
  return {
    endpoints,
    pick(nowMs, excluded, key) {
      const lot = key === '' ? random.next() : (hash32(key, groupSeed) >>> 0) / 2 ** 32;
      let point = lot * total;
      let first = 0;
      for (; first < shares.length - 1; first++) {
        point -= shares[first];
        if (point < 0) break;
      }
      const picked = balancers[first].pick(nowMs, excluded, key);
      latest = first;
      if (picked !== null) return picked;
      for (let i = 0; i < balancers.length; i++) {
        const other = i === first ? null : balancers[i].pick(nowMs, excluded, key);
        latest = i;
        if (other !== null) return other;
      }
      return null;
    },
    explain(picked, nowMs, key) {
      const reason = balancers[latest].explain(picked, nowMs, key);
      reason.where = wheres[latest];
      return reason;
    },
  };
}

const endpointsText = (count: number): string => (count === 1 ? '1 endpoint' : `${count} endpoints`);

/** Another hash of the key than the one within the group, or a group would see a part of all hashes only. */
const groupSeed = 0x9709;
