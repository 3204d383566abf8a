import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import { get } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { greeterService, type HelloReply } from '../support/protos.ts';
import { connectRaw, grpcHead } from '../support/raw-http2.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { localhostCertificate, localhostKey } from '../unit/health/localhost-certificate.ts';
import { rig } from './rig.ts';

/** Labels and values of the metric of failed handshakes. */
async function handshakeFailures(adminUrl: string): Promise<string[]> {
  const name = 'outrigger_tls_handshake_failures_total';
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return text.split('\n').flatMap((line) => (line.startsWith(name) ? [line.slice(name.length)] : []));
}

describe('TLS', () => {
  const { greeter, sidecar, defer } = rig();

  function files() {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    writeFileSync(cert, localhostCertificate);
    writeFileSync(key, localhostKey);
    return { cert, key };
  }
  const listener = (tls: object, routes = [{ name: 'all', cluster: 'greeter' }]) => ({
    listeners: [{ name: 'in', listen: '127.0.0.1:0', tls, routes }],
  });
  /** A unary call over TLS that trusts our certificate. */
  function sayHello(target: string, credentials: grpc.ChannelCredentials): Promise<number> {
    const client = new grpc.Client(target.replace('127.0.0.1', 'localhost'), credentials, {
      'grpc.use_local_subchannel_pool': 1,
    });
    defer(() => client.close());
    const { path, requestSerialize, responseDeserialize } = greeterService.SayHello;
    return new Promise((resolve) => {
      client.makeUnaryRequest<object, HelloReply>(
        path,
        requestSerialize as (value: object) => Buffer,
        responseDeserialize as (bytes: Buffer) => HelloReply,
        { name: 'x' },
        new grpc.Metadata(),
        { deadline: Date.now() + 3000 },
        (error) => resolve(error?.code ?? 0),
      );
    });
  }
  const ca = Buffer.from(localhostCertificate);
  const key = Buffer.from(localhostKey);

  it('towards the clients: gRPC over h2 and HTTP/1.1 by ALPN on one port', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica], {}, listener(files())));
    expect(await sayHello(proxy.target(), grpc.credentials.createSsl(ca))).to.equal(0);
    const [, port] = proxy.target().split(':');
    const status = await new Promise((resolve, reject) => {
      get({ host: 'localhost', port, path: '/', ca, agent: false }, (reply) => {
        reply.resume();
        resolve(reply.headers['x-outrigger-error'] ?? reply.statusCode);
      }).on('error', reject);
    });
    // grpc-js answers what is no gRPC with 415: that it was asked is what counts.
    expect(status).to.equal(415);
  });

  it('a handshake that does not go on does not keep a listener from closing', async () => {
    const proxy = await sidecar(
      greeterConfig([{ address: '127.0.0.1:9' }], { health: 'none' }, listener(files())),
    );
    const [host, port] = proxy.target().split(':');
    const silent = connect(Number(port), host);
    defer(() => silent.destroy());
    silent.on('error', () => {}).resume();
    await once(silent, 'connect');
    silent.write(Buffer.from('160301', 'hex'));
    const closed = new Promise((resolve) => silent.once('close', resolve));
    await proxy.stop();
    await closed;
  });

  it('a client without TLS, or that breaks off its handshake, disturbs nobody', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica], {}, listener(files())));
    const [host, port] = proxy.target().split(':');
    const plain = http2.connect(`http://${proxy.target()}`);
    plain.on('error', () => {});
    const closed = once(plain, 'close');
    const half = connectTls({ host, port: Number(port), ca, servername: 'localhost' });
    half.on('error', () => {});
    half.destroy();
    await closed;
    expect(await sayHello(proxy.target(), grpc.credentials.createSsl(ca))).to.equal(0);
    expect(proxy.log.some((line) => line.includes('TLS handshake failed'))).to.equal(true);
    expect(await handshakeFailures(proxy.adminUrl)).to.include(
      '{outrigger_listener="in",outrigger_reason="not_tls"} 1',
    );
  });

  it('a client that speaks TLS to a listener without it is reported with the key to write', async () => {
    const proxy = await sidecar(greeterConfig([{ address: '127.0.0.1:9' }], { health: 'none' }));
    const [host, port] = proxy.target().split(':');
    const client = connectTls({ host, port: Number(port), servername: 'localhost' });
    await once(client, 'error');
    const line = proxy.log.find((one) =>
      one.includes('a client uses TLS on a listener without TLS; add tls'),
    );
    expect(line).to.match(/listener=in peer=127\.0\.0\.1:\d+/);
  });

  it('mutual: who shows no certificate gets no further', async () => {
    const replica = await greeter();
    const pem = files();
    const tls = { ...pem, clientCa: pem.cert, requireClientCert: true };
    const proxy = await sidecar(greeterConfig([replica], {}, listener(tls)));
    const [, port] = proxy.target().split(':');
    const bare = connectTls({ host: 'localhost', port: Number(port), ca, ALPNProtocols: ['h2'] });
    bare.resume();
    const [error] = (await once(bare, 'error')) as [Error];
    expect(error.message).to.contain('certificate required');
    await until(
      () =>
        proxy.log.some((line) =>
          /TLS handshake failed listener=in peer=\S+:\d+ .*reason="the client sent no certificate, and the listener requires one \(tls\.requireClientCert\)/.test(
            line,
          ),
        ),
      () => proxy.log.join('\n'),
    );
    expect(proxy.log.join('\n')).not.to.match(/SSL routines|deps\/openssl/);
    expect(await handshakeFailures(proxy.adminUrl)).to.deep.equal([
      '{outrigger_listener="in",outrigger_reason="client_certificate"} 1',
    ]);
    expect(replica.calls).to.equal(0);
    expect(await sayHello(proxy.target(), grpc.credentials.createSsl(ca, key, ca))).to.equal(0);
  });

  it('towards the endpoints: calls and probes, checked against the authority and the name', async () => {
    const server = http2.createSecureServer({ cert: localhostCertificate, key: localhostKey });
    const servernames = new Set<unknown>();
    server.on('stream', (stream) => {
      servernames.add((stream.session!.socket as TLSSocket & { servername?: string }).servername);
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' },
        { endStream: true },
      );
    });
    server.on('sessionError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    // Beneath TLS: of a handshake that its client broke off nothing else is left to take hold of.
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    server.on('session', (session) => session.on('error', () => {}));
    defer(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    const pem = files();
    const ask = async (tls: object, more: object = {}) => {
      const proxy = await sidecar(greeterConfig([{ address }], { tls, ...more }));
      const client = connectRaw(proxy.target());
      defer(() => client.close());
      const { headers } = await client.request(grpcHead('/a.B/C'));
      return { proxy, status: headers['grpc-status'], message: String(headers['grpc-message']) };
    };
    // UNIMPLEMENTED by the server itself, as it says to everything; to the probe it means healthy.
    const trusted = await ask({ ca: pem.cert, serverName: 'localhost' });
    expect(trusted.status).to.equal('12');
    expect(trusted.proxy.endpoint(address).health.status).to.equal('healthy');
    expect([...servernames]).to.deep.equal(['localhost']);
    const wrongName = await ask({ ca: pem.cert, serverName: 'other.example' }, { health: 'none' });
    expect(wrongName.status).to.equal('14');
    expect(wrongName.message).to.match(/no connection to .*altnames/);
    const untrusted = await ask({ serverName: 'localhost' }, { health: 'none' });
    expect(untrusted.status).to.equal('14');
    expect(untrusted.message).to.match(/no connection to .*self-signed/);
  });

  it('towards the endpoints: one that requires a certificate is said to, with the keys to write', async () => {
    const server = http2.createSecureServer({
      cert: localhostCertificate,
      key: localhostKey,
      ca: localhostCertificate,
      requestCert: true,
    });
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    server.on('session', (session) => session.on('error', () => {}));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    const tls = { ca: files().cert, serverName: 'localhost' };
    const proxy = await sidecar(greeterConfig([{ address }], { tls, health: 'none' }));
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    const { headers } = await client.request(grpcHead('/a.B/C'));
    expect(String(headers['grpc-message'])).to.include(
      'the server requires a client certificate; write tls.cert and tls.key in the cluster',
    );
  });
});
