import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type ControlPlane, type Resource, startControlPlane } from '../../examples/xds/control-plane.ts';
import { systemClock } from '../../src/core/clock.ts';
import { systemRandom } from '../../src/core/random.ts';
import { AdsClient } from '../../src/xds/client/ads-client.ts';
import { openGrpcStream } from '../../src/xds/client/grpc-stream.ts';
import type { ResourceUpdate } from '../../src/xds/client/interface.ts';
import type { ResourceKind } from '../../src/xds/resource.ts';
import { loadResourceCodec } from '../../src/xds/resources/codec.ts';
import { translateCluster } from '../../src/xds/translate/cluster.ts';
import { endpointsOf } from '../../src/xds/translate/endpoints.ts';
import { translateListener } from '../../src/xds/translate/listener.ts';
import { translateRoute } from '../../src/xds/translate/route.ts';
import { translateSecret } from '../../src/xds/translate/secret.ts';
import { until } from '../support/until.ts';

const file = new URL('../../examples/xds/resources.json', import.meta.url);
const resources = JSON.parse(readFileSync(file, 'utf8')) as Resource[];
const translators = {
  listener: translateListener,
  route: translateRoute,
  cluster: translateCluster,
  endpoint: endpointsOf,
  secret: translateSecret,
};
const { value: codec } = loadResourceCodec();

/** The resources with the port of the endpoint replaced. */
function withPort(port: number): Resource[] {
  return JSON.parse(JSON.stringify(resources).replace('50051', `${port}`)) as Resource[];
}

describe('the control plane of examples/xds', () => {
  let plane: ControlPlane;
  let client: AdsClient;
  const held = new Map<string, string>();

  function judge({ kind, changed }: ResourceUpdate) {
    return changed.flatMap((resource) => {
      const { value, problems } = translators[kind](resource);
      if (problems === undefined) held.set(`${kind} ${resource.name}`, JSON.stringify(value));
      return problems ?? [];
    });
  }

  async function heldIs(key: string, pattern: RegExp): Promise<void> {
    await until(
      () => pattern.test(held.get(key) ?? ''),
      () => `${key}: ${held.get(key)}; ${client.status.lastError} ${plane.refusals}`,
    );
  }

  beforeEach(async () => {
    held.clear();
    plane = await startControlPlane('127.0.0.1:0', resources);
    client = new AdsClient(
      {
        server: plane.address,
        delta: false,
        node: { id: 'test', cluster: '', locality: { region: '', zone: '', subZone: '' }, metadata: {} },
        userAgentVersion: 'test',
        tls: null,
      },
      {
        clock: systemClock,
        random: systemRandom(),
        logger: { debug() {}, info() {}, warn() {}, error() {} },
        openStream: openGrpcStream,
        decode: codec!.decode,
        judge,
      },
    );
    const names: ReadonlyArray<[ResourceKind, 'all' | Set<string>]> = [
      ['listener', 'all'],
      ['cluster', 'all'],
      ['route', new Set(['routes'])],
      ['endpoint', new Set(['greeter'])],
    ];
    for (const [kind, wanted] of names) client.subscribe(kind, wanted);
    client.start();
  });

  afterEach(() => {
    client.stop();
    plane.stop();
  });

  it('serves resources that Outrigger understands as a whole', async () => {
    await heldIs('listener in', /127\.0\.0\.1:15001/);
    await heldIs('route routes', /greeter/);
    await heldIs('cluster greeter', /"http2":true/);
    await heldIs('endpoint greeter', /50051/);
    expect(plane.refusals).to.deep.equal([]);
  });

  it('pushes a change of endpoints', async () => {
    await heldIs('endpoint greeter', /50051/);
    plane.push(withPort(50052));
    await heldIs('endpoint greeter', /50052/);
  });

  it('hears why a route was refused, while the one before stays', async () => {
    await heldIs('route routes', /greeter/);
    const before = held.get('route routes');
    const bad = JSON.stringify(resources).replace('"cluster":"greeter"', '"clusterHeader":"x-cluster"');
    plane.push(JSON.parse(bad) as Resource[]);
    await until(
      () => plane.refusals.length > 0,
      () => 'no refusal',
    );
    expect(plane.refusals[0]).to.contain('routes');
    expect(held.get('route routes')).to.equal(before);
  });
});
