import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { connectRaw, grpcHead } from '../support/raw-http2.ts';
import { greeterConfig, type Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { runCommand } from '../unit/cli/support.ts';
import { rig } from './rig.ts';

type Reply = Record<string, string | number>;
const grpcStatus = (code: number, message = ''): Reply => ({
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-status': String(code),
  ...(message === '' ? {} : { 'grpc-message': message }),
});

describe('a server that does not answer health checks with its health', () => {
  const { sidecar, defer } = rig();

  /** Answers health checks with `health`, or not at all, and every call with OK. */
  async function server(health: Reply | 'nothing') {
    const seen: Array<Record<string, unknown>> = [];
    const sockets = new Set<Socket>();
    const http2: Http2Server = createServer((request, response) => {
      const check = request.url.startsWith('/grpc.health');
      if (check) seen.push(request.headers);
      request.resume();
      if (check && state.health === 'nothing') return;
      response.stream.respond((check ? state.health : grpcStatus(0)) as never, { endStream: true });
    });
    http2.on('connection', (socket: Socket) => sockets.add(socket));
    http2.on('sessionError', () => {});
    const state = { health, seen, address: '' };
    await new Promise<void>((resolve) => http2.listen(0, '127.0.0.1', resolve));
    state.address = `127.0.0.1:${(http2.address() as AddressInfo).port}`;
    defer(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => http2.close(resolve));
    });
    return state;
  }
  async function call(proxy: Sidecar): Promise<string> {
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    const { headers } = await client.request(grpcHead('/a.B/C'));
    return `${headers['grpc-status']} ${headers['grpc-message'] ?? ''}`.trim();
  }
  const page = async (proxy: Sidecar, path: string) => (await fetch(`${proxy.adminUrl}${path}`)).text();

  for (const [what, reply, said] of [
    ['UNAUTHENTICATED', grpcStatus(16, 'no token'), 'UNAUTHENTICATED: no token'],
    ['PERMISSION_DENIED', grpcStatus(7), 'PERMISSION_DENIED'],
    ['INVALID_ARGUMENT', grpcStatus(3, 'tenant is missing'), 'INVALID_ARGUMENT: tenant is missing'],
    ['401', { ':status': 401 }, 'HTTP status 401 and no grpc-status'],
    [
      '403',
      { ':status': 403, 'content-type': 'text/html' },
      'HTTP status 403 with content-type text/html and no grpc-status',
    ],
    [
      'an HTML page',
      { ':status': 200, 'content-type': 'text/html' },
      'HTTP status 200 with content-type text/html and no grpc-status',
    ],
  ] as const) {
    it(`${what}: gets calls where nobody configured health, and log, page and command say so`, async () => {
      const replica = await server(reply);
      const proxy = await sidecar(greeterConfig([replica]));
      expect(await call(proxy)).to.equal('0');
      const shown = `alive, health unknown: ${said}`;
      expect(proxy.endpoint(replica.address).health).to.include({ status: 'unknown', reason: shown });
      expect(proxy.log.filter((line) => line.includes('health is unknown'))).to.have.length(1);
      expect(await page(proxy, '/clusters'))
        .to.contain(shown)
        .and.to.not.contain('not used');
      const json = JSON.parse(await page(proxy, '/clusters?format=json'))[0].endpoints[0];
      expect([json.usable, json.health.status, json.health.reason]).to.deep.equal([true, 'unknown', shown]);
      expect(await page(proxy, '/metrics')).to.match(/outrigger_endpoint_health\{[^}]*\} 1/);
      const io = await runCommand(['endpoints', '--admin', new URL(proxy.adminUrl).host]);
      expect(io.code).to.equal(0);
      expect(io.out).to.contain(shown);
    });

    it(`${what}: is unhealthy with the reason where health is configured`, async () => {
      const replica = await server(reply);
      const proxy = await sidecar(greeterConfig([replica], { health: { grpc: {} } }));
      expect(proxy.endpoint(replica.address).unusableBecause).to.equal(`unhealthy: ${said}`);
      expect(await call(proxy)).to.contain(
        `14 cluster greeter has no usable endpoint: ${replica.address} unhealthy: ${said.slice(0, 10)}`,
      );
    });
  }

  it('but with nothing at all gets calls, and is out once it has answered and falls silent without calls', async () => {
    const replica = await server('nothing');
    const health = { interval: '20ms', timeout: '100ms', inconclusive: 'alive' };
    const proxy = await sidecar(greeterConfig([replica], { health }));
    expect(await call(proxy)).to.equal('0');
    expect(proxy.endpoint(replica.address).health.reason).to.equal(
      'alive, health unknown: no answer within 100 ms',
    );
    const becomes = (status: string) =>
      until(
        () => proxy.endpoint(replica.address).health.status === status,
        () => proxy.endpoint(replica.address).health.reason,
      );
    replica.health = grpcStatus(12);
    await becomes('healthy');
    replica.health = 'nothing';
    await becomes('unhealthy');
  });

  it('that begins to answer decides from then on', async () => {
    const replica = await server(grpcStatus(16));
    const health = { interval: '20ms', inconclusive: 'alive' };
    const proxy = await sidecar(greeterConfig([replica], { health }));
    expect(await call(proxy)).to.equal('0');
    replica.health = grpcStatus(5);
    await until(
      () => proxy.endpoint(replica.address).health.status === 'unhealthy',
      () => proxy.endpoint(replica.address).health.reason,
    );
    replica.health = grpcStatus(12);
    await until(
      () => proxy.endpoint(replica.address).health.status === 'healthy',
      () => proxy.endpoint(replica.address).health.reason,
    );
  });

  it('is asked with metadata where that is configured, by the authority that is', async () => {
    const replica = await server(grpcStatus(12));
    const metadata = { Authorization: 'Bearer abc', 'key-bin': Buffer.from([1, 2, 255]).toString('base64') };
    const grpcHealth = { metadata, authority: 'orders.example:8443' };
    const proxy = await sidecar(greeterConfig([replica], { health: { grpc: grpcHealth } }));
    expect(proxy.endpoint(replica.address).health.status).to.equal('healthy');
    expect(replica.seen[0]).to.include({
      ':authority': 'orders.example:8443',
      authorization: 'Bearer abc',
      'key-bin': 'AQL/',
    });
    expect(await page(proxy, '/config_dump'))
      .to.contain('authorization')
      .and.to.not.contain('Bearer abc');
    expect(proxy.log.join('\n')).to.not.contain('Bearer abc');
  });
});

describe('a gRPC server whose health service requires a token', () => {
  const { sidecar, defer } = rig();

  it('is healthy by the metadata of the probe', async () => {
    const server = new grpc.Server();
    const { healthService } = await import('../support/protos.ts');
    server.addService(healthService, {
      Check: (request: grpc.ServerUnaryCall<unknown, unknown>, done: grpc.sendUnaryData<unknown>) => {
        const [token] = request.metadata.get('x-token-bin');
        if (Buffer.isBuffer(token) && token.equals(Buffer.from([7, 8]))) done(null, { status: 'SERVING' });
        else done({ code: grpc.status.UNAUTHENTICATED, details: 'who are you?' });
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      const credentials = grpc.ServerCredentials.createInsecure();
      server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    defer(() => server.forceShutdown());
    const address = `127.0.0.1:${port}`;
    const metadata = { 'x-token-bin': 'Bwg=' };
    const proxy = await sidecar(greeterConfig([{ address }], { health: { grpc: { metadata } } }));
    expect(proxy.endpoint(address).health).to.include({ status: 'healthy', reason: 'SERVING' });
    const without = await sidecar(greeterConfig([{ address }], { health: { grpc: {} } }));
    expect(without.endpoint(address).health.reason).to.equal('UNAUTHENTICATED: who are you?');
  });
});
