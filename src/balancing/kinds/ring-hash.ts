import { describeSources } from '../../core/request-key.ts';
import { number } from '../../schema/scalar-type.ts';
import { key, section } from '../../schema/shape.ts';
import { hashed } from '../hashed.ts';
import { balancerKind } from '../kind.ts';
import { hashRing } from '../ring-hash.ts';
import { affinityBy } from './hash-policy.ts';
import { boundedLoadKeys, checkHash, checkUnusedHash, hashKeys } from './shared-keys.ts';

/** `ring_hash`: requests of one key to one endpoint, by consistent hashing on a ring. */
export const ringHash = balancerKind({
  name: 'ring_hash',
  doc: 'calls of one key (`hash`) to one endpoint, by a ring',
  keys: {
    ...hashKeys,
    ...boundedLoadKeys,
    ringSize: section(
      { doc: 'For `ring_hash`: points on the ring. The more, the nearer shares come to the weights.' },
      {
        perEndpoint: key(number({ min: 1, max: 65_536 }), {
          default: 1024,
          doc: 'Of the lightest endpoint; the others have more by their weights.',
        }),
        max: key(number({ min: 1, max: 1_000_000 }), {
          default: 65_536,
          doc: 'In all at most, however many endpoints there are and however their weights differ.',
        }),
      },
    ),
  },
  clientsChoose: true,
  check: checkHash,
  checkUnused(draft, context) {
    if (context.policy !== 'maglev') checkUnusedHash(draft, context);
  },
  affinity: ({ hash }) => affinityBy(hash),
  create({ over, settings, random }) {
    const { hash, boundedLoad, ringSize } = settings;
    const described = describeSources(hash);
    return over((endpoints) =>
      hashed(endpoints, random, {
        indexOf: hashRing(endpoints, ringSize),
        boundedLoad,
        table: 'ring',
        described,
      }),
    );
  },
});
