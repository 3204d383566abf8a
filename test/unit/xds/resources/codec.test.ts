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
