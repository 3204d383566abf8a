import type { RouteTelemetry } from '../telemetry/route-telemetry.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { NewDispatcher } from './dispatch/dispatcher.ts';
import { allTraffic, type PolicyFact, type Stage, type Traffic } from './stage.ts';

/** The stages of a route that act on one kind of traffic, by hook, in the order of the list of policies. */
export interface StageLists {
  readonly request: readonly Stage[];
  readonly attempt: readonly Stage[];
  readonly reply: readonly Stage[];
  readonly trailers: readonly Stage[];
}

/** A policy of a route that has facts to show. */
export interface FactSource {
  /** The key of the policy in a route. */
  readonly policy: string;
  facts(): readonly PolicyFact[];
}

/** What a route does with a request, worked out when the configuration was loaded. Frozen, and so are its lists of stages. */
export interface RoutePlan {
  readonly route: string;
  /** Null for a route whose stages choose the cluster, or answer every request. */
  readonly cluster: Cluster | null;
  /** Every cluster that the stages may choose for a request, or send something to because of one. */
  readonly stageClusters: ReadonlySet<Cluster>;
  /** Upper bound on the duration of a request, milliseconds; infinity for none. `grpc-timeout` counts as well. */
  readonly timeoutMs: number;
  /** HTTP/1.1 endpoints get `x-forwarded-for` and `x-forwarded-proto` from the connection; false where a policy writes them. */
  readonly forwardsClient: boolean;
  /** Retries by policy, or hedging; null for one attempt at a time, with transparent retries. */
  readonly newDispatcher: NewDispatcher | null;
  /** How its requests are traced and logged; null where the settings of the process hold. */
  readonly telemetry: RouteTelemetry | null;
  /** The stages that have facts to show; null for none. */
  readonly factSources: readonly FactSource[] | null;
  /** Null where no stage acts on single requests. */
  readonly stages: Readonly<Record<Traffic, StageLists | null>> | null;
}

/** The plan of a route over its compiled policies, which know `stageClusters`. */
export function planRoute(
  route: string,
  cluster: Cluster | null,
  stages: readonly Stage[],
  stageClusters: ReadonlySet<Cluster> = new Set(),
): RoutePlan {
  const timeouts = stages.map(({ timeoutMs = Number.POSITIVE_INFINITY }) => timeoutMs);
  return Object.freeze({
    route,
    cluster,
    stageClusters,
    timeoutMs: Math.min(...timeouts),
    forwardsClient: !stages.some(({ writesForwarded }) => writesForwarded === true),
    newDispatcher: stages.find(({ newDispatcher }) => newDispatcher !== undefined)?.newDispatcher ?? null,
    telemetry: telemetryOf(stages),
    factSources: factSourcesOf(stages),
    stages: stages.some(actsOnRequests) ? byTraffic(stages) : null,
  });
}

/** Whether a request of the plan that no stage has passed yet may go to this cluster. */
export function mayReach({ cluster, stageClusters }: RoutePlan, requested: Cluster): boolean {
  return cluster === requested || stageClusters.has(requested);
}

function telemetryOf(stages: readonly Stage[]): RouteTelemetry | null {
  const parts = stages.flatMap(({ telemetry }) => (telemetry === undefined ? [] : [telemetry]));
  return parts.length === 0 ? null : Object.freeze(Object.assign({}, ...parts));
}

function factSourcesOf(stages: readonly Stage[]): readonly FactSource[] | null {
  const sources = stages.filter((stage): stage is Stage & FactSource => stage.facts !== undefined);
  return sources.length === 0 ? null : Object.freeze(sources);
}

function actsOnRequests({ request, attempt, reply, trailers }: Stage): boolean {
  return [request, attempt, reply, trailers].some((hook) => hook !== undefined);
}

function byTraffic(stages: readonly Stage[]): Record<Traffic, StageLists | null> {
  const lists = allTraffic.map((traffic): [Traffic, StageLists | null] => {
    const acting = stages.filter((stage) => stage.appliesTo.includes(traffic));
    return [traffic, acting.some(actsOnRequests) ? listsOf(acting) : null];
  });
  return Object.freeze(Object.fromEntries(lists)) as Record<Traffic, StageLists | null>;
}

function listsOf(stages: readonly Stage[]): StageLists {
  const having = (hook: keyof StageLists): readonly Stage[] =>
    Object.freeze(stages.filter((stage) => stage[hook] !== undefined));
  return Object.freeze({
    request: having('request'),
    attempt: having('attempt'),
    reply: having('reply'),
    trailers: having('trailers'),
  });
}
