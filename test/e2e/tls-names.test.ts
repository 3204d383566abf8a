import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { systemDnsResolver } from '../../src/discovery/dns-resolver.ts';
import { newAuthority } from '../support/certificates.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { connectRaw, grpcHead } from '../support/raw-http2.ts';
import { greeterConfig, type Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

type Named = TLSSocket & { servername?: string | false };

describe('TLS towards endpoints that a name led to', () => {
  const { sidecar, defer } = rig();
  const authority = newAuthority();

  function file(text: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'file.pem'), text);
    return join(folder, 'file.pem');
  }

  /** A server with a certificate for these names; `seen` has the SNI and ALPN of each connection, and each request's host. */
  async function replica(names: readonly string[], kind: 'http2' | 'http1' | 'tcp', options = {}) {
    const seen: string[] = [];
    const hosts: string[] = [];
    const tls = { ...authority.issue(names), ...options };
    const server =
      kind === 'http2'
        ? http2.createSecureServer(tls, (request, response) => {
            hosts.push(`${request.url} ${request.headers[':authority']}`);
            const headers = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' };
            response.stream.respond(headers, { endStream: true });
          })
        : kind === 'http1'
          ? https.createServer(tls, (request, response) => {
              hosts.push(`${request.url} ${request.headers.host}`);
              response.end('fine');
            })
          : createTlsServer(tls, (socket) => socket.on('error', () => {}).resume());
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    server.on('secureConnection', (socket: Named) => {
      socket.on('error', () => {});
      seen.push(`${socket.servername || 'none'} ${socket.alpnProtocol || 'none'}`);
    });
    server.on('upgrade', (_request: unknown, socket: Socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
      socket.on('error', () => {}).on('end', () => socket.end());
    });
    server.on('tlsClientError', () => {});
    server.on('sessionError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    return { seen, hosts, port: (server.address() as { port: number }).port };
  }

  async function start(dns: object, protocol: string, more: object = {}) {
    const server = await startDnsServer();
    defer(() => server.close());
    server.set('orders.test', ['127.0.0.1']);
    const cluster = {
      discovery: { dns },
      endpoints: undefined,
      protocol,
      tls: { ca: file(authority.cert) },
      ...more,
    };
    const proxy = await sidecar(greeterConfig([], cluster), {
      newDnsResolver: () => systemDnsResolver([server.address]),
    });
    await until(
      () => proxy.cluster().all()[0]?.watch?.answered === true,
      () => 'no endpoint was probed',
    );
    return proxy;
  }
  async function call(proxy: Sidecar) {
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    const { headers } = await client.request(grpcHead('/a.B/C'));
    return `${headers['grpc-status']} ${headers['grpc-message'] ?? ''}`;
  }
  const get = (proxy: Sidecar, host: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const [name, port] = proxy.target().split(':');
      const request = http.get({ host: name, port, headers: { host }, agent: false }, (reply) => {
        reply
          .resume()
          .on('end', () => resolve(`${reply.statusCode} ${reply.headers['x-outrigger-error'] ?? ''}`));
      });
      request.on('error', reject);
    });
  const reason = (proxy: Sidecar) => proxy.cluster().all()[0].health.reason;

  it('gRPC: calls and probes verify the looked-up name, and send it', async () => {
    const server = await replica(['orders.test'], 'http2');
    const proxy = await start({ host: 'orders.test', port: server.port }, 'http2');
    expect(reason(proxy)).to.equal('no health service (UNIMPLEMENTED)');
    expect(await call(proxy)).to.equal('12 ');
    expect(server.seen).to.deep.equal(['orders.test h2', 'orders.test h2']);
    expect(server.hosts[0]).to.equal(`/grpc.health.v1.Health/Check orders.test:${server.port}`);
  });

  it('gRPC: a certificate for the address alone is refused, by calls and probes alike', async () => {
    const server = await replica(['127.0.0.1'], 'http2');
    const proxy = await start({ host: 'orders.test', port: server.port }, 'http2');
    expect(reason(proxy)).to.match(/^the certificate of the server is not for/);
    const unprobed = await sidecar(
      greeterConfig([{ address: `127.0.0.1:${server.port}` }], {
        tls: { ca: file(authority.cert), serverName: 'orders.test' },
        health: 'none',
      }),
    );
    expect(await call(unprobed)).to.match(/^14 .*(certificate|altnames)/);
  });

  it('gRPC by SRV: the name is the domain whose service was asked for, and not the target', async () => {
    const server = await replica(['orders.test'], 'http2');
    const dns = await startDnsServer();
    defer(() => dns.close());
    dns.setService('_grpc._tcp.orders.test', [
      { host: 'a.internal', port: server.port, weight: 1, priority: 0 },
    ]);
    dns.set('a.internal', ['127.0.0.1']);
    const discovery = { dns: { host: '_grpc._tcp.orders.test', type: 'srv' } };
    const proxy = await sidecar(
      greeterConfig([], { discovery, endpoints: undefined, tls: { ca: file(authority.cert) } }),
      {
        newDnsResolver: () => systemDnsResolver([dns.address]),
      },
    );
    expect(await call(proxy)).to.equal('12 ');
    expect(new Set(server.seen)).to.deep.equal(new Set(['orders.test h2']));
  });

  it('HTTP/1.1: requests, WebSockets and both kinds of probe, whatever Host the client sends', async () => {
    const server = await replica(['orders.test'], 'http1');
    const dns = { host: 'orders.test', port: server.port };
    for (const health of [{ tcp: {} }, { http: { path: '/healthz' } }]) {
      const proxy = await start(dns, 'http1', { health });
      expect(reason(proxy)).to.match(/accepts TLS connections|HTTP status 200/);
      for (const host of ['attacker.example', 'orders.test', '127.0.0.1'])
        expect(await get(proxy, host)).to.equal('200 ');
      const [name, port] = proxy.target().split(':');
      const socket = connect(Number(port), name);
      defer(() => socket.destroy());
      socket.write(
        'GET /ws HTTP/1.1\r\nhost: attacker.example\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString('latin1', 0, 12)).to.equal('HTTP/1.1 101');
    }
    expect(new Set(server.seen)).to.deep.equal(new Set(['orders.test http/1.1']));
    expect(server.hosts).to.include(`/healthz orders.test:${server.port}`);
  });

  it('HTTP/1.1: a client cannot choose by its Host what certificate is accepted', async () => {
    const server = await replica(['attacker.example'], 'http1');
    const address = `127.0.0.1:${server.port}`;
    const tls = { ca: file(authority.cert) };
    const proxy = await sidecar(
      greeterConfig([{ address }], { protocol: 'http1', tls, health: 'none', outlier: 'none' }),
    );
    for (const host of ['attacker.example', 'attacker.example', 'orders.test'])
      expect(await get(proxy, host)).to.equal('503 connect_failed');
    expect(server.hosts).to.deep.equal([]);
  });

  it('a tcp probe completes the handshake: a wrong certificate, or a server without TLS, is unhealthy', async () => {
    const wrong = await replica(['other.test'], 'tcp');
    const health = { tcp: {} };
    const refused = await start({ host: 'orders.test', port: wrong.port }, 'http2', { health });
    expect(reason(refused)).to.match(/^the certificate of the server is not for/);
    const strange = await replica(['orders.test'], 'tcp', newAuthority().issue(['orders.test']));
    expect(reason(await start({ host: 'orders.test', port: strange.port }, 'http2', { health }))).to.match(
      /certificate/,
    );
    const plain = http.createServer().listen(0, '127.0.0.1');
    await once(plain, 'listening');
    defer(() => new Promise((resolve) => plain.close(resolve)));
    const { port } = plain.address() as { port: number };
    const noTls = await start({ host: 'orders.test', port }, 'http2', { health });
    expect(noTls.cluster().all()[0].health.status).to.equal('unhealthy');
    expect(reason(noTls)).to.match(/^the server does not use TLS/);
  });

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`${maxVersion}: probes show the client certificate that calls show, and see that one is required`, async () => {
      const pair = authority.issue(['sidecar.test']);
      const mutual = { requestCert: true, ca: authority.cert, maxVersion };
      const server = await replica(['orders.test'], 'tcp', mutual);
      const dns = { host: 'orders.test', port: server.port };
      const ca = file(authority.cert);
      const health = { tcp: {} };
      const good = await start(dns, 'http1', {
        health,
        tls: { ca, cert: file(pair.cert), key: file(pair.key) },
      });
      expect(reason(good)).to.equal('accepts TLS connections');
      const bare = await start(dns, 'http1', { health });
      expect(bare.cluster().all()[0].health.status, reason(bare)).to.equal('unhealthy');
    });
  }
});
