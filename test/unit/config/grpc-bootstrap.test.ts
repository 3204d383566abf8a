import { expect } from 'chai';
import { localhostCertificate } from '../health/localhost-certificate.ts';
import { configOf, problemsOf } from './support.ts';

const bootstrap = JSON.stringify({
  xds_servers: [{ server_uri: 'plane:15010', channel_creds: [{ type: 'insecure' }] }],
});
const files = { 'boot.json': bootstrap, 'ca.pem': localhostCertificate, 'bad.json': '{}' };

describe('config/grpc-bootstrap', () => {
  it('takes the bootstrap file of the environment, whose path wins over its text, where xds names no control plane', () => {
    const env = { GRPC_XDS_BOOTSTRAP_CONFIG: bootstrap };
    expect(configOf('xds: {}', { env }).xds.bootstrapConfig).to.equal(bootstrap);
    const both = { ...env, GRPC_XDS_BOOTSTRAP: 'boot.json' };
    for (const text of ['xds: {}', 'xds:', 'xds: { delta: true }']) {
      const { xds } = configOf(text, { env: both, files });
      expect([xds.bootstrap, xds.bootstrapConfig], text).to.deep.equal(['boot.json', undefined]);
    }
  });

  it('leaves the environment to the service where there is no xds, or xds names a control plane', () => {
    const env = { GRPC_XDS_BOOTSTRAP: 'boot.json' };
    const own = configOf('xds: { server: "other:1" }', { env, files });
    expect([own.xds.server, own.xds.bootstrap]).to.deep.equal(['other:1', undefined]);
    expect(problemsOf('log: { level: info }', { env, files }).join()).to.contain('listeners');
    const variable = configOf('xds: {}', { env: { ...env, OUTRIGGER_XDS_SERVER: 'mine:1' }, files });
    expect([variable.xds.server, variable.xds.bootstrap]).to.deep.equal(['mine:1', undefined]);
  });

  it('reads no variable in the text of the environment', () => {
    const text = bootstrap.replace('plane', `$\{HOME}`);
    const { xds } = configOf('xds: {}', { env: { GRPC_XDS_BOOTSTRAP_CONFIG: text, HOME: '/x' } });
    expect(xds.bootstrapConfig).to.equal(text);
  });

  it('finds a bootstrap file that is missing or wrong, and TLS files that are', () => {
    const told = (text: string, env = {}): string[] =>
      problemsOf(text, { files, env }).map((line) => line.replace(/^\S+ /, ''));
    expect(told('xds: { bootstrap: none.json }')).to.deep.equal([
      'xds.bootstrap: "none.json" does not exist; write the path of a file that does',
    ]);
    expect(told('xds: { bootstrap: bad.json }')[0]).to.match(/^xds\.bootstrap: `xds_servers` must be a list/);
    const tls = { type: 'tls', config: { ca_certificate_file: 'none.pem' } };
    const secure = JSON.stringify({ xds_servers: [{ server_uri: 'plane:1', channel_creds: [tls] }] });
    expect(told('xds: {}', { GRPC_XDS_BOOTSTRAP_CONFIG: secure })[0]).to.contain(
      'names "none.pem", which does not exist',
    );
    expect(told('xds: { server: "plane:1", tls: { ca: none.pem, key: key.pem } }').join()).to.contain(
      'xds.tls.cert: is missing',
    );
    expect(told('xds: { server: "plane:1", tls: { ca: none.pem } }')).to.deep.equal([
      'xds.tls.ca: "none.pem" does not exist; write the path of a file that does',
    ]);
    expect(told('xds: { server: "plane:1", tls: { ca: ca.pem } }')).to.deep.equal([]);
  });

  it('has metadata of the node as a mapping, in a variable as JSON', () => {
    const file = configOf('xds: { server: "a:1", node: { metadata: { GENERATOR: grpc, n: { x: [1] } } } }');
    expect(file.xds.node.metadata).to.deep.equal({ GENERATOR: 'grpc', n: { x: [1] } });
    const env = { OUTRIGGER_XDS_NODE_METADATA: '{ "GENERATOR": "grpc" }' };
    expect(configOf('xds: { server: "a:1" }', { env }).xds.node.metadata).to.deep.equal({
      GENERATOR: 'grpc',
    });
    const wrong = problemsOf('xds: { server: "a:1", node: { metadata: grpc } }');
    expect(wrong.join()).to.contain('xds.node.metadata: "grpc" is text; write a mapping');
    const long = problemsOf(`xds: { server: "a:1", node: { metadata: { a: ${'x'.repeat(65_536)} } } }`);
    expect(long.join()).to.contain('has more than 65536 characters as JSON');
  });
});
