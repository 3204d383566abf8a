import type { Random } from '../../core/random.ts';
import { describeSources, type KeySource } from '../../core/request-key.ts';
import { number } from '../../schema/scalar-type.ts';
import { key } from '../../schema/shape.ts';
import type { Balancer, Candidate } from '../candidate.ts';
import { hashed } from '../hashed.ts';
import { balancerKind } from '../kind.ts';
import { maglevTable } from '../maglev.ts';
import type { BalancerSettings } from '../settings.ts';
import { affinityBy } from './hash-policy.ts';
import { boundedLoadKeys, checkHash, hashKeys } from './shared-keys.ts';

/** `maglev`: requests of one key to one endpoint, by Maglev's table. */
export const maglev = balancerKind({
  name: 'maglev',
  doc: 'the same with a Maglev table, which has faster lookups and distributes more evenly',
  keys: {
    ...hashKeys,
    ...boundedLoadKeys,
    tableSize: key(number({ min: 2, max: 262_147 }), {
      default: 65_537,
      doc: 'For `maglev` and `ip_hash`: number of entries in the table. Use a prime number of at least 100 times the number of endpoints.',
    }),
  },
  clientsChoose: true,
  check: checkHash,
  affinity: ({ hash }) => affinityBy(hash),
  create: ({ over, settings, random }) =>
    over((endpoints) => chooseByTable(endpoints, settings, settings.hash, random)),
});

export function chooseByTable<E extends Candidate>(
  endpoints: readonly E[],
  { boundedLoad, tableSize }: BalancerSettings,
  hash: readonly KeySource[],
  random: Random,
): Balancer<E> {
  const described = describeSources(hash);
  const indexOf = maglevTable(endpoints, tableSize);
  return hashed(endpoints, random, { indexOf, boundedLoad, table: 'maglev', described });
}
