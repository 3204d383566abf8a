import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { newAuthority } from '../support/certificates.ts';
import { askForWebSocket, startHeaderServer } from '../support/header-server.ts';
import { type ConfigShape, greeterConfig } from '../support/sidecar.ts';
import { rig } from './rig.ts';

const headers = {
  request: {
    remove: ['x-internal'],
    set: { 'x-client': '{client.address}', 'x-to': '{cluster}@{endpoint}', 'x-path': '{request.path}' },
    add: { 'x-added': 'a' },
    append: { 'x-list': 'z' },
  },
  reply: { set: { 'x-route': '{route}', 'x-from': '{endpoint}' }, remove: ['server', 'x-outrigger-error'] },
  replyTrailers: { set: { 'x-sum': 'of {listener}' } },
};

function configured(
  replicas: ReadonlyArray<{ readonly address: string }>,
  cluster: Record<string, unknown> = {},
  listener: Record<string, unknown> = {},
): ConfigShape {
  const routes = [{ name: 'all', cluster: 'greeter', headers }];
  const listeners = [{ name: 'in', listen: '127.0.0.1:0', routes, ...listener }];
  return greeterConfig(replicas, cluster, { listeners });
}

describe('headers, end to end', () => {
  const { greeter, sidecar, client, defer } = rig();

  async function webServer() {
    const server = await startHeaderServer({ server: 'secret/1.0' });
    defer(() => server.close());
    return server;
  }

  it('changes the metadata of gRPC calls, of their replies and of their trailers', async () => {
    const replica = await greeter();
    const proxy = await sidecar(configured([replica]));
    const { code, metadata, trailers } = await client(proxy.target()).sayHello('x', {
      metadata: [
        ['x-internal', '1'],
        ['x-client', 'forged'],
        ['x-list', 'y'],
      ],
    });
    expect(code).to.equal(0);
    const seen = replica.lastMetadata!;
    expect(seen.get('x-internal')).to.deep.equal([]);
    expect(seen.get('x-client')).to.deep.equal(['127.0.0.1']);
    expect(seen.get('x-to')).to.deep.equal([`greeter@${replica.address}`]);
    expect(seen.get('x-path')).to.deep.equal(['/helloworld.Greeter/SayHello']);
    expect([seen.get('x-added'), seen.get('x-list')]).to.deep.equal([['a'], ['y, z']]);
    expect([metadata.get('x-route'), metadata.get('x-from')]).to.deep.equal([['all'], [replica.address]]);
    expect(trailers.get('x-sum')).to.deep.equal(['of in']);
  });

  it("changes Outrigger's own error for a gRPC call", async () => {
    const proxy = await sidecar(configured([{ address: '127.0.0.1:9' }], { health: 'none' }));
    const { code, trailers } = await client(proxy.target()).sayHello('x');
    expect(code).to.equal(14);
    expect([trailers.get('x-route'), trailers.get('x-sum')]).to.deep.equal([['all'], ['of in']]);
    expect([trailers.get('x-from'), trailers.get('x-outrigger-error')]).to.deep.equal([[], []]);
  });

  it('changes requests and replies over HTTP/1.1 and HTTP/2', async () => {
    const server = await webServer();
    const proxy = await sidecar(configured([server], { protocol: 'http1' }));
    const sent = { 'x-internal': '1', 'x-list': 'y' };
    const reply = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http
        .get(`http://${proxy.target()}/a/b?c`, { agent: false, headers: sent }, (message) => {
          message.resume().on('end', () => resolve(message));
        })
        .on('error', reject);
    });
    expect(reply.headers).to.include({ 'x-route': 'all', 'x-from': server.address });
    expect(reply.headers).not.to.have.property('server');
    expect(reply.trailers).to.deep.equal({ 'x-sum': 'of in' });

    const session = http2.connect(`http://${proxy.target()}`);
    defer(() => session.destroy());
    const stream = session.request({ ':path': '/a/b?c', ...sent });
    const head = await new Promise<http2.IncomingHttpHeaders>((resolve) => stream.on('response', resolve));
    expect(head['x-route']).to.equal('all');
    expect(server.seen).to.have.length(2);
    for (const { url, headers: seen } of server.seen) {
      expect(url).to.equal('/a/b?c');
      expect(seen).to.include({
        'x-client': '127.0.0.1',
        'x-to': `greeter@${server.address}`,
        'x-path': '/a/b',
        'x-added': 'a',
        'x-list': 'y, z',
      });
      expect(seen).not.to.have.property('x-internal');
    }
  });

  it('changes the request of a WebSocket, and the reply to its handshake', async () => {
    const server = await webServer();
    const proxy = await sidecar(configured([server], { protocol: 'http1' }));
    const reply = await askForWebSocket(proxy.target(), { 'x-internal': '1' });
    expect(reply).to.include({ 'x-from': server.address, upgrade: 'websocket' });
    expect(server.seen[0]).to.include({ upgrade: true, url: '/chat' });
    expect(server.seen[0].headers).to.include({
      'x-client': '127.0.0.1',
      'x-to': `greeter@${server.address}`,
    });
    expect(server.seen[0].headers).not.to.have.property('x-internal');
  });

  it('shows an endpoint who the client is by its certificate, and nothing of one without', async () => {
    const authority = newAuthority();
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    const file = (name: string, pem: string): string => {
      writeFileSync(join(folder, name), pem);
      return join(folder, name);
    };
    const own = authority.issue(['localhost']);
    const tls = {
      cert: file('cert', own.cert),
      key: file('key', own.key),
      clientCa: file('ca', authority.cert),
    };
    const server = await webServer();
    const identity = { request: { set: { 'x-identity': '{client.identity}' } } };
    const routes = [{ name: 'all', cluster: 'greeter', headers: identity }];
    const proxy = await sidecar(configured([server], { protocol: 'http1' }, { tls, routes }));
    const get = (pem: object): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const [host, port] = proxy.target().split(':');
        const options = { host, port, servername: 'localhost', ca: authority.cert, agent: false, ...pem };
        https
          .get({ ...options, headers: { 'x-identity': 'spiffe://td/forged' } }, (message) => {
            message.resume().on('end', () => resolve(message.statusCode));
          })
          .on('error', reject);
      });
    expect(await get(authority.issue(['a.test', 'spiffe://td/ns/a']))).to.equal(200);
    expect(await get({})).to.equal(200);
    const session = http2.connect(`https://${proxy.target()}`, {
      ...authority.issue(['b.test']),
      servername: 'localhost',
      ca: authority.cert,
    });
    defer(() => session.destroy());
    const stream = session.request({ 'x-identity': 'spiffe://td/forged' });
    const head = await new Promise<http2.IncomingHttpHeaders>((resolve) => stream.on('response', resolve));
    expect(head[':status']).to.equal(200);
    expect(server.seen.map((request) => request.headers['x-identity'])).to.deep.equal([
      'spiffe://td/ns/a',
      undefined,
      'b.test',
    ]);
  });
});
