import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { SecureVersion, TlsOptions } from 'node:tls';
import { expect } from 'chai';
import { systemClock } from '../../../src/core/clock.ts';
import { grpcProbe } from '../../../src/health/grpc-probe.ts';
import { endpointTls } from '../../../src/security/endpoint-tls.ts';
import { newAuthority } from '../../support/certificates.ts';

describe('grpcProbe over TLS', () => {
  const authority = newAuthority();
  const stranger = newAuthority('another authority');
  let server: Http2SecureServer;
  let sockets: Set<Socket>;
  let heads: string[];

  async function listen(options: TlsOptions): Promise<void> {
    sockets = new Set();
    heads = [];
    server = createSecureServer({ ...authority.issue(['localhost', '127.0.0.1']), ...options });
    server.on('connection', (socket: Socket) => sockets.add(socket));
    server.on('tlsClientError', () => {});
    server.on('sessionError', () => {});
    server.on('stream', (stream, headers) => {
      heads.push(`${headers[':scheme']} ${headers[':authority']}`);
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' },
        { endStream: true },
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });

  async function check(own: TlsOptions = {}, name = '', probeAuthority?: string) {
    const { port } = server.address() as AddressInfo;
    const address = { kind: 'tcp', host: '127.0.0.1', port } as const;
    const probe = grpcProbe(address, systemClock, {
      service: '',
      mode: 'check',
      tls: endpointTls({ ca: authority.cert, cert: own.cert, key: own.key }, address, name),
      authority: probeAuthority,
    });
    const result = await probe.check(2000);
    probe.close();
    return result;
  }

  it('names what TLS verifies as its authority, the address where that is an IP address, or what is written', async () => {
    await listen({});
    const { port } = server.address() as AddressInfo;
    await check();
    await check({}, 'localhost');
    await check({}, 'localhost', 'orders.shop:443');
    expect(heads).to.deep.equal([`https 127.0.0.1:${port}`, 'https localhost', 'https orders.shop:443']);
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] satisfies SecureVersion[]) {
    const mutual = { requestCert: true, ca: authority.cert, minVersion: version, maxVersion: version };

    it(`shows the certificate of the cluster to a server that requires one, ${version}`, async () => {
      await listen(mutual);
      expect((await check(authority.issue(['client']))).verdict).to.equal('unimplemented');
    });

    it(`says what to write where there is no client certificate, ${version}`, async () => {
      await listen(mutual);
      const { verdict, reason } = await check();
      expect(verdict).to.equal('failed');
      expect(reason)
        .to.match(/requires? a client certificate/)
        .and.match(/tls\.cert and tls\.key/);
    });

    it(`says what to check where the client certificate is refused without an alert, ${version}`, async () => {
      await listen(mutual);
      const { verdict, reason } = await check(stranger.issue(['client']));
      expect(verdict).to.equal('failed');
      expect(reason).to.match(
        /^connection (closed|reset) before HTTP\/2 began; the endpoint may have refused the client certificate, check tls\.cert/,
      );
    });
  }

  for (const [shows, own, advice] of [
    [
      'no client certificate',
      {},
      'if the endpoint requires a client certificate, write tls.cert and tls.key in the cluster',
    ],
    [
      'a client certificate',
      authority.issue(['client']),
      'the endpoint may have refused the client certificate, check tls.cert and tls.key in the cluster',
    ],
  ] as const) {
    it(`says what to check where the server closes the connection of a probe with ${shows}`, async () => {
      await listen({});
      server.prependListener('secureConnection', (socket) => socket.end());
      const { verdict, reason } = await check(own);
      expect(verdict).to.equal('failed');
      expect(reason).to.match(/^connection (closed|reset) before HTTP\/2 began; /);
      expect(reason.split('; ')[1]).to.equal(advice);
    });
  }

  it('fails where the server chooses a TLS cipher that HTTP/2 does not allow', async () => {
    await listen({ ciphers: 'ECDHE-ECDSA-AES128-SHA256', maxVersion: 'TLSv1.2' });
    const { verdict, reason } = await check();
    expect(verdict).to.equal('failed');
    expect(reason).to.match(/^it chose the TLS cipher \S*AES128\S*, which HTTP\/2 does not allow$/);
    expect(heads).to.deep.equal([]);
  });
});
