import { choice, duration, number, toggle } from '../schema/scalar-type.ts';
import { type Keys, key, optionalSection, section } from '../schema/shape.ts';
import type { BalancerContext, BalancerDraft, BalancerKind } from './kind.ts';
import { balancerKinds, policyNames } from './list.ts';

type Union<K> = (K extends Keys ? (keys: K) => void : never) extends (keys: infer I) => void ? I : never;
type AllKeys = Union<(typeof balancerKinds)[number]['keys']>;

const kinds: readonly BalancerKind[] = balancerKinds;
const policyKeys = Object.assign({}, ...kinds.map(({ keys }) => keys)) as AllKeys;

/** `balancer` of a cluster: the policy, the keys of every policy, and what comes before the policy. */
export const balancer = section(
  { doc: 'How Outrigger picks a usable endpoint for each request.', reload: 'live' },
  {
    policy: key(choice(policyNames), {
      default: 'least_request',
      doc: `${kinds.map(({ name, doc }) => `\`${name}\`: ${doc}.`).join(' ')} All respect weights.`,
    }),
    ...policyKeys,
    slowStart: optionalSection(
      {
        doc: 'Slow start: increases the weight of an endpoint gradually when the endpoint is new or becomes usable again. Applies to all policies except the hash policies.',
        example: '{ window: 30s }',
      },
      {
        window: key(duration({ min: '100ms', max: '1h' }), {
          required: true,
          doc: 'How long the weight grows. Use twice the warm-up time of the service for `least_request`, and six times for `round_robin`.',
        }),
        aggression: key(number({ min: 0.1, max: 100, whole: false }), {
          default: 0.5,
          doc: 'The weight is multiplied by `max(minWeightPercent / 100, (time / window)^(1 / aggression))`. With a value above 1, the weight grows fast at first; with a value below 1, slowly.',
        }),
        minWeightPercent: key(number({ min: 1, max: 100, whole: false }), {
          default: 10,
          doc: 'Minimum percentage of its weight that an endpoint has during slow start.',
        }),
      },
    ),
    preferZone: key(toggle, {
      default: true,
      doc: 'Sends all requests to endpoints in the `zone` of Outrigger, if one is set, as long as these endpoints can carry their share.',
    }),
    zoneSpill: key(toggle, {
      default: false,
      doc: 'With `preferZone`: sends a part of the requests to other zones while the endpoints of the own zone report more load than they can take, and the endpoints of other zones report less. Accepts load reports. See balancing.md.',
    }),
    panicPercent: key(number({ min: 0, max: 100 }), {
      default: 0,
      doc: 'Panic threshold: if a lower percentage of endpoints is usable, Outrigger uses all endpoints, including unusable ones. With 0 (never), a request fails immediately if no endpoint is usable.',
    }),
  },
);

/** Reports what is wrong with the settings of a policy, and with keys that it does not read. */
export function checkBalancer(draft: BalancerDraft, context: Omit<BalancerContext, 'policy'>): void {
  const policy = draft.policy as string | undefined;
  if (policy === undefined) return;
  const own = { ...context, policy };
  for (const kind of kinds) {
    if (kind.name === policy) kind.check?.(draft, own);
    else kind.checkUnused?.(draft, own);
  }
  checkSizes(draft, own);
}

/** The sizes of tables have defaults, so they are there whatever the policy is. */
function checkSizes({ ringSize, tableSize }: BalancerDraft, { problem }: BalancerContext): void {
  const { perEndpoint, max } = ringSize ?? {};
  if (perEndpoint !== undefined && max !== undefined && perEndpoint > max)
    problem('.ringSize.perEndpoint', `${perEndpoint} is above max; write ${max} or less`);
  if (typeof tableSize === 'number' && !isPrime(tableSize)) {
    let prime = tableSize;
    while (!isPrime(prime)) prime++;
    problem('.tableSize', `${tableSize} is not a prime; write ${prime}`);
  }
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return number > 1;
}
