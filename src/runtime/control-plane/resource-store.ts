import type { EndpointSpec } from '../../core/endpoint-spec.ts';
import type { SentResource } from '../../core/sent-resource.ts';
import type { ResourceUpdate } from '../../xds/client/interface.ts';
import type { Resource, ResourceKind, ResourceProblem } from '../../xds/resource.ts';
import { translateCluster } from '../../xds/translate/cluster.ts';
import { endpointsOf } from '../../xds/translate/endpoints.ts';
import { translateListener } from '../../xds/translate/listener.ts';
import type {
  ClusterModel,
  ListenerModel,
  References,
  RouteConfigurationModel,
  SecretModel,
  Translation,
} from '../../xds/translate/model.ts';
import { translateRoute } from '../../xds/translate/route.ts';
import { translateSecret } from '../../xds/translate/secret.ts';
import { typeUrls } from '../../xds/type-urls.ts';

/** A resource as it is used, with what else it needs. */
interface Held<T> {
  readonly value: T;
  readonly version: string;
  readonly references: References;
}

/** Resources by their names, translated. */
export interface Models {
  readonly listeners: ReadonlyMap<string, ListenerModel>;
  readonly routes: ReadonlyMap<string, RouteConfigurationModel>;
  readonly clusters: ReadonlyMap<string, ClusterModel>;
  readonly secrets: ReadonlyMap<string, SecretModel>;
}

interface Value {
  listener: ListenerModel;
  route: RouteConfigurationModel;
  cluster: ClusterModel;
  endpoint: readonly EndpointSpec[];
  secret: SecretModel;
}

const translators: { readonly [K in ResourceKind]: (resource: Resource) => Translation<Value[K]> } = {
  listener: translateListener,
  route: translateRoute,
  cluster: translateCluster,
  endpoint: endpointsOf,
  secret: translateSecret,
};

/** What the control plane has sent and Outrigger can use; of a resource that it refused, the version before. */
export class ResourceStore {
  private readonly held: { readonly [K in ResourceKind]: Map<string, Held<Value[K]>> } = {
    listener: new Map(),
    route: new Map(),
    cluster: new Map(),
    endpoint: new Map(),
    secret: new Map(),
  };

  /** Takes an update, and returns what is wrong with resources that cannot be translated: these it leaves as they were. */
  take({ kind, changed, removed }: ResourceUpdate): ResourceProblem[] {
    const problems: ResourceProblem[] = [];
    const held = this.held[kind] as Map<string, Held<Value[ResourceKind]>>;
    for (const name of removed) held.delete(name);
    for (const resource of changed) {
      const translated = translators[kind](resource);
      if (translated.problems !== undefined) problems.push(...translated.problems);
      else {
        const { value, references } = translated;
        held.set(resource.name, { value, version: resource.version, references });
      }
    }
    return problems;
  }

  endpoints(service: string): readonly EndpointSpec[] | undefined {
    return this.held.endpoint.get(service)?.value;
  }

  /** The resource whose contents are used; undefined where there is none. */
  sent(kind: ResourceKind, name: string): SentResource | undefined {
    const held = this.held[kind].get(name);
    return held === undefined ? undefined : { kind, type: typeUrls[kind], name, version: held.version };
  }

  get models(): Models {
    return {
      listeners: valuesOf(this.held.listener),
      routes: valuesOf(this.held.route),
      clusters: valuesOf(this.held.cluster),
      secrets: valuesOf(this.held.secret),
    };
  }

  /** Names of resources of a kind that those of other kinds name. */
  referenced(key: 'routes' | 'clusters' | 'secrets'): Set<string> {
    const names = new Set<string>();
    for (const kind of ['listener', 'route', 'cluster'] as const) {
      for (const { references } of this.held[kind].values())
        for (const name of references[key]) names.add(name);
    }
    return names;
  }

  /** Goes back to what `before` held of one resource. */
  revert({ kind, name }: Pick<ResourceProblem, 'kind' | 'name'>, before: ResourceStore): void {
    const held = this.held[kind] as Map<string, unknown>;
    const good = before.held[kind].get(name);
    if (good === undefined) held.delete(name);
    else held.set(name, good);
  }

  /** A copy, to go back to. */
  copy(): ResourceStore {
    const copy = new ResourceStore();
    for (const [kind, map] of Object.entries(this.held)) {
      const to = copy.held[kind as ResourceKind] as Map<string, unknown>;
      for (const [name, value] of map) to.set(name, value);
    }
    return copy;
  }
}

function valuesOf<T>(held: ReadonlyMap<string, Held<T>>): Map<string, T> {
  return new Map([...held].map(([name, { value }]) => [name, value]));
}
