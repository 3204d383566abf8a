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
  doc: 'requests with the same key (`hash`) go to the same endpoint (consistent hashing on a ring)',
  keys: {
    ...hashKeys,
    ...boundedLoadKeys,
    ringSize: section(
      {
        doc: 'For `ring_hash`: number of points on the ring. With more points, the distribution is closer to the weights.',
      },
      {
        perEndpoint: key(number({ min: 1, max: 65_536 }), {
          default: 1024,
          doc: 'Points of the endpoint with the lowest weight. Endpoints with a higher weight have proportionally more.',
        }),
        max: key(number({ min: 1, max: 1_000_000 }), {
          default: 65_536,
          doc: 'Maximum number of points for all endpoints together.',
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
