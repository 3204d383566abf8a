import { expect } from 'chai';
import fc from 'fast-check';
import { parseBootstrap } from '../../../../src/xds/client/bootstrap.ts';

describe('a bootstrap file of gRPC', () => {
  const server = (more: object) => ({
    server_uri: 'istiod:15010',
    channel_creds: [{ type: 'insecure' }],
    ...more,
  });
  const parse = (file: object) => parseBootstrap(JSON.stringify(file));
  const error = (file: object) => parse(file).error ?? 'no error';

  it('names the control plane and the node', () => {
    const node = {
      id: 'sidecar~10.0.0.1~a.default',
      cluster: 'orders',
      metadata: { GENERATOR: 'grpc' },
      locality: { region: 'eu', zone: 'eu-1', sub_zone: 'rack-7' },
    };
    expect(parse({ xds_servers: [server({ server_features: ['xds_v3'] })], node }).value).to.deep.equal({
      server: 'istiod:15010',
      tls: null,
      node: { ...node, locality: { region: 'eu', zone: 'eu-1', subZone: 'rack-7' } },
      warnings: [],
    });
  });

  it('may name a Unix socket, as the agent of Istio does, and a name that gRPC resolves', () => {
    for (const [uri, address] of [
      ['unix:///etc/istio/proxy/XDS', 'unix:/etc/istio/proxy/XDS'],
      ['unix:./XDS', 'unix:./XDS'],
      ['unix:/run/xds', 'unix:/run/xds'],
      ['dns:///istiod.istio-system.svc:15010', 'istiod.istio-system.svc:15010'],
      ['dns:istiod:15010', 'istiod:15010'],
      ['127.0.0.1:15010', '127.0.0.1:15010'],
      ['[::1]:15010', '[::1]:15010'],
    ])
      expect(parse({ xds_servers: [server({ server_uri: uri })] }).value?.server, uri).to.equal(address);
  });

  it('gives TLS with its files, by the first type of credentials that is known', () => {
    const config = { certificate_file: 'a.pem', private_key_file: 'a.key', ca_certificate_file: 'ca.pem' };
    const channel_creds = [{ type: 'google_default' }, { type: 'tls', config }, { type: 'insecure' }];
    expect(parse({ xds_servers: [server({ channel_creds })] }).value?.tls).to.deep.equal({
      cert: 'a.pem',
      key: 'a.key',
      ca: 'ca.pem',
      serverName: '',
    });
  });

  it('gets a warning for what has no effect', () => {
    const { value } = parse({
      xds_servers: [server({}), server({})],
      certificate_providers: {},
      authorities: {},
      colour: 1,
    });
    expect(value?.warnings).to.deep.equal([
      '`certificate_providers` has no effect; use TLS of the clusters that the control plane sends, or of the file',
      '`authorities` has no effect; Outrigger asks one control plane for all names',
      '`colour` has no effect; Outrigger does not know it',
      '`xds_servers` names 2 control planes; Outrigger uses the first one',
    ]);
  });

  it('is an error that names the key and what to write', () => {
    expect(parseBootstrap('{').error).to.contain('the file is not JSON');
    expect(parseBootstrap('[]').error).to.equal('the file must be a JSON object');
    expect(error({})).to.contain('`xds_servers` must be a list with a control plane');
    expect(error({ xds_servers: ['x'] })).to.equal('`xds_servers[0]` must be a JSON object');
    expect(error({ xds_servers: [server({ server_uri: '' })] })).to.contain('write host:port or unix:/path');
    expect(error({ xds_servers: [server({ server_uri: 'xds://a' })] })).to.contain(
      'has a scheme that Outrigger',
    );
    expect(error({ xds_servers: [server({ channel_creds: [] })] })).to.contain(
      '`xds_servers[0].channel_creds` is missing',
    );
    expect(error({ xds_servers: [server({ channel_creds: [{ type: 'alts' }] })] })).to.contain('(alts); add');
    expect(error({ xds_servers: [server({})], node: { id: 1 } })).to.equal('`node.id` must be a text');
    const half = { type: 'tls', config: { certificate_file: 'a' } };
    expect(error({ xds_servers: [server({ channel_creds: [half] })] })).to.contain('require each other');
  });

  it('is a value or an error for any JSON, and never an exception', () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), fc.json(), (a, b, c) => {
        for (const text of [
          a,
          `{"xds_servers":[${a}],"node":${b}}`,
          `{"xds_servers":[{"server_uri":"a:1","channel_creds":[${c}]}],"node":{"locality":${b}}}`,
        ]) {
          const result = parseBootstrap(text);
          expect(result.value === undefined).to.equal(result.error !== undefined);
        }
      }),
    );
  });
});
