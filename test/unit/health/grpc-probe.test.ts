import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import type { Address } from '../../../src/core/address.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { defaultHealthSettings, type HealthState, startHealthChecker } from '../../../src/health/checker.ts';
import { grpcProbe } from '../../../src/health/grpc-probe.ts';
import type { Probe } from '../../../src/health/probe.ts';
import type { ProbeTls } from '../../../src/health/probe-socket.ts';
import { endpointTls } from '../../../src/security/endpoint-tls.ts';
import { type Greeter, startGreeter } from '../../support/greeter-server.ts';
import { serve } from './health-service-rig.ts';
import { localhostCertificate, localhostKey } from './localhost-certificate.ts';

const timeoutMs = 2000;
const tcp = (port: number): Address => ({ kind: 'tcp', host: '127.0.0.1', port });

/** A probe that the test closes. */
let probe: Probe;
function probing(address: Address, tls?: ProbeTls, service = ''): Probe {
  probe = grpcProbe(address, systemClock, { service, mode: 'check', tls });
  return probe;
}

describe('grpcProbe against a gRPC server', () => {
  let greeter: Greeter;
  beforeEach(async () => {
    greeter = await startGreeter();
  });
  afterEach(async () => {
    probe.close();
    await greeter.kill();
  });

  for (const [health, verdict, reason] of [
    ['SERVING', 'healthy', 'SERVING'],
    ['NOT_SERVING', 'unhealthy_now', 'NOT_SERVING'],
    ['UNKNOWN', 'says_unknown', 'UNKNOWN'],
    ['SERVICE_UNKNOWN', 'unhealthy_now', 'the server does not know the service (NOT_FOUND)'],
    ['UNIMPLEMENTED', 'unimplemented', 'no health service (UNIMPLEMENTED)'],
  ] as const) {
    it(`${health} is ${verdict}`, async () => {
      greeter.health = health;
      expect(await probing(tcp(greeter.port)).check(timeoutMs)).to.deep.equal({ verdict, reason });
    });
  }

  it('keeps its connection between probes, whatever the server says of itself', async () => {
    const kept = probing(tcp(greeter.port));
    for (const health of ['SERVING', 'NOT_SERVING', 'UNIMPLEMENTED', 'SERVING'] as const) {
      greeter.health = health;
      await kept.check(timeoutMs);
    }
    expect(greeter.healthChecks).to.equal(4);
    expect(greeter.connections).to.equal(1);
  });

  it('uses a connection of its own for each endpoint object', async () => {
    const other = grpcProbe(tcp(greeter.port), systemClock, { service: '', mode: 'check' });
    await other.check(timeoutMs);
    await probing(tcp(greeter.port)).check(timeoutMs);
    other.close();
    expect(greeter.connections).to.equal(2);
  });

  it('sees a killed server at the next probe, and a returned one at the next after that', async () => {
    const { port } = greeter;
    const kept = probing(tcp(port));
    expect((await kept.check(timeoutMs)).verdict).to.equal('healthy');
    await greeter.kill();
    for (let i = 0; i < 5; i++) {
      const { verdict, reason } = await kept.check(timeoutMs);
      expect(verdict).to.equal('failed');
      expect(reason).to.match(/^connection re(fused|set)$/);
    }
    greeter = await startGreeter({ port });
    expect((await kept.check(timeoutMs)).verdict).to.equal('healthy');
  });

  it('closes its connection when closed', async () => {
    await probing(tcp(greeter.port)).check(timeoutMs);
    probe.close();
    while (greeter.openConnections > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('grpcProbe', () => {
  afterEach(() => probe.close());

  it('says so when nothing listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.on('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const result = await probing(tcp(port)).check(timeoutMs);
    expect(result).to.deep.equal({ verdict: 'failed', reason: 'connection refused' });
  });

  it('times out on a server that accepts and says nothing', async () => {
    const silent = await listen(() => {});
    const result = await probing(tcp(silent.port)).check(150);
    expect(result).to.deep.equal({ verdict: 'failed', reason: 'no answer within 150 ms' });
    await silent.close();
  });

  it('settles when closed during a probe', async () => {
    const silent = await listen(() => {});
    const pending = probing(tcp(silent.port)).check(timeoutMs);
    while (silent.sockets.size === 0) await new Promise((resolve) => setImmediate(resolve));
    probe.close();
    expect((await pending).verdict).to.equal('failed');
    await silent.close();
  });

  it('fails in a short line on a peer that speaks no HTTP/2', async () => {
    const shouting = await listen((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'.repeat(100)));
    const { verdict, reason } = await probing(tcp(shouting.port)).check(timeoutMs);
    expect(verdict).to.equal('failed');
    expect(reason).to.match(/^[\x20-\x7e]{1,240}$/);
    await shouting.close();
  });

  it('takes any other status of the server for an answer that says nothing about health, with its words', async () => {
    const server = await serve((_call, done) =>
      done({ code: grpc.status.PERMISSION_DENIED, details: 'keep\nout' }),
    );
    const result = await probing(tcp(server.port)).check(timeoutMs);
    expect(result).to.deep.equal({ verdict: 'inconclusive', reason: 'PERMISSION_DENIED: keep out' });
    server.close();
  });

  it('asks for the configured service, with a deadline', async () => {
    let asked = '';
    let deadlineMs = Number.NaN;
    const server = await serve((call, done) => {
      asked = call.request.service;
      deadlineMs = Number(call.getDeadline()) - Date.now();
      done(null, { status: 'SERVING' });
    });
    await probing(tcp(server.port), undefined, 'orders.Orders').check(timeoutMs);
    expect(asked).to.equal('orders.Orders');
    expect(deadlineMs).to.be.within(timeoutMs - 1000, timeoutMs + 10);
    server.close();
  });

  it('ignores the proxy of the environment', async () => {
    process.env.grpc_proxy = 'http://127.0.0.1:1';
    const server = await serve((_call, done) => done(null, { status: 'SERVING' }));
    const named: Address = { kind: 'tcp', host: 'localhost', port: server.port };
    const result = await probing(named).check(timeoutMs);
    delete process.env.grpc_proxy;
    expect(result.verdict).to.equal('healthy');
    server.close();
  });

  it('probes a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
    const path = join(folder, 'grpc.sock');
    const server = await serve((_call, done) => done(null, { status: 'SERVING' }), `unix:${path}`);
    const result = await probing({ kind: 'unix', path }).check(timeoutMs);
    server.close();
    rmSync(folder, { recursive: true });
    expect(result.verdict).to.equal('healthy');
  });

  it('probes over TLS and verifies the name', async () => {
    const credentials = grpc.ServerCredentials.createSsl(null, [
      { cert_chain: Buffer.from(localhostCertificate), private_key: Buffer.from(localhostKey) },
    ]);
    const server = await serve(
      (_call, done) => done(null, { status: 'SERVING' }),
      '127.0.0.1:0',
      credentials,
    );
    const named = (name: string) => endpointTls({ ca: localhostCertificate }, tcp(server.port), name);
    const good = probing(tcp(server.port), named('localhost'));
    expect((await good.check(timeoutMs)).verdict).to.equal('healthy');
    good.close();
    const bad = probing(tcp(server.port), named('elsewhere'));
    expect((await bad.check(timeoutMs)).verdict).to.equal('failed');
    server.close();
  });
});

describe('a health checker with gRPC probes', () => {
  it('follows a replica that stops serving, serves again, is killed and returns', async () => {
    let greeter = await startGreeter();
    const { port } = greeter;
    let told: (state: HealthState) => void = () => {};
    const next = () =>
      new Promise<string>((resolve) => {
        told = ({ status, reason }) => resolve(`${status}: ${reason}`);
      });
    let change = next();
    const checker = startHealthChecker({
      endpoint: greeter.address,
      probe: grpcProbe(tcp(port), systemClock, { service: '', mode: 'check' }),
      clock: systemClock,
      random: new SeededRandom(1),
      logger: silentLogger,
      settings: { ...defaultHealthSettings, intervalMs: 20, timeoutMs: 500 },
      onChange: (state) => told(state),
    });
    expect(await change).to.equal('healthy: SERVING');
    change = next();
    greeter.health = 'NOT_SERVING';
    expect(await change).to.equal('unhealthy: NOT_SERVING');
    change = next();
    greeter.health = 'SERVING';
    expect(await change).to.equal('healthy: SERVING');
    change = next();
    await greeter.kill();
    expect(await change).to.match(/^unhealthy: connection re(fused|set)$/);
    change = next();
    greeter = await startGreeter({ port });
    expect(await change).to.equal('healthy: SERVING');
    checker.stop();
    await greeter.kill();
  });
});

async function listen(onSocket: (socket: Socket) => void): Promise<{
  port: number;
  sockets: Set<Socket>;
  close(): Promise<void>;
}> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.resume();
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
