import { type PolicyFact, type RequestView, requestTraffic } from '../../call/stage.ts';
import { type KeySource, keyOf } from '../../core/request-key.ts';
import { cookieName, headerName } from '../../schema/names.ts';
import { name, number, toggle } from '../../schema/scalar-type.ts';
import { key, list, optionalSection, section, type Value } from '../../schema/shape.ts';
import { addNote, type PolicyNote } from '../../telemetry/call-record.ts';
import type { Registry, ValueFamily } from '../../telemetry/metrics/registry.ts';
import type { Cluster } from '../../upstream/cluster.ts';
import { definePolicy, routeLabels } from '../policy.ts';
import { shareText } from './share-text.ts';
import { WeightedChoice } from './weighted-choice.ts';

const sticky = optionalSection(
  {
    doc: 'Keeps each client on one cluster: Outrigger chooses the cluster by a hash of the first of these keys that the request has. When the weight of a cluster grows, clients move only to that cluster. A request without any of the keys goes to a random cluster, by weight.',
    example: '{ cookie: session }',
  },
  {
    header: key(headerName, { doc: 'The first value of this header (a metadata key, for gRPC).' }),
    cookie: key(cookieName, { doc: 'The value of this cookie.' }),
    source: key(toggle, {
      default: false,
      doc: '`true`: the source address of the connection.',
    }),
  },
);

const schema = optionalSection(
  {
    doc: 'Splits requests between clusters by weight, such as 5% for a canary. Replaces `cluster` of the route. All attempts of a request go to the same cluster.',
    example: '{ clusters: [{ cluster: stable, weight: 95 }, { cluster: canary, weight: 5 }] }',
  },
  {
    clusters: list(
      {
        noun: 'cluster',
        itemsMin: 1,
        unique: 'cluster',
        doc: 'The clusters and their weights.',
      },
      section(
        { doc: 'Each item is one cluster with its weight.', example: '{ cluster: canary, weight: 5 }' },
        {
          cluster: key(name, { required: true, doc: 'Name of the cluster.' }),
          weight: key(number({ min: 0, max: 1_000_000 }), {
            required: true,
            doc: 'Share of the requests: this weight divided by the sum of all weights. 0 sends no requests.',
          }),
        },
      ),
    ),
    sticky,
  },
);

/** What one cluster of a split gets, and what its requests are told. */
interface Side {
  readonly name: string;
  readonly weight: number;
  readonly cluster: Cluster;
  readonly atRandom: PolicyNote;
  readonly byKey: PolicyNote;
  /** Requests that the cluster got since the route was compiled. */
  requests: number;
}

export interface SplitMetrics {
  readonly requests: ValueFamily;
  /** By listener and route: the labels of each side with its weight, as the latest request was split. */
  readonly weights: Map<string, ReadonlyArray<readonly [Readonly<Record<string, string>>, number]>>;
}

/** Routes of which weights are shown; those beyond are left out. */
const shownRoutesMax = 1000;

/** Requests of one route to several clusters, by weight. */
export const split = definePolicy({
  key: 'split',
  schema,
  replacesCluster: true,

  check({ clusters = [], sticky }, { problem }) {
    const weights = clusters.map(({ weight }) => weight);
    if (weights.length > 0 && weights.every((weight) => weight === 0))
      problem('.clusters', 'the weights add up to "0"; write a weight of 1 or more for one of the clusters');
    if (sticky !== undefined && stickySources(sticky).length === 0)
      problem('.sticky', 'has nothing to go by; write header: x-user-id, cookie: session or source: true');
  },

  clusters: ({ clusters = [] }) =>
    clusters.map(({ cluster }, i) => ({ path: `.clusters[${i}].cluster`, name: cluster })),

  metrics: declareMetrics,

  compile({ clusters, sticky }, { cluster: clusterOf, random, metrics }) {
    const total = clusters.reduce((sum, { weight }) => sum + weight, 0);
    const sides = clusters.map(({ cluster, weight }): Side => {
      const part = `(weight ${weight} of ${total})`;
      return {
        name: cluster,
        weight,
        cluster: clusterOf(cluster),
        atRandom: { policy: 'split', text: `chose cluster ${cluster} at random ${part}` },
        byKey: { policy: 'split', text: `chose cluster ${cluster} by the key of the client ${part}` },
        requests: 0,
      };
    });
    const choice = new WeightedChoice(sides);
    const sources = sticky === undefined ? [] : stickySources(sticky);
    let shownFor = '';
    return {
      policy: 'split',
      appliesTo: requestTraffic,
      facts: () => factsOf(sides, total),
      request(request) {
        const { record, requestHead } = request;
        const clientKey = keyOf(sources, requestHead, record.clientAddress);
        const side = clientKey === '' ? choice.atRandom(random) : choice.byKey(clientKey);
        side.requests++;
        request.useCluster(side.cluster);
        addNote(record, clientKey === '' ? side.atRandom : side.byKey);
        metrics.requests.bind(labelsOf(request, side)).add(1);
        if (shownFor !== record.listener) {
          shownFor = record.listener;
          showWeights(metrics, request, sides);
        }
        return null;
      },
    };
  },
});

/** The share of each side: of the requests, and by weight. */
function factsOf(sides: readonly Side[], weightTotal: number): PolicyFact[] {
  const sent = sides.reduce((sum, { requests }) => sum + requests, 0);
  return sides.map(({ name, weight, requests }) => ({
    name,
    text: shareText(requests, sent, weight / weightTotal),
  }));
}

/** In the order of precedence. A header is looked up by its name in lower case. */
function stickySources({
  header,
  cookie,
  source,
}: Partial<NonNullable<Value<typeof sticky>>>): readonly KeySource[] {
  const sources: KeySource[] = [];
  if (header !== undefined) sources.push({ header: header.toLowerCase() });
  if (cookie !== undefined) sources.push({ cookie });
  if (source === true) sources.push({ source });
  return sources;
}

function declareMetrics(registry: Registry): SplitMetrics {
  const weights: SplitMetrics['weights'] = new Map();
  const requests = registry.counter({
    name: 'outrigger.split.requests',
    unit: '{request}',
    help: 'Requests that the split of a route sent to a cluster.',
  });
  registry.observe(
    'gauge',
    {
      name: 'outrigger.split.weight',
      unit: '',
      help: 'Weight of a cluster in the split of a route, at the latest request of the route.',
    },
    (emit) => {
      for (const sides of weights.values()) for (const [labels, weight] of sides) emit(labels, weight);
    },
  );
  return { requests, weights };
}

/**
 * Shows the weights of a route from its first request on. Compiling is too early: a reload compiles routes before it is certain
 * that they are applied.
 */
function showWeights({ weights }: SplitMetrics, request: RequestView, sides: readonly Side[]): void {
  const { listener, route } = request.record;
  const at = `${listener}\n${route}`;
  if (weights.size >= shownRoutesMax && !weights.has(at)) return;
  weights.set(
    at,
    sides.map((side) => [labelsOf(request, side), side.weight]),
  );
}

function labelsOf(request: RequestView, { name }: Side): Readonly<Record<string, string>> {
  return { ...routeLabels(request), 'outrigger.cluster': name };
}
