import { once } from 'node:events';
import http2 from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { eventually } from '../integration/http1-rig.ts';
import { greeterConfig } from '../support/sidecar.ts';
import {
  acceptFor,
  openTunnel,
  startTunnelServer,
  type TunnelProtocol,
  type TunnelRequest,
  type TunnelServerOptions,
} from '../support/tunnels.ts';
import { rig } from './rig.ts';

const names = { http1: 'HTTP/1.1', http2: 'HTTP/2' };
const protocols: readonly TunnelProtocol[] = ['http1', 'http2'];

/** A megabyte in which a byte that is lost, doubled or out of its place is seen. */
const large = Array.from({ length: 131_072 }, (_, n) => String(n).padStart(8, '0')).join('');

for (const client of protocols)
  for (const server of protocols)
    describe(`a WebSocket from ${names[client]} to ${names[server]}`, () => {
      const { sidecar, defer } = rig();

      async function chain(options?: TunnelServerOptions, more: Record<string, unknown> = {}) {
        const replica = await startTunnelServer(server, options);
        defer(() => replica.close());
        const cluster = { protocol: server, health: 'none' };
        const proxy = await sidecar(greeterConfig([replica], cluster, more));
        const open = async (request?: TunnelRequest) => {
          const tunnel = await openTunnel(client, proxy.target(), request);
          defer(() => tunnel.close());
          return tunnel;
        };
        return { replica, proxy, open };
      }
      const opened = client === 'http1' ? 101 : 200;

      it('opens, passes bytes both ways, and ends on both sides when the client ends', async () => {
        const { replica, proxy, open } = await chain();
        const tunnel = await open();
        expect(tunnel.status).to.equal(opened);
        const [served] = replica.tunnels;
        tunnel.duplex.write('ping');
        await eventually(() => served.heard() === 'ping');
        served.duplex.write('pong');
        await eventually(() => tunnel.heard() === 'pong');
        expect(proxy.cluster().active, 'while it is open').to.equal(1);
        tunnel.duplex.end();
        await once(served.duplex, 'close');
        await eventually(() => proxy.calls().length === 1);
        expect(proxy.calls()[0]).to.include({
          httpStatus: 101,
          requestBytes: 4,
          responseBytes: 4,
          error: '',
          endedBy: 'upstream',
        });
        expect(proxy.endpoint(replica.address)).to.include({ active: 0, success: 1, error: 0 });
      });

      it('ends on both sides when the endpoint ends', async () => {
        const { replica, proxy, open } = await chain();
        const tunnel = await open();
        replica.tunnels[0].duplex.end('bye');
        await once(tunnel.duplex, 'end');
        expect(tunnel.heard()).to.equal('bye');
        tunnel.duplex.end();
        await eventually(() => proxy.calls().length === 1);
        expect(proxy.calls()[0]).to.include({ error: '', responseBytes: 3 });
      });

      it('keeps what comes with the handshake, in both directions', async () => {
        const { replica, open } = await chain({ greeting: 'welcome' });
        const tunnel = await open({ early: 'in advance' });
        await eventually(() => tunnel.heard() === 'welcome');
        await eventually(() => replica.tunnels[0].heard() === 'in advance');
      });

      it('passes the handshake: its target, its subprotocols, and the answer to its key', async () => {
        const { replica, open } = await chain({ headers: { 'sec-websocket-protocol': 'b', 'x-own': '1' } });
        const tunnel = await open({
          path: '/chat?room=1',
          headers: { 'sec-websocket-protocol': 'a, b', 'sec-websocket-extensions': 'permessage-deflate' },
        });
        expect(tunnel.headers).to.include({ 'sec-websocket-protocol': 'b', 'x-own': '1' });
        const { headers } = replica.tunnels[0];
        expect(headers).to.include({
          'sec-websocket-version': '13',
          'sec-websocket-protocol': 'a, b',
          'sec-websocket-extensions': 'permessage-deflate',
        });
        if (server === 'http1') {
          expect(headers).to.include({ host: 'chat.test', upgrade: 'websocket', connection: 'upgrade' });
          expect(headers['sec-websocket-key']).to.match(/^[A-Za-z0-9+/]{22}==$/);
        } else {
          expect(headers).to.include({
            ':method': 'CONNECT',
            ':protocol': 'websocket',
            ':path': '/chat?room=1',
            ':authority': 'chat.test',
          });
          expect(headers).not.to.have.any.keys('sec-websocket-key', 'upgrade', 'connection');
        }
        const accept = client === 'http1' ? acceptFor('dGhlIHNhbXBsZSBub25jZQ==') : undefined;
        expect(tunnel.headers['sec-websocket-accept']).to.equal(accept);
      });

      it('passes a megabyte each way in its order', async () => {
        const { replica, open } = await chain();
        const tunnel = await open();
        tunnel.duplex.write(large);
        replica.tunnels[0].duplex.write(large);
        await eventually(() => tunnel.heard().length >= large.length);
        await eventually(() => replica.tunnels[0].heard().length >= large.length);
        expect(tunnel.heard() === large, 'towards the client').to.equal(true);
        expect(replica.tunnels[0].heard() === large, 'towards the endpoint').to.equal(true);
      });

      it('is declined with the reply of the endpoint', async () => {
        const { proxy, replica, open } = await chain({
          status: 403,
          headers: { 'x-why': 'no' },
          greeting: 'no!',
        });
        const tunnel = await open();
        expect(tunnel.status).to.equal(403);
        expect(tunnel.headers['x-why']).to.equal('no');
        await once(tunnel.duplex, 'end');
        expect(tunnel.heard()).to.equal('no!');
        await eventually(() => proxy.calls().length === 1);
        expect(proxy.calls()[0]).to.include({ httpStatus: 403, error: '', endedBy: 'upstream' });
        expect(proxy.endpoint(replica.address)).to.include({ active: 0, error: 0 });
      });

      it('gets the headers that the policies of its route set, opened, declined and refused alike', async () => {
        const headers = { reply: { set: { 'x-seen': 'yes' } } };
        const routes = [
          { name: 'closed', match: { path: '/closed' }, respond: { status: 403 }, headers },
          { name: 'all', cluster: 'greeter', headers },
        ];
        const { replica, open } = await chain(undefined, {
          listeners: [{ name: 'in', listen: '127.0.0.1:0', routes }],
        });
        expect((await open()).headers['x-seen']).to.equal('yes');
        const closed = await open({ path: '/closed' });
        expect([closed.status, closed.headers['x-seen']]).to.deep.equal([403, 'yes']);
        await replica.close();
        const lost = await open();
        expect([lost.status, lost.headers['x-seen']]).to.deep.equal([503, 'yes']);
      });

      it('ends with an error where the endpoint breaks it off, and frees the endpoint where the client does', async () => {
        const { replica, proxy, open } = await chain();
        const first = await open();
        const served = replica.tunnels[0].duplex;
        if ('resetAndDestroy' in served) (served as Socket).resetAndDestroy();
        else served.destroy(new Error('broken off'));
        await eventually(() => proxy.calls().length === 1);
        expect(proxy.calls()[0].error).to.equal('upstream_closed');
        await eventually(() => first.duplex.destroyed || first.duplex.readableEnded);
        const second = await open();
        const left = once(replica.tunnels[1].duplex, 'close');
        second.close();
        await left;
        await eventually(() => proxy.calls().length === 2);
        expect(proxy.calls()[1].error).to.equal('');
        expect(proxy.cluster().active).to.equal(0);
      });
    });

describe('a WebSocket over HTTP/2', () => {
  const { sidecar, defer } = rig();
  const toHttp1 = { protocol: 'http1', health: 'none' };

  async function open(target: string, request?: TunnelRequest) {
    const tunnel = await openTunnel('http2', target, request);
    defer(() => tunnel.close());
    return tunnel;
  }
  async function serve(protocol: TunnelProtocol, options?: TunnelServerOptions) {
    const replica = await startTunnelServer(protocol, options);
    defer(() => replica.close());
    return replica;
  }

  it('is an error where an HTTP/1.1 endpoint answers with 200, which would open it', async () => {
    const replica = await serve('http1', { status: 200, greeting: 'a page' });
    const proxy = await sidecar(greeterConfig([replica], toHttp1));
    for (let n = 0; n < 12; n++) {
      const tunnel = await open(proxy.target());
      expect(tunnel.status).to.equal(502);
      await once(tunnel.duplex, 'end');
      expect(tunnel.heard()).to.contain('answered the handshake of a WebSocket with status 200');
      tunnel.close();
    }
    expect(proxy.endpoint(replica.address).unusableBecause, 'it is the client that asked').to.equal('');
    await eventually(() => proxy.cluster().active === 0);
  });

  it('is an error where an HTTP/1.1 endpoint does not prove that it has read the key of Outrigger', async () => {
    const replica = await serve('http1', { headers: { 'sec-websocket-accept': acceptFor('another') } });
    const proxy = await sidecar(greeterConfig([replica], toHttp1));
    const tunnel = await open(proxy.target());
    expect(tunnel.status).to.equal(502);
    await once(tunnel.duplex, 'end');
    expect(tunnel.heard()).to.contain('sec-websocket-accept');
  });

  it('is an error where a policy answers it with 200, which would open it', async () => {
    const routes = [{ name: 'fine', respond: { status: 200, body: 'fine' } }];
    const listeners = [{ name: 'in', listen: '127.0.0.1:0', routes }];
    const replica = await serve('http1');
    const proxy = await sidecar(greeterConfig([replica], toHttp1, { listeners }));
    expect((await open(proxy.target())).status).to.equal(500);
  });

  it('gets a key that is new each time, and not that of the client', async () => {
    const replica = await serve('http1');
    const proxy = await sidecar(greeterConfig([replica], toHttp1));
    for (let n = 0; n < 3; n++)
      expect((await open(proxy.target(), { headers: { 'sec-websocket-key': 'own' } })).status).to.equal(200);
    const keys = replica.tunnels.map(({ headers }) => headers['sec-websocket-key']);
    expect(new Set(keys).size).to.equal(3);
    expect(keys).not.to.include('own');
  });

  for (const client of protocols)
    it(`is no route for a client of ${names[client]} where the endpoint does not announce it`, async () => {
      const replica = await serve('http2', { announces: false });
      const proxy = await sidecar(greeterConfig([replica], { health: 'none' }));
      const tunnel = await openTunnel(client, proxy.target());
      defer(() => tunnel.close());
      expect([tunnel.status, tunnel.headers['x-outrigger-error']]).to.deep.equal([404, 'no_route']);
      expect(replica.tunnels, 'nothing was sent').to.deep.equal([]);
      expect(proxy.endpoint(replica.address)).to.include({ active: 0, error: 0 });
    });

  for (const server of protocols)
    it(`goes to another endpoint of ${names[server]} where one takes no connection`, async () => {
      const dead = createServer().listen(0, '127.0.0.1');
      await once(dead, 'listening');
      const address = `127.0.0.1:${(dead.address() as { port: number }).port}`;
      await new Promise((resolve) => dead.close(resolve));
      const replica = await serve(server);
      const cluster = { protocol: server, health: 'none', balancer: { policy: 'round_robin' } };
      const proxy = await sidecar(greeterConfig([{ address }, replica], cluster));
      for (let n = 0; n < 2; n++) expect((await open(proxy.target())).status).to.equal(200);
    });

  it('is refused without a key where an HTTP/1.1 client would need the answer to one', async () => {
    const replica = await serve('http2');
    const proxy = await sidecar(greeterConfig([replica], { health: 'none' }));
    const tunnel = await openTunnel('http1', proxy.target(), { headers: { 'sec-websocket-key': '' } });
    defer(() => tunnel.close());
    expect(tunnel.status).to.equal(400);
    expect(proxy.endpoint(replica.address)).to.include({ active: 0, error: 0 });
  });

  it('is the one protocol that is served: another one gets 501 (RFC 9220 section 3)', async () => {
    const replica = await serve('http2');
    const proxy = await sidecar(greeterConfig([replica], { health: 'none' }));
    const session = http2.connect(`http://${proxy.target()}`);
    defer(() => session.destroy());
    const [settings] = (await once(session, 'remoteSettings')) as [http2.Settings];
    expect(settings.enableConnectProtocol).to.equal(true);
    const stream = session.request({
      ':method': 'CONNECT',
      ':protocol': 'connect-udp',
      ':scheme': 'http',
      ':path': '/',
      ':authority': 'a',
    });
    const [reply] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    expect(reply[':status']).to.equal(501);
    stream.resume();
  });

  it('has no deadline, and holds the client back where the endpoint reads nothing', async () => {
    const replica = await serve('http1');
    const routes = [{ name: 'all', cluster: 'greeter', timeout: '50ms' }];
    const listeners = [{ name: 'in', listen: '127.0.0.1:0', routes }];
    const proxy = await sidecar(greeterConfig([replica], toHttp1, { listeners }));
    const tunnel = await open(proxy.target());
    const [{ duplex }] = replica.tunnels;
    duplex.pause();
    tunnel.duplex.write(Buffer.alloc(64 * 1024 * 1024));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const waiting = (tunnel.duplex as http2.ClientHttp2Stream).state.localWindowSize;
    expect(proxy.calls(), 'still open').to.deep.equal([]);
    expect(tunnel.duplex.writableLength, `held back, window ${waiting}`).to.be.above(0);
    duplex.resume();
  });
});
