import type { SentResource } from '../core/sent-resource.ts';
import type { RouteSteps } from '../telemetry/call-record.ts';

/** A request that nobody sent. */
export interface MadeUpRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly authority: string;
  /** Names in lower case, with values. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly grpc: boolean;
  /** Address of the client; '' where routes by `source` are to be left open. */
  readonly client: string;
  /** The listener that would get it; '' for all. */
  readonly listener: string;
}

/** What would become of a request. */
export interface RequestExplanation {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly authority: string;
    readonly grpc: boolean;
    /** Names alone: values may be credentials. */
    readonly headers: readonly string[];
  };
  /** One entry for each listener that would route it. */
  readonly listeners: readonly ListenerExplanation[];
}

export interface ListenerExplanation {
  readonly listener: string;
  /** Why the listener refuses the request before it looks for a route; '' where it does not. */
  readonly refused: string;
  /** The path that routes are matched with and endpoints get, unless a policy changes it. */
  readonly path: string;
  /** '' where no route matches. */
  readonly route: string;
  readonly steps: RouteSteps['steps'];
  /** Routes that are missing from `steps`. */
  readonly stepsLeftOut: number;
  /** The policies of the route in the order in which they act, with their settings as in the file, secrets masked. */
  readonly policies: readonly PolicyExplanation[];
  /** Where the request may go; empty where a policy answers it, or no route matches. */
  readonly clusters: readonly ClusterExplanation[];
  /** The resources of a control plane that the listener, its routes, these clusters and their endpoints are from. */
  readonly resources: readonly SentResource[];
  /** What becomes of the request, in a sentence. */
  readonly outcome: string;
}

export interface PolicyExplanation {
  readonly policy: string;
  readonly settings: unknown;
}

export interface ClusterExplanation {
  readonly cluster: string;
  /** `route`, or the policy that may choose the cluster, such as `split`. */
  readonly via: string;
  readonly protocol: string;
  /** The balancing policy. */
  readonly balancer: string;
  /** Where the endpoints come from. */
  readonly discovery: string;
  readonly candidates: readonly EndpointExplanation[];
  /** Endpoints that are missing from `candidates`. */
  readonly candidatesLeftOut: number;
}

export interface EndpointExplanation {
  readonly address: string;
  readonly weight: number;
  /** Requests in flight; null where no sidecar was asked. */
  readonly active: number | null;
  /** `healthy`, `unhealthy`; `unknown` also where no sidecar was asked. */
  readonly health: string;
  /** Whether it may get the next request; null where no sidecar was asked. */
  readonly usable: boolean | null;
  /** Why it may not; '' where it may. */
  readonly unusable: string;
}
