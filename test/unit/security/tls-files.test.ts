import { constants } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { clientTls, serverTls, tlsDigest } from '../../../src/security/tls-files.ts';

describe('TLS files', () => {
  let folder = '';
  const file = (name: string): string => join(folder, name);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-tls-'));
    for (const name of ['cert', 'key', 'ca']) writeFileSync(file(name), `the ${name}`);
  });
  after(() => rmSync(folder, { recursive: true }));
  const text = (bytes: unknown): string => String(bytes);

  it('towards clients: asks for a certificate only where there is who could have signed it', () => {
    const plain = serverTls({ cert: file('cert'), key: file('key') }, false);
    expect([text(plain.cert), text(plain.key), plain.requestCert, plain.rejectUnauthorized]).to.deep.equal([
      'the cert',
      'the key',
      false,
      false,
    ]);
    const mutual = serverTls({ cert: file('cert'), key: file('key'), ca: file('ca') }, true);
    expect([text(mutual.ca), mutual.requestCert, mutual.rejectUnauthorized]).to.deep.equal([
      'the ca',
      true,
      true,
    ]);
    const optional = serverTls({ cert: file('cert'), key: file('key'), ca: file('ca') }, false);
    expect([optional.requestCert, optional.rejectUnauthorized]).to.deep.equal([true, false]);
  });

  it('towards endpoints: the authorities of the system unless a file is named', () => {
    expect(Object.keys(clientTls({}, undefined))).to.deep.equal(['minVersion', 'secureOptions']);
    const named = clientTls({ ca: file('ca'), cert: file('cert'), key: file('key') }, 'orders.example');
    expect(named.servername).to.equal('orders.example');
    expect([named.ca, named.cert, named.key].map(text)).to.deep.equal(['the ca', 'the cert', 'the key']);
    expect(named.rejectUnauthorized, 'nobody switches the check off').to.equal(undefined);
  });

  it('speaks no TLS older than 1.2', () => {
    expect(serverTls({}, false).minVersion).to.equal('TLSv1.2');
    expect(clientTls({}, undefined).minVersion).to.equal('TLSv1.2');
  });

  it('refuses renegotiation and compression on either side', () => {
    const { SSL_OP_NO_COMPRESSION, SSL_OP_NO_RENEGOTIATION } = constants;
    for (const { secureOptions } of [serverTls({}, false), clientTls({}, undefined)])
      expect(secureOptions).to.equal(SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  });

  it('distinguishes contents where any one file differs: certificate, key or authorities alone', () => {
    const all = { cert: file('cert'), key: file('key'), ca: file('ca') };
    const digests = () => [tlsDigest(clientTls(all, undefined)), tlsDigest(serverTls(all, true))];
    const before = digests();
    expect(digests()).to.deep.equal(before);
    for (const name of ['cert', 'key', 'ca'] as const) {
      writeFileSync(file(name), `another ${name}`);
      const [client, server] = digests();
      expect([client === before[0], server === before[1]], name).to.deep.equal([false, false]);
      writeFileSync(file(name), `the ${name}`);
      const { [name]: _left, ...rest } = all;
      expect(tlsDigest(clientTls(rest, undefined)), `without ${name}`).to.not.equal(before[0]);
    }
    expect(digests()).to.deep.equal(before);
    expect(tlsDigest(null)).to.equal('');
  });

  it('names a file that cannot be read', () => {
    expect(() => clientTls({ ca: file('missing') }, undefined)).to.throw(
      /^TLS: the file ".*missing" \(authorities\) can no longer be read \(ENOENT\); restore it$/,
    );
  });
});
