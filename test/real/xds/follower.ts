import { formatAddress } from '../../../src/core/address.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { systemRandom } from '../../../src/core/random.ts';
import { AdsClient } from '../../../src/xds/client/ads-client.ts';
import { openGrpcStream } from '../../../src/xds/client/grpc-stream.ts';
import type { AdsSettings, ResourceUpdate } from '../../../src/xds/client/interface.ts';
import type { Resource, ResourceKind, ResourceProblem } from '../../../src/xds/resource.ts';
import { loadResourceCodec } from '../../../src/xds/resources/codec.ts';
import { type Assembly, assemble } from '../../../src/xds/translate/assemble.ts';
import { translateCluster } from '../../../src/xds/translate/cluster.ts';
import { endpointsOf } from '../../../src/xds/translate/endpoints.ts';
import { translateListener } from '../../../src/xds/translate/listener.ts';
import type { References, Translation } from '../../../src/xds/translate/model.ts';
import { translateRoute } from '../../../src/xds/translate/route.ts';
import { translateSecret } from '../../../src/xds/translate/secret.ts';
import { adsSettings } from '../../support/xds-client-rig.ts';

const translators = {
  listener: translateListener,
  route: translateRoute,
  cluster: translateCluster,
  endpoint: endpointsOf,
  secret: translateSecret,
} as const;

interface Kept {
  readonly value: unknown;
  readonly references: References;
}

/** Follows references from listeners to endpoints, and translates what arrives, as a sidecar does before it applies anything. */
export class Follower {
  readonly client: AdsClient;
  private readonly kept = new Map<ResourceKind, Map<string, Kept>>();
  private readonly addresses: ReadonlyMap<string, string>;

  /** @param addresses local addresses of listeners for proxyless gRPC; with none, all listeners are requested */
  constructor(settings: Partial<AdsSettings>, addresses: Readonly<Record<string, string>> = {}) {
    const { value: codec, error } = loadResourceCodec();
    if (error !== undefined) throw new Error(error);
    this.addresses = new Map(Object.entries(addresses));
    this.client = new AdsClient(
      { ...adsSettings, ...settings },
      {
        clock: systemClock,
        random: systemRandom(),
        logger: silentLogger,
        openStream: openGrpcStream,
        decode: codec.decode,
        judge: (update) => this.judge(update),
      },
    );
    const names = Object.keys(addresses);
    this.client.subscribe('listener', names.length === 0 ? 'all' : new Set(names));
    this.client.start();
  }

  /** What the listeners, routes and clusters are in the keys of the configuration. */
  assembly(): Assembly {
    return assemble({
      listeners: this.values('listener'),
      routes: this.values('route'),
      clusters: this.values('cluster'),
      secrets: this.values('secret'),
      addresses: this.addresses,
      storePem: (_text, part) => `/run/${part}.pem`,
    });
  }

  /** Addresses of a service, sorted. */
  endpoints(service: string): string {
    const specs =
      this.values<NonNullable<ReturnType<typeof endpointsOf>['value']>>('endpoint').get(service) ?? [];
    return specs
      .map(({ address }) => formatAddress(address))
      .sort()
      .join();
  }

  private judge({ kind, changed, removed }: ResourceUpdate): ResourceProblem[] {
    const kept = this.kept.get(kind) ?? new Map<string, Kept>();
    this.kept.set(kind, kept);
    for (const name of removed) kept.delete(name);
    const problems: ResourceProblem[] = [];
    for (const resource of changed) {
      const translated: Translation<unknown> = translate(resource);
      if (translated.problems === undefined) kept.set(resource.name, translated);
      else problems.push(...translated.problems);
    }
    this.follow();
    return problems;
  }

  private follow(): void {
    for (const [kind, key] of [
      ['route', 'routes'],
      ['cluster', 'clusters'],
      ['endpoint', 'endpoints'],
      ['secret', 'secrets'],
    ] as const) {
      const all = [...this.kept.values()].flatMap((kept) => [...kept.values()]);
      this.client.subscribe(kind, new Set(all.flatMap(({ references }) => references[key])));
    }
  }

  private values<T>(kind: ResourceKind): ReadonlyMap<string, T> {
    return new Map([...(this.kept.get(kind) ?? [])].map(([name, { value }]) => [name, value as T]));
  }
}

function translate(resource: Resource): Translation<unknown> {
  return translators[resource.kind](resource);
}
