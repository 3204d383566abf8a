import { shownFileOfConfig } from '../config/load.ts';
import { clustersOfRoute } from '../config/rules/policies.ts';
import {
  type ClusterConfig,
  type Config,
  type ListenerConfig,
  type RouteConfig,
  tableOf,
} from '../config/table.ts';
import { formatAddress } from '../core/address.ts';
import { HeaderBlock } from '../core/header-block.ts';
import { pluralize } from '../core/pluralize.ts';
import type { Result } from '../core/result.ts';
import type { SentResource } from '../core/sent-resource.ts';
import { configOf, type PolicyList } from '../policies/compile.ts';
import { compileRoutes } from '../routing/router.ts';
import type { Target } from '../routing/target-rules.ts';
import type {
  ClusterExplanation,
  EndpointExplanation,
  ListenerExplanation,
  MadeUpRequest,
  PolicyExplanation,
  RequestExplanation,
} from './request.ts';
import { routeStepsOf } from './route-steps.ts';

/** What a running sidecar knows besides its configuration. Without one, everything comes from the configuration. */
export interface LiveState {
  /** The compiled routes of a listener; null for one that the sidecar does not have. */
  router(listener: string): RequestRouter | null;
  /** The endpoints of a cluster and where they come from; null for one that the sidecar does not have. */
  cluster(name: string): LiveCluster | null;
  /** The resources of a control plane that a listener and clusters are from. */
  resources(listener: string, clusters: readonly string[]): readonly SentResource[];
}

/** Finds the name of the route of a request. */
export interface RequestRouter {
  targetOf(head: HeaderBlock): Target;
  /** '' where no route matches. */
  routeName(head: HeaderBlock, source: string): string;
}

export interface LiveCluster {
  readonly discovery: string;
  readonly endpoints: readonly EndpointExplanation[];
}

/** Endpoints that are listed of each cluster. */
export const candidatesListedMax = 200;

/** Explains what would become of a request, and sends nothing. */
export function explainRequest(
  config: Config,
  policies: PolicyList,
  request: MadeUpRequest,
  live: LiveState | null,
): RequestExplanation {
  const { method, path, authority, headers, grpc } = request;
  const routed = routedListeners(config).filter(
    ({ name }) => request.listener === '' || name === request.listener,
  );
  const file = shownFileOfConfig(config, tableOf(policies)) as unknown as ShownFile;
  return {
    request: { method, path, authority, grpc, headers: headers.map(([name]) => name) },
    listeners: routed.map((listener) => {
      const shown = file.listeners[config.listeners.indexOf(listener)].routes ?? [];
      return explainListener({ config, policies, request, live, listener, shown });
    }),
  };
}

/** Checks that the request names a listener that routes requests. Returns the request, or an error that lists them. */
export function checkListener(request: MadeUpRequest, config: Config): Result<MadeUpRequest> {
  const names = routedListeners(config).map(({ name }) => name);
  if (names.length === 0)
    return { error: 'no listener routes requests: all of them have protocol tcp or udp, and forward bytes' };
  if (request.listener === '' || names.includes(request.listener)) return { value: request };
  return {
    error: `no listener "${request.listener.slice(0, 80)}" routes requests; write one of ${names.slice(0, 20).join(', ')}`,
  };
}

interface ShownFile {
  readonly listeners: ReadonlyArray<{ readonly routes?: ReadonlyArray<Readonly<Record<string, unknown>>> }>;
}

interface Question {
  readonly config: Config;
  readonly policies: PolicyList;
  readonly request: MadeUpRequest;
  readonly live: LiveState | null;
  readonly listener: ListenerConfig;
  /** Its routes as the file has them, with secrets masked. */
  readonly shown: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

function routedListeners({ listeners }: Config): ListenerConfig[] {
  return listeners.filter(({ protocol }) => protocol !== 'tcp' && protocol !== 'udp');
}

function explainListener(question: Question): ListenerExplanation {
  const { request, listener, live, policies, shown } = question;
  const router = live?.router(listener.name) ?? compiledRouter(listener);
  const target = router.targetOf(headOf(request, request.path));
  const nothing = { route: '', steps: [], stepsLeftOut: 0, policies: [], clusters: [], resources: [] };
  if (target.refusal !== null) {
    const outcome = `Outrigger refuses the request with protocol_error: the client sent ${target.refusal}.`;
    return { listener: listener.name, refused: target.refusal, path: request.path, ...nothing, outcome };
  }
  const head = headOf(request, target.path);
  const name = router.routeName(head, request.client);
  const { requestTarget } = listener;
  const { steps, leftOut } = routeStepsOf(
    listener.routes,
    requestTarget,
    { head, source: request.client },
    name,
  );
  const common = {
    listener: listener.name,
    refused: '',
    path: target.path,
    route: name,
    steps,
    stepsLeftOut: leftOut,
  };
  const at = listener.routes.findIndex((route) => route.name === name);
  if (at < 0) {
    const reply = request.grpc ? 'UNIMPLEMENTED' : 'HTTP 404';
    return {
      ...common,
      policies: [],
      clusters: [],
      resources: live?.resources(listener.name, []) ?? [],
      outcome: `No route matches: Outrigger answers ${reply} (no_route).`,
    };
  }
  const route = listener.routes[at];
  const clusters = clustersOf(route, question);
  const acting = policiesOf(route, shown[at], policies);
  const names = clusters.map(({ cluster }) => cluster);
  const resources = live?.resources(listener.name, names) ?? [];
  return { ...common, policies: acting, clusters, resources, outcome: outcomeOf(route, clusters, policies) };
}

/** The same rules as a running listener has. */
function compiledRouter({ routes, requestTarget }: ListenerConfig): RequestRouter {
  const router = compileRoutes(
    routes.map(({ name, match }) => ({ name, match, plan: name })),
    requestTarget,
  );
  return {
    targetOf: (head) => router.targetOf(head),
    routeName: (head, source) => router.route(head, source) ?? '',
  };
}

/** Heads hold bytes: text is UTF-8. */
function headOf({ method, authority, headers }: MadeUpRequest, path: string): HeaderBlock {
  const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
  return HeaderBlock.of(
    [':method', method],
    [':scheme', 'http'],
    [':authority', authority],
    [':path', bytes(path)],
    ...headers.map(([name, value]) => [name, bytes(value)] as const),
  );
}

function policiesOf(
  route: RouteConfig,
  shown: Readonly<Record<string, unknown>>,
  policies: PolicyList,
): PolicyExplanation[] {
  return policies
    .filter((policy) => configOf(policy, route) !== undefined)
    .map(({ key }) => ({ policy: key, settings: shown[key] }))
    .filter(({ settings }) => settings !== undefined && !(Array.isArray(settings) && settings.length === 0));
}

function clustersOf(route: RouteConfig, { config, policies, live }: Question): ClusterExplanation[] {
  const seen = new Set<string>();
  return clustersOfRoute(route, '', policies).flatMap(({ path, name }) => {
    const via = path === '.cluster' ? 'route' : (/^\.(\w+)/.exec(path)?.[1] ?? '');
    const cluster = config.clusters.find((one) => one.name === name);
    if (cluster === undefined || seen.has(`${via} ${name}`)) return [];
    seen.add(`${via} ${name}`);
    return [clusterExplanation(cluster, via, live?.cluster(cluster.name) ?? null)];
  });
}

function clusterExplanation(
  cluster: ClusterConfig,
  via: string,
  live: LiveCluster | null,
): ClusterExplanation {
  const { name, protocol, balancer } = cluster;
  const endpoints = live?.endpoints ?? configuredEndpoints(cluster);
  return {
    cluster: name,
    via,
    protocol,
    balancer: balancer.policy,
    discovery: live?.discovery ?? configuredDiscovery(cluster),
    candidates: endpoints.slice(0, candidatesListedMax),
    candidatesLeftOut: Math.max(0, endpoints.length - candidatesListedMax),
  };
}

function configuredEndpoints({ endpoints }: ClusterConfig): EndpointExplanation[] {
  return endpoints.map(({ address, weight }) => ({
    address: formatAddress(address),
    weight,
    active: null,
    health: 'unknown',
    usable: null,
    unusable: '',
  }));
}

function configuredDiscovery({ discovery, endpoints }: ClusterConfig): string {
  if (discovery === undefined) return `a static list of ${pluralize(endpoints.length, 'endpoint')}`;
  const [kind] = Object.entries(discovery).find(([, settings]) => settings !== undefined) ?? ['discovery'];
  return `${kind}: a running sidecar knows the endpoints`;
}

function outcomeOf(
  route: RouteConfig,
  clusters: readonly ClusterExplanation[],
  policies: PolicyList,
): string {
  const replacing = policies.find(
    (policy) => policy.replacesCluster === true && configOf(policy, route) !== undefined,
  );
  const targets = clusters.filter(({ via }) => via === 'route' || via === replacing?.key);
  if (targets.length === 0)
    return `The policy ${replacing?.key ?? ''} answers the request, so no endpoint gets it.`;
  const names = targets.map(({ cluster }) => cluster).join(', ');
  const [{ candidates, balancer }] = targets;
  if (targets.length > 1)
    return `The policy ${replacing?.key} sends the request to one of the clusters ${names}.`;
  if (candidates.length > 0 && candidates.every(({ usable }) => usable === false))
    return `The request fails: no endpoint of cluster ${names} is usable.`;
  return `The request goes to an endpoint of cluster ${names}, which ${balancer} chooses.`;
}
