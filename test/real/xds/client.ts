import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { systemRandom } from '../../../src/core/random.ts';
import { RawMessage } from '../../../src/reflection/raw-message.ts';
import { AdsClient } from '../../../src/xds/client/ads-client.ts';
import { openGrpcStream } from '../../../src/xds/client/grpc-stream.ts';
import type { AdsSettings } from '../../../src/xds/client/interface.ts';
import type { ResourceKind } from '../../../src/xds/resource.ts';
import { adsSettings } from '../../support/xds-client-rig.ts';

/** A client that keeps the names of its resources alone: what the protocol is about. */
export interface NamedClient {
  readonly client: AdsClient;
  /** Names that are applied, sorted. */
  held(kind: ResourceKind): string;
  /** Names of resources that came as new or changed, in their order. */
  readonly received: string[];
  /** Names that it refuses. */
  readonly refuse: Set<string>;
}

export function namedClient(settings: Partial<AdsSettings>): NamedClient {
  const held = new Map<ResourceKind, Set<string>>();
  const refuse = new Set<string>();
  const received: string[] = [];
  const client = new AdsClient(
    { ...adsSettings, ...settings },
    {
      clock: systemClock,
      random: systemRandom(),
      logger: silentLogger,
      openStream: openGrpcStream,
      decode: (_kind, _typeUrl, bytes) => ({ value: { name: new RawMessage(bytes).text(1), message: {} } }),
      judge: ({ kind, changed, removed }) => {
        const names = held.get(kind) ?? new Set<string>();
        held.set(kind, names);
        received.push(...changed.map(({ name }) => name));
        for (const name of removed) names.delete(name);
        for (const { name } of changed) if (!refuse.has(name)) names.add(name);
        return changed
          .filter(({ name }) => refuse.has(name))
          .map(({ name }) => ({ kind, name, path: 'connect_timeout', message: 'is refused by this test' }));
      },
    },
  );
  return { client, refuse, received, held: (kind) => [...(held.get(kind) ?? [])].sort().join(',') };
}
