import { formatAddress } from '../../../../src/core/address.ts';
import { VirtualClock } from '../../../../src/core/clock.ts';
import type { EndpointSpec } from '../../../../src/core/endpoint-spec.ts';
import type { Logger } from '../../../../src/core/logger.ts';
import { SeededRandom } from '../../../../src/core/random.ts';
import { type KubernetesService, KubernetesSource } from '../../../../src/discovery/kubernetes/source.ts';
import { FakeApiServer } from './fake-api-server.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A source that has not started, over an API server in memory and virtual time. */
export function kubernetesRig(changes: Partial<KubernetesService> = {}, seed = 1) {
  const clock = new VirtualClock();
  const api = new FakeApiServer();
  const lines: string[] = [];
  const line = (message: string) => void lines.push(message);
  const logger: Logger = { debug: line, info: line, warn: line, error: line };
  const service: KubernetesService = {
    service: 'orders',
    port: 'grpc',
    family: 'auto',
    transport: 'TCP',
    localZone: '',
    ...changes,
  };
  const source = new KubernetesSource(service, { clock, api, logger, random: new SeededRandom(seed) });
  const published: Array<readonly EndpointSpec[]> = [];
  /** Moves time on; answers come in between. */
  const advance = async (ms: number, stepMs = 50) => {
    await turn();
    for (let left = ms; left > 0; left -= stepMs) {
      clock.advance(Math.min(left, stepMs));
      await turn();
    }
  };
  return {
    clock,
    api,
    lines,
    source,
    published,
    advance,
    async start() {
      source.start((list) => published.push(list));
      await turn();
    },
    /** The latest list, as addresses. */
    latest: () => published.at(-1)?.map(({ address }) => formatAddress(address)),
  };
}
