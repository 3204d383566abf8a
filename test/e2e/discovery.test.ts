import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { systemDnsResolver } from '../../src/discovery/dns-resolver.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { type Frame, type FramePeer, startFrameServer, Type } from '../support/frame-peer.ts';
import type { GreeterClient } from '../support/greeter-client.ts';
import { connectRaw, grpcHead } from '../support/raw-http2.ts';
import { ready, type Sidecar, startSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { status } = grpc;

describe('DNS discovery', function () {
  this.timeout(20_000);
  const { greeter, client: grpcClient, defer } = rig();

  async function dnsServer(): Promise<DnsServer> {
    const dns = await startDnsServer();
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
      6000,
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
    let going = true;
    const failed: string[] = [];
    const workers = Array.from({ length: 8 }, async () => {
      while (going) {
        const { code, details } = await client.sayHello('x');
        if (code !== status.OK) failed.push(details);
      }
    });
    defer(() => {
      going = false;
      return Promise.all(workers);
    });
    dns.set('orders.test', ['127.0.0.2'], 1);
    await until(
      () => fresh.calls > 100,
      () => `${fresh.calls} calls; ${failed.join('; ')}`,
      6000,
    );
    expect(failed).to.deep.equal([]);
  });

  it('trouble of the DNS server never empties a pool that worked, and /clusters tells of it', async () => {
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
        8000,
      );
      expect(addresses(proxy)).to.deep.equal([replica.address]);
      await fine(client);
    }
    const clusters = await (await fetch(`${proxy.adminUrl}/clusters?format=json`)).text();
    expect(clusters).to.match(/DNS name orders\.test, port \d+: /);
  });

  it('a failed call makes it ask anew, long before the TTL is over', async () => {
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
      5000,
    );
  });
});
