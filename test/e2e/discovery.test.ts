import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { systemDnsResolver } from '../../src/discovery/dns-resolver.ts';
import { startDnsProcess } from '../support/dns-process.ts';
import type { DnsServer } from '../support/dns-server.ts';
import { type Frame, type FramePeer, startFrameServer, Type } from '../support/frame-peer.ts';
import type { GreeterClient } from '../support/greeter-client.ts';
import type { Greeter } from '../support/greeter-server.ts';
import { connectRaw, grpcHead } from '../support/raw-http2.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig, ready, type Sidecar, startSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { status } = grpc;

/** So many calls in flight until it is stopped; then what the failed ones said. */
function keepCalling(client: GreeterClient, inFlight: number): { stop(): Promise<readonly string[]> } {
  let going = true;
  const failed: string[] = [];
  const workers = Array.from({ length: inFlight }, async () => {
    while (going) {
      const { code, details } = await client.sayHello('x');
      if (code !== status.OK) failed.push(details);
    }
  });
  return {
    async stop() {
      going = false;
      await Promise.all(workers);
      return failed;
    },
  };
}

describe('discovery', function () {
  judgesRealTime(this, 'changes have to arrive within 2.5 s');
  const { greeter, sidecar, client: grpcClient, defer } = rig();

  async function dnsServer(): Promise<DnsServer> {
    const dns = await startDnsProcess();
    defer(() => dns.close());
    return dns;
  }
  /** In front of `orders.test` on a port, asking that DNS server and no other. */
  async function started(
    dns: DnsServer,
    port: number,
    cluster: Record<string, unknown> = {},
  ): Promise<Sidecar> {
    const proxy = await startSidecar(
      {
        listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'orders' }] }],
        clusters: [{ name: 'orders', discovery: { dns: { host: 'orders.test', port } }, ...cluster }],
      },
      { newDnsResolver: () => systemDnsResolver([dns.address]) },
    );
    defer(() => proxy.stop());
    return proxy;
  }
  const addresses = (proxy: Sidecar): string[] =>
    proxy
      .cluster()
      .all()
      .map(({ address }) => address);
  const fine = async (client: GreeterClient): Promise<void> => {
    const { code, details } = await client.sayHello('x');
    expect(code, details).to.equal(status.OK);
  };

  it('is ready once the name has been resolved and its addresses probed', async () => {
    const dns = await dnsServer();
    const replica = await greeter();
    const proxy = await started(dns, replica.port);
    expect(proxy.app.notReadyBecause().join()).to.contain('has not answered');
    // A call that comes right after the start waits for it.
    const early = grpcClient(proxy.target()).sayHello('x');
    await until(
      () => proxy.log.some((line) => line.includes('DNS has no such name')),
      () => proxy.log.join(''),
    );
    dns.set('orders.test', ['127.0.0.1']);
    await ready(proxy);
    expect(addresses(proxy)).to.deep.equal([replica.address]);
    expect((await early).code).to.equal(status.OK);
  });

  it('a new record is used and a gone one is not, while its calls finish', async () => {
    const dns = await dnsServer();
    dns.set('orders.test', ['127.0.0.1'], 1);
    const open: Array<readonly [FramePeer, number]> = [];
    const answer = (peer: FramePeer, frame: Frame): void => {
      if (frame.type === Type.Headers) open.push([peer, frame.streamId]);
    };
    // One port on two addresses of the loopback network, as a headless service has one port on many hosts.
    const first = await startFrameServer(answer);
    const port = Number(first.address.split(':')[1]);
    const second = await startFrameServer(answer, [], { host: '127.0.0.2', port });
    defer(() => first.close());
    defer(() => second.close());
    const proxy = await started(dns, port, { health: 'none' });
    await ready(proxy);
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    const held = client.request(grpcHead('/a.B/C'));
    await until(
      () => open.length === 1,
      () => 'the call has not come',
    );
    dns.set('orders.test', ['127.0.0.2'], 1);
    await until(
      () => addresses(proxy).join() === `127.0.0.2:${port}`,
      () => addresses(proxy).join(),
    );
    const next = client.request(grpcHead('/a.B/C'));
    await until(
      () => open.length === 2,
      () => 'the second call has not come',
    );
    expect(second.peers).to.have.length(1);
    for (const [peer, id] of open) {
      peer.headers(
        id,
        [
          [':status', '200'],
          ['content-type', 'application/grpc'],
          ['grpc-status', '0'],
        ],
        true,
      );
    }
    for (const { headers } of await Promise.all([held, next])) expect(headers['grpc-status']).to.equal('0');
    // The connection to who left closes once it is idle.
    await until(
      () => first.peers[0].socket.readableEnded || first.peers[0].socket.destroyed,
      () => 'the connection to the endpoint that left stays',
    );
  });

  it('a replacement of all replicas at once fails no call, though the first health check takes its time', async () => {
    const dns = await dnsServer();
    const old = await greeter();
    const fresh = await greeter({ port: old.port, host: '127.0.0.2', healthDelayMs: 100 });
    dns.set('orders.test', ['127.0.0.1'], 1);
    const proxy = await started(dns, old.port);
    await ready(proxy);
    const client = grpcClient(proxy.target());
    const going = keepCalling(client, 8);
    defer(() => going.stop());
    dns.set('orders.test', ['127.0.0.2'], 1);
    await until(
      () => fresh.calls > 100,
      () => `${fresh.calls} calls`,
    );
    expect(await going.stop()).to.deep.equal([]);
  });

  it('a scale-up is noticed within the TTL, and the newcomers get their fair share', async () => {
    const dns = await dnsServer();
    const hosts = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
    const first = await greeter({ delayMs: 5 });
    const rest = await Promise.all(
      hosts.slice(1).map((host) => greeter({ host, port: first.port, delayMs: 5 })),
    );
    dns.set('orders.test', hosts.slice(0, 2), 1);
    const proxy = await started(dns, first.port);
    await ready(proxy);
    const client = grpcClient(proxy.target());
    const going = keepCalling(client, 16);
    defer(() => going.stop());
    await until(
      () => first.calls > 100,
      () => `${first.calls} calls`,
    );
    const setMs = performance.now();
    dns.set('orders.test', hosts, 1);
    await until(
      () => rest.every(({ calls }) => calls > 0),
      () => addresses(proxy).join(),
    );
    // The TTL and its jitter, and what the first probes and connections take.

    expect(performance.now() - setMs).to.be.below(2500);
    const before = [first, ...rest].map(({ calls }) => calls);
    await until(
      () => first.calls > before[0] + 300,
      () => `${first.calls} calls`,
    );
    const shares = [first, ...rest].map(({ calls }, i) => calls - before[i]);
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    for (const share of shares) expect(share / mean, shares.join()).to.be.within(0.7, 1.3);
    expect(await going.stop()).to.deep.equal([]);
  });

  it('SRV records say port, weight and priority', async () => {
    const dns = await dnsServer();
    const [heavy, light, standby] = [await greeter(), await greeter(), await greeter()];
    const record = ({ port }: Greeter, weight: number, priority: number) => ({
      host: 'replica.test',
      port,
      weight,
      priority,
    });
    dns.set('replica.test', ['127.0.0.1'], 1);
    dns.setService('_grpc._tcp.orders.test', [
      record(heavy, 30, 5),
      record(light, 10, 5),
      record(standby, 9, 7),
    ]);
    const proxy = await started(dns, 0, {
      balancer: { policy: 'round_robin' },
      discovery: { dns: { host: '_grpc._tcp.orders.test', type: 'srv' } },
    });
    await ready(proxy);
    const client = grpcClient(proxy.target());
    for (let i = 0; i < 80; i++) await fine(client);
    expect([heavy.calls, light.calls, standby.calls]).to.deep.equal([60, 20, 0]);
    dns.setService('_grpc._tcp.orders.test', [record(standby, 9, 7)]);
    await until(
      () => addresses(proxy).join() === standby.address,
      () => addresses(proxy).join(),
    );
    await fine(client);
    expect(standby.calls).to.equal(1);
  });

  it('a file that is replaced replaces the replicas, and no call fails', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-file-'));
    defer(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'endpoints.yaml');
    const write = (...replicas: Greeter[]): void => {
      const endpoints = replicas.map(({ address }) => ({ address }));
      writeFileSync(`${path}.new`, JSON.stringify({ endpoints }));
      renameSync(`${path}.new`, path);
    };
    const [a, b, c] = [await greeter(), await greeter({ healthDelayMs: 50 }), await greeter()];
    write(a);
    const proxy = await sidecar(
      greeterConfig([], { endpoints: [], discovery: { file: { path, interval: '20ms' } } }),
    );
    const going = keepCalling(grpcClient(proxy.target()), 8);
    defer(() => going.stop());
    for (const replica of [b, c]) {
      write(replica);
      await until(
        () => replica.calls > 50,
        () => addresses(proxy).join(),
      );
      expect(addresses(proxy)).to.deep.equal([replica.address]);
    }
    writeFileSync(path, 'endpoints: [{ address: nonsense }]');
    await until(
      () => proxy.log.some((line) => line.includes('endpoints[0].address: "nonsense" has no port')),
      () => proxy.log.join(''),
    );
    expect(addresses(proxy)).to.deep.equal([c.address]);
    expect(await going.stop()).to.deep.equal([]);
  });

  it('initialState: healthy is for the first moments of a cluster, not for who joins it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-file-'));
    defer(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'endpoints.yaml');
    const write = (...list: string[]): void =>
      writeFileSync(path, JSON.stringify({ endpoints: list.map((address) => ({ address })) }));
    const replica = await greeter({ healthDelayMs: 300 });
    const gone = await greeter();
    await gone.kill();
    write(replica.address);
    const proxy = await startSidecar(
      greeterConfig([], {
        endpoints: [],
        discovery: { file: { path, interval: '20ms' } },
        health: { initialState: 'healthy' },
      }),
    );
    defer(() => proxy.stop());
    const client = grpcClient(proxy.target());
    await fine(client);
    expect(proxy.endpoint(replica.address).health.reason).to.equal('assumed healthy until the first probe');
    await ready(proxy);
    write(replica.address, gone.address);
    await until(
      () => proxy.log.some((line) => line.includes(`endpoint ${gone.address} is unhealthy`)),
      () => proxy.log.join(''),
    );
    expect(proxy.log.join('')).to.match(new RegExp(`endpoint=${gone.address} from=unknown to=unhealthy`));
  });

  it('a name that never resolves: the log and each call say so', async () => {
    const dns = await dnsServer();
    const proxy = await started(dns, 1);
    const { code, details } = await grpcClient(proxy.target()).sayHello('x');
    expect(code).to.equal(status.UNAVAILABLE);
    expect(details).to.match(
      /^cluster orders has no endpoint \(DNS name orders\.test, port 1: DNS has no such name\);.*\[no_endpoint\] \(call \S+\)$/,
    );
    expect(proxy.log.join('')).to.contain(
      'DNS name orders.test, port 1: DNS has no such name; there is no endpoint until it answers',
    );
  });

  it('trouble of the DNS server never empties a pool that worked, and /clusters reports it', async () => {
    const dns = await dnsServer();
    const replica = await greeter();
    dns.set('orders.test', ['127.0.0.1'], 1);
    const proxy = await started(dns, replica.port);
    await ready(proxy);
    const client = grpcClient(proxy.target());
    for (const mode of ['servfail', 'refuse'] as const) {
      dns.mode = mode;
      const asked = dns.questions.length;
      await until(
        () => dns.questions.length > asked,
        () => `${dns.questions.length} questions`,
      );
      expect(addresses(proxy)).to.deep.equal([replica.address]);
      await fine(client);
    }
    const clusters = await (await fetch(`${proxy.adminUrl}/clusters?format=json`)).text();
    expect(clusters).to.match(/DNS name orders\.test, port \d+: /);
  });

  it('a failed call makes it ask again, long before the TTL is over', async () => {
    const dns = await dnsServer();
    const replica = await greeter();
    dns.set('orders.test', ['127.0.0.2'], 3600); // nobody listens there
    const proxy = await started(dns, replica.port, { health: 'none' });
    await ready(proxy);
    dns.set('orders.test', ['127.0.0.1'], 3600);
    const client = grpcClient(proxy.target());
    await until(
      async () => (await client.sayHello('x')).code === status.OK,
      () => addresses(proxy).join(),
    );
  });
});
