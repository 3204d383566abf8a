import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { loadResourceCodec, resourceValuesMax } from '../../../../src/xds/resources/codec.ts';
import { typeUrls } from '../../../../src/xds/type-urls.ts';
import { any } from '../translate/corpus/shared.ts';
import { encodeResource } from '../translate/support.ts';

const { value: codec, error } = loadResourceCodec();
if (error !== undefined) throw new Error(error);

describe('xds/resources/codec', () => {
  it('decodes a resource with its name, and a message inside an Any', () => {
    const typedConfig = any('extensions.transport_sockets.raw_buffer.v3.RawBuffer');
    const json = { name: 'c', connectTimeout: '1.500s', transportSocket: { name: 'raw', typedConfig } };
    const decoded = codec.decode('cluster', typeUrls.cluster, encodeResource('cluster', json));
    expect(decoded.value?.name).to.equal('c');
    expect(decoded.value?.message).to.deep.equal(json);
  });

  it('takes the name of endpoints from the cluster', () => {
    const bytes = encodeResource('endpoint', { clusterName: 'outbound|80||shop' });
    expect(codec.decode('endpoint', typeUrls.endpoint, bytes).value?.name).to.equal('outbound|80||shop');
  });

  it('decodes what go-control-plane encodes', () => {
    const path = new URL('go-encoded.json', import.meta.url);
    const encoded = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
    const decoded = (kind: 'listener' | 'route' | 'cluster' | 'endpoint') =>
      codec.decode(kind, typeUrls[kind], Buffer.from(encoded[kind], 'base64')).value;
    const ads = { ads: {}, resourceApiVersion: 'V3' };
    expect(decoded('cluster')).to.deep.equal({
      name: 'greeter',
      message: {
        name: 'greeter',
        type: 'EDS',
        edsClusterConfig: { edsConfig: ads },
        lbPolicy: 'LEAST_REQUEST',
      },
    });
    expect(decoded('listener')?.message).to.deep.equal({
      name: 'greeter',
      apiListener: {
        apiListener: any('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
          rds: { configSource: ads, routeConfigName: 'greeter' },
          httpFilters: [{ name: 'router', typedConfig: any('extensions.filters.http.router.v3.Router') }],
        }),
      },
    });
    expect(decoded('route')?.message).to.have.nested.property(
      'virtualHosts[0].routes[0].route.maxStreamDuration.maxStreamDuration',
      '2s',
    );
    expect(decoded('endpoint')?.message).to.deep.equal({
      clusterName: 'greeter',
      endpoints: [
        {
          locality: { zone: 'a' },
          loadBalancingWeight: 1,
          priority: 1,
          lbEndpoints: [
            {
              healthStatus: 'HEALTHY',
              loadBalancingWeight: 2,
              endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue: 50051 } } },
            },
          ],
        },
      ],
    });
  });

  it('leaves an Any without a definition as bytes', () => {
    const url = 'type.googleapis.com/own.Message';
    const inner = Buffer.concat([field(1, Buffer.from(url)), field(2, Buffer.from([8, 1]))]);
    // Cluster.transport_socket (24) holds TransportSocket.typed_config (3).
    const bytes = field(24, field(3, inner));
    expect(codec.decode('cluster', typeUrls.cluster, bytes).value?.message).to.deep.equal({
      transportSocket: { typedConfig: { '@type': url, value: 'CAE=' } },
    });
  });

  it('refuses another type, malformed bytes and more values than the limit, with a sentence', () => {
    expect(codec.decode('cluster', typeUrls.route, Buffer.alloc(0)).error).to.match(/^has the type/);
    expect(codec.decode('cluster', typeUrls.cluster, Buffer.from([0xff])).error).to.match(/not a valid/);
    const many = Buffer.alloc(2 * (resourceValuesMax + 1), Buffer.from([0x12, 0x00]));
    expect(codec.decode('route', typeUrls.route, many).error).to.match(/more than 500000 values/);
  }).timeout(20_000);
});

/** A field with bytes, for numbers whose tag takes two bytes at most. */
function field(number: number, content: Buffer): Buffer {
  const tag = number * 8 + 2;
  const head = tag < 128 ? [tag] : [(tag & 127) | 128, tag >> 7];
  if (content.length > 127) throw new Error('too long');
  return Buffer.concat([Buffer.from([...head, content.length]), content]);
}
