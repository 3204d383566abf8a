import http from 'node:http';
import http2 from 'node:http2';
import { expect } from 'chai';
import { askForWebSocket, startHeaderServer } from '../support/header-server.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { rig } from './rig.ts';

const app = 'https://app.test';
const cors = {
  allowOrigins: [app],
  allowHeaders: ['content-type', 'x-grpc-web'],
  exposeHeaders: ['grpc-status', 'grpc-message'],
};
const listeners = [
  { name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'greeter', cors }] },
];

describe('cors, end to end', () => {
  const { sidecar, defer } = rig();

  async function proxied() {
    const server = await startHeaderServer({ 'access-control-allow-origin': '*' });
    defer(() => server.close());
    const proxy = await sidecar(greeterConfig([server], { protocol: 'http1' }, { listeners }));
    return { server, target: proxy.target() };
  }

  it('a browser gets its preflight request answered, then the reply of a gRPC-Web call', async () => {
    const { server, target } = await proxied();
    const url = `http://${target}/helloworld.Greeter/SayHello`;
    // Node's fetch refuses to send `access-control-request-method`, as it belongs to browsers: HTTP/2 below does.
    const session = http2.connect(`http://${target}`);
    defer(() => session.destroy());
    const ask = (headers: http2.OutgoingHttpHeaders): Promise<http2.IncomingHttpHeaders> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': '/helloworld.Greeter/SayHello', ...headers });
        stream.on('response', resolve).on('error', reject).resume();
      });
    const preflight = { ':method': 'OPTIONS', 'access-control-request-method': 'POST' };
    const allowed = await ask({ ...preflight, origin: app });
    expect(allowed).to.include({
      ':status': 204,
      'access-control-allow-origin': app,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers': 'content-type, x-grpc-web',
      vary: 'Origin',
    });
    const refused = await ask({ ...preflight, origin: 'https://evil.test' });
    expect(refused).to.include({ ':status': 204 }).and.not.have.property('access-control-allow-origin');
    expect(server.seen).to.have.length(0);

    const headers = { origin: app, 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' };
    const reply = await fetch(url, { method: 'POST', headers, body: 'x' });
    expect(await reply.text()).to.equal('ok');
    expect(reply.headers.get('access-control-allow-origin')).to.equal(app);
    expect(reply.headers.get('access-control-expose-headers')).to.equal('grpc-status, grpc-message');
    expect(server.seen).to.have.length(1);
  });

  it('answers a preflight request over HTTP/1.1, and the connection goes on', async () => {
    const { server, target } = await proxied();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    defer(() => agent.destroy());
    const ask = (options: http.RequestOptions): Promise<http.IncomingMessage> =>
      new Promise((resolve, reject) => {
        const request = http.request(`http://${target}/`, { agent, ...options }, (reply) => {
          reply.resume().on('end', () => resolve(reply));
        });
        request.on('error', reject).end();
      });
    const headers = { origin: app, 'access-control-request-method': 'POST' };
    const preflight = await ask({ method: 'OPTIONS', headers });
    expect(preflight.statusCode).to.equal(204);
    expect(preflight.headers).to.include({ 'access-control-allow-origin': app, vary: 'Origin' });
    expect((await ask({ headers: { origin: app } })).statusCode).to.equal(200);
    expect(server.seen.map(({ method }) => method)).to.deep.equal(['GET']);
  });

  it('over HTTP/1.1 another origin gets the reply without permission to read it', async () => {
    const { target } = await proxied();
    const reply = await fetch(`http://${target}/`, { headers: { origin: 'https://evil.test' } });
    expect(reply.status).to.equal(200);
    await reply.text();
    expect(reply.headers.get('access-control-allow-origin')).to.equal(null);
    expect(reply.headers.get('vary')).to.equal('Origin');
  });

  it('a WebSocket of any origin passes as it came', async () => {
    const { server, target } = await proxied();
    await askForWebSocket(target, { origin: 'https://evil.test' });
    expect(server.seen[0].headers.origin).to.equal('https://evil.test');
  });
});
