import type { JsonObject } from '../../reflection/json.ts';
import type { ResourceProblem } from '../resource.ts';

/** Names of other resources that a resource names. */
export interface References {
  readonly routes: readonly string[];
  readonly clusters: readonly string[];
  /** Names to ask EDS for. */
  readonly endpoints: readonly string[];
  readonly secrets: readonly string[];
}

/** What a resource says, or why it is refused as a whole. */
export type Translation<T> =
  | {
      readonly value: T;
      readonly references: References;
      readonly warnings: readonly ResourceProblem[];
      readonly problems?: undefined;
    }
  | { readonly value?: undefined; readonly problems: readonly ResourceProblem[] };

/** PEM: a file that the control plane names, or the text itself. */
export type PemSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'text'; readonly text: string };

/** A certificate or authorities, or the name of the secret that has them. */
export type TlsPart<T> = { readonly secret: string } | { readonly value: T };

export interface Certificate {
  readonly chain: PemSource;
  readonly key: PemSource;
}

export interface TlsModel {
  readonly certificate: TlsPart<Certificate> | null;
  readonly authorities: TlsPart<PemSource> | null;
  readonly requireClientCertificate: boolean;
  /** '' for the host of the endpoint. */
  readonly serverName: string;
  readonly path: string;
}

/** What a filter does, in the keys of a route; null for nothing. */
export type FilterEffect = JsonObject | null;

export interface ListenerFilter {
  readonly name: string;
  readonly effect: FilterEffect;
}

export interface ListenerModel {
  readonly name: string;
  /** `grpc` is a listener without an address, for proxyless gRPC; `closed` one that is not opened. */
  readonly kind: 'http' | 'grpc' | 'tcp' | 'closed';
  /** In the form of the configuration; '' where the control plane sends none. */
  readonly listen: string;
  /** Keys of a listener that need nothing else: `direction`, `limits`, `requestTarget`. */
  readonly keys: JsonObject;
  readonly tls: TlsModel | null;
  /** Name of the route configuration to get by RDS, '' for none. */
  readonly routeName: string;
  /** The route configuration that the listener holds itself. */
  readonly routes: RouteConfigurationModel | null;
  readonly filters: readonly ListenerFilter[];
  /** Of a `tcp` listener. */
  readonly cluster: string;
  /** Path of what leads to routes or the cluster. */
  readonly targetPath: string;
}

export interface WeightedTarget {
  readonly cluster: string;
  readonly weight: number;
}

export interface RouteModel {
  readonly name: string;
  /** Of the route in the resource. */
  readonly path: string;
  /** Without `authority`. */
  readonly match: JsonObject;
  /** Keys of a route that need nothing else: `rewrite`, `headers`, `redirect`, `respond`. */
  readonly keys: JsonObject;
  /** Clusters; empty for a redirect or a direct response. */
  readonly targets: readonly WeightedTarget[];
  readonly mirror: { readonly cluster: string; readonly percent: number } | null;
  readonly hash: readonly JsonObject[];
  /** Of the whole request, as Envoy and as gRPC read the route; 0 for none. */
  readonly timeoutMs: { readonly http: number; readonly grpc: number };
  readonly retry: RetryModel | null;
  /** Effects that replace those of filters of the listener, by the name of the filter. */
  readonly filters: ReadonlyMap<string, FilterEffect>;
  readonly takesAll: boolean;
}

export interface RetryModel {
  readonly keys: JsonObject;
  readonly perTryTimeoutMs: number;
}

export interface VirtualHostModel {
  readonly name: string;
  readonly path: string;
  readonly domains: readonly string[];
  readonly routes: readonly RouteModel[];
}

export interface RouteConfigurationModel {
  readonly name: string;
  readonly hosts: readonly VirtualHostModel[];
}

export interface ClusterModel {
  readonly name: string;
  /** Name to ask EDS for; '' for a cluster with endpoints or DNS. */
  readonly service: string;
  /** Endpoints in the form of the configuration, of a cluster without EDS. */
  readonly endpoints: readonly JsonObject[];
  readonly dns: JsonObject | null;
  /** Whether the control plane says that the endpoints speak HTTP/2. */
  readonly http2: boolean;
  readonly keys: JsonObject;
  /** Without `hash`, which routes say. */
  readonly balancer: JsonObject;
  readonly tls: TlsModel | null;
}

export type SecretModel =
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  | { readonly kind: 'authorities'; readonly authorities: PemSource };
