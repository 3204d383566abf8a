import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

describe('accessLog of a route', () => {
  const { greeter, sidecar, client, defer } = rig();

  /** An HTTP/1.1 replica; `/search/broken` is an error. It takes WebSockets and closes them. */
  async function web(): Promise<string> {
    const server = createServer((request, response) => {
      response.statusCode = request.url?.endsWith('broken') ? 500 : 200;
      response.end();
    });
    server.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('is none, errors alone, or that of the process, for gRPC, HTTP and WebSockets', async () => {
    const replica = await greeter();
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
    defer(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'access.log');
    const proxy = await sidecar({
      telemetry: { accessLog: { to: `file:${path}` } },
      listeners: [
        {
          name: 'in',
          listen: '127.0.0.1:0',
          routes: [
            { name: 'quiet', match: { pathPrefix: '/quiet' }, cluster: 'web', accessLog: 'none' },
            { name: 'search', match: { pathPrefix: '/search' }, cluster: 'web', accessLog: { sample: 0 } },
            { name: 'grpc', match: { grpc: {} }, cluster: 'greeter', accessLog: { sample: 0 } },
            { name: 'rest', cluster: 'web' },
          ],
        },
      ],
      clusters: [
        { name: 'greeter', endpoints: [{ address: replica.address }] },
        { name: 'web', protocol: 'http1', endpoints: [{ address: await web() }] },
      ],
    });
    const get = async (target: string): Promise<void> => {
      await (await fetch(`http://${proxy.target()}${target}`, { headers: { connection: 'close' } })).text();
    };
    const upgrade = async (target: string): Promise<void> => {
      const [host, port] = proxy.target().split(':');
      const socket = connect(Number(port), host);
      socket.write(
        `GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      );
      socket.resume();
      socket.on('end', () => socket.end());
      await once(socket, 'close');
    };
    const caller = client(proxy.target());
    await get('/quiet/broken');
    await upgrade('/quiet/socket');
    await get('/search/fine');
    await get('/search/broken');
    await upgrade('/search/socket');
    expect((await caller.sayHello('x')).code).to.equal(0);
    expect((await caller.unary({ options: { failStatus: 13 } })).code).to.equal(13);
    await get('/rest');
    await upgrade('/socket');
    await until(
      () => proxy.calls().length === 9,
      () => `${proxy.calls().length} calls have ended`,
    );
    const paths = (): string[] =>
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
        .map(({ path: target, method }) => target ?? method);
    await until(
      () => paths().length >= 4,
      () => paths().join(),
    );
    await proxy.stop();
    expect(paths()).to.deep.equal(['/search/broken', 'outrigger.test.Echo/Unary', '/rest', '/socket']);
  });
});
