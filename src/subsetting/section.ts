import { number, text } from '../schema/scalar-type.ts';
import { key, optionalSection, type Value } from '../schema/shape.ts';

/** The keys of `clusters[].subsetting`. */
export const subsetting = optionalSection(
  {
    doc: 'Random subsetting (gRFC A68), for clusters with hundreds of endpoints: this sidecar uses only some of the endpoints, and connects to and checks only these. Each sidecar uses others. See balancing.md.',
    example: '{ size: 20 }',
    reload: 'live',
  },
  {
    size: key(number({ min: 1, max: 100_000 }), {
      required: true,
      doc: 'Number of endpoints that this sidecar uses, for each priority. If there are not more, it uses all of them. Use 20 or more: unhealthy endpoints count, and Outrigger does not replace them by others.',
    }),
    seed: key(text({ charsMax: 256 }), {
      otherwise: 'random, chosen at each start',
      doc: 'Decides which endpoints this sidecar uses, together with their addresses. Set it to a name that this sidecar keeps, such as that of its pod in a StatefulSet, if it should use the same endpoints after a restart. Sidecars with the same seed use the same endpoints, so do not share one.',
    }),
  },
);

export type SubsettingConfig = NonNullable<Value<typeof subsetting>>;
