import type { JsonObject } from '../../reflection/json.ts';
import type { ClusterModel, ListenerModel, RouteModel } from './model.ts';

/** What a cluster carries; a cluster of the configuration has one protocol. */
export type ClusterUse = 'http' | 'grpc' | 'tcp';

export type ClusterProtocol = 'http1' | 'http2' | 'tcp';

/** One cluster of the configuration: a cluster of the control plane, for one protocol. */
export interface UsedCluster {
  readonly model: ClusterModel;
  readonly protocol: ClusterProtocol;
  readonly name: string;
  /** Sources of the key of hash policies, from the first route that has some. */
  hash: readonly JsonObject[];
  /** Whether routes disagree about these. */
  hashDiffers: boolean;
}

export function useOf(kind: ListenerModel['kind']): ClusterUse {
  return kind === 'grpc' || kind === 'tcp' ? kind : 'http';
}

/** Clusters that routes and listeners lead to. Those that nothing leads to are left out: they would only be checked. */
export class UsedClusters {
  readonly all = new Map<string, UsedCluster>();
  /** Names in the configuration for clusters that have not arrived and get a share of a route. */
  readonly absent = new Map<string, string>();
  private readonly models: ReadonlyMap<string, ClusterModel>;
  private readonly newName: (name: string) => string;
  /** Whether a cluster can be used: it has endpoints or a way to them, and its secrets. */
  private readonly isReady: (model: ClusterModel) => boolean;

  constructor(
    models: ReadonlyMap<string, ClusterModel>,
    newName: (name: string) => string,
    isReady: (model: ClusterModel) => boolean,
  ) {
    this.models = models;
    this.newName = newName;
    this.isReady = isReady;
  }

  /** The name of the cluster in the configuration; undefined where the control plane has not sent all of it. */
  use(name: string, use: ClusterUse): string | undefined {
    const model = this.models.get(name);
    if (model === undefined || !this.isReady(model)) return undefined;
    const protocol = protocolOf(model, use);
    const key = `${protocol} ${name}`;
    const used = this.all.get(key) ?? {
      model,
      protocol,
      name: this.newName(name),
      hash: [],
      hashDiffers: false,
    };
    this.all.set(key, used);
    return used.name;
  }

  /** The name of a cluster without endpoints, for the share of one that has not arrived. */
  useAbsent(name: string): string {
    const own = this.absent.get(name) ?? this.newName(name);
    this.absent.set(name, own);
    return own;
  }

  /** Adds the hash policies of a route to the clusters that it leads to. */
  addHash({ targets, hash }: RouteModel, use: ClusterUse): void {
    if (hash.length === 0) return;
    for (const { cluster } of targets) {
      const model = this.models.get(cluster);
      const used = model === undefined ? undefined : this.all.get(`${protocolOf(model, use)} ${cluster}`);
      if (used === undefined) continue;
      if (used.hash.length === 0) used.hash = hash;
      else used.hashDiffers ||= JSON.stringify(used.hash) !== JSON.stringify(hash);
    }
  }
}

function protocolOf(model: ClusterModel, use: ClusterUse): ClusterProtocol {
  if (use === 'tcp') return 'tcp';
  return use === 'grpc' || model.http2 ? 'http2' : 'http1';
}
