import { createServer } from 'node:net';
import { expect } from 'chai';
import type { ClusterUsability, Readiness } from '../../src/admin/deps.ts';
import { configOf } from '../../src/cli/run.ts';
import { systemDnsResolver } from '../../src/discovery/dns-resolver.ts';
import { startDnsProcess } from '../support/dns-process.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { type ConfigShape, greeterConfig, type Sidecar, startSidecar } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

type Answer = Readiness & { clusters: ClusterUsability[] };

/** Reads what `next` gives, as a reload reads the file. */
const loading = (next: () => ConfigShape) => () => ({
  config: configOf(next()),
  file: undefined,
  warnings: [],
  placeOf: () => ({ file: 'configuration', line: 0, column: 0 }),
});

describe('a sidecar whose endpoints cannot be used', function () {
  judgesRealTime(this, 'programs have to start in time');
  const { greeter, sidecar, defer } = rig();
  const quick = { interval: '50ms', timeout: '1s', unhealthyThreshold: 1, healthyThreshold: 1 };
  const readyOf = async (proxy: Sidecar): Promise<Answer> =>
    (await (await fetch(`${proxy.adminUrl}/ready?format=json`)).json()) as Answer;
  const textOf = async (proxy: Sidecar, path: string): Promise<string> =>
    (await fetch(`${proxy.adminUrl}${path}`)).text();

  it('is ready with 200, and says that it is degraded and why', async () => {
    const [a, b] = await freeAddresses(2);
    const proxy = await sidecar(greeterConfig([{ address: a }, { address: b }]));
    const reply = await fetch(`${proxy.adminUrl}/ready`);
    expect(reply.status).to.equal(200);
    expect(await reply.text()).to.match(
      /^ready, but degraded: cluster greeter: 0 of 2 endpoints are usable \(127\.0\.0\.1:\d+ unhealthy: connection refused; 127\.0\.0\.1:\d+ unhealthy: .*\)\n$/,
    );
    const json = await readyOf(proxy);
    expect(json).to.deep.include({ ready: true, reasons: [], degraded: true });
    expect(json.degradedReasons).to.have.length(1);
    expect(json.clusters).to.deep.equal([
      {
        name: 'greeter',
        usable: 0,
        endpoints: 2,
        routed: true,
        inbound: false,
        reason: json.degradedReasons[0],
      },
    ]);
    expect((await fetch(`${proxy.adminUrl}/live`)).status).to.equal(200);
    const metrics = await textOf(proxy, '/metrics');
    expect(metrics)
      .to.match(/^outrigger_ready 1$/m)
      .and.match(/^outrigger_degraded 1$/m);
    expect(metrics).to.match(/^outrigger_cluster_usable_endpoints\{outrigger_cluster="greeter"\} 0$/m);
    expect(metrics).to.match(/^outrigger_cluster_endpoints\{outrigger_cluster="greeter"\} 2$/m);
  });

  it('is no longer degraded once a replica is there, and is again when it is gone', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica], { health: quick }));
    expect(await readyOf(proxy)).to.deep.include({ degraded: false, degradedReasons: [] });
    expect(await textOf(proxy, '/ready')).to.equal('ready\n');
    proxy.cluster().drainEndpoint(replica.address, true);
    expect((await readyOf(proxy)).degradedReasons).to.deep.equal([
      `cluster greeter: 0 of 1 endpoint is usable (${replica.address} drained by hand)`,
    ]);
    proxy.cluster().drainEndpoint(replica.address, false);
    expect((await readyOf(proxy)).degraded).to.equal(false);
    await replica.kill();
    await until(
      async () => (await readyOf(proxy)).degraded,
      () => 'not degraded',
    );
    expect(await textOf(proxy, '/metrics')).to.match(/^outrigger_degraded 1$/m);
  });

  it('names clusters of TCP listeners and of HTTP/1.1, and not one that no listener uses', async () => {
    const [dead] = await freeAddresses(1);
    const silent = createServer((socket) => socket.destroy());
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    defer(() => silent.close());
    const { port } = silent.address() as { port: number };
    const tcp = { protocol: 'tcp', endpoints: [{ address: dead }] };
    const proxy = await sidecar({
      listeners: [
        { name: 'raw', listen: '127.0.0.1:0', protocol: 'tcp', cluster: 'database' },
        { name: 'web', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'web' }] },
        { name: 'fine', listen: '127.0.0.1:0', protocol: 'tcp', cluster: 'fine' },
      ],
      clusters: [
        { name: 'database', ...tcp },
        { name: 'web', protocol: 'http1', endpoints: [{ address: dead }] },
        { name: 'fine', protocol: 'tcp', endpoints: [{ address: `127.0.0.1:${port}` }] },
        { name: 'spare', ...tcp },
      ],
    });
    const { degradedReasons, clusters } = await readyOf(proxy);
    expect(degradedReasons.map((reason) => reason.split(':')[0])).to.deep.equal([
      'cluster database',
      'cluster web',
    ]);
    expect(clusters.map(({ name, routed, usable }) => [name, routed, usable])).to.deep.equal([
      ['database', true, 0],
      ['web', true, 0],
      ['fine', true, 1],
      ['spare', false, 0],
    ]);
  });

  it('says that a cluster has no endpoints, and where they should come from', async () => {
    const dns = await startDnsProcess();
    defer(() => dns.close());
    const discovery = { dns: { host: 'orders.test', port: 80 } };
    const proxy = await startSidecar(
      {
        listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'orders' }] }],
        clusters: [{ name: 'orders', discovery }],
      },
      { newDnsResolver: () => systemDnsResolver([dns.address]) },
    );
    defer(() => proxy.stop());
    await until(
      async () => (await readyOf(proxy)).degradedReasons.join().includes('DNS has no such name'),
      () => proxy.log.join(''),
    );
    const { ready, clusters } = await readyOf(proxy);
    expect([ready, clusters[0].usable, clusters[0].endpoints]).to.deep.equal([false, 0, 0]);
    expect(clusters[0].reason).to.match(/^cluster orders has no endpoints \(.*orders\.test.*\)$/);
  });

  it('an endpoint that gets calls only by panicPercent does not count as usable', async () => {
    const [dead] = await freeAddresses(1);
    const proxy = await sidecar(
      greeterConfig([{ address: dead }], { balancer: { policy: 'round_robin', panicPercent: 50 } }),
    );
    const { degradedReasons, clusters } = await readyOf(proxy);
    expect(clusters[0].usable).to.equal(0);
    expect(degradedReasons[0]).to.match(
      /; calls go to them all the same, since balancer\.panicPercent is set$/,
    );
  });

  it('a reload to a name that does not resolve leaves it ready, but degraded', async () => {
    const dns = await startDnsProcess();
    defer(() => dns.close());
    const replica = await greeter();
    const [listen] = await freeAddresses(1);
    const shape = (cluster: object): ConfigShape => ({
      admin: { listen: '127.0.0.1:0' },
      drain: { grace: '2s', goawayDelay: '0s' },
      listeners: [{ name: 'in', listen, routes: [{ name: 'all', cluster: 'greeter' }] }],
      clusters: [{ name: 'greeter', ...cluster }],
    });
    let next = shape({ endpoints: [{ address: replica.address }] });
    const proxy = await sidecar(next, {
      load: loading(() => next),
      newDnsResolver: () => systemDnsResolver([dns.address]),
    });
    next = shape({ protocol: 'http1', discovery: { dns: { host: 'orders.test', port: 80 } } });
    expect((await proxy.app.reload('a test')).ok).to.equal(true);
    const reply = await fetch(`${proxy.adminUrl}/ready`);
    expect([reply.status, await reply.text()][0]).to.equal(200);
    expect((await readyOf(proxy)).degradedReasons[0]).to.match(/^cluster greeter has no endpoints /);
  });

  it('a reload makes it degraded, and the next one ends that', async () => {
    const replica = await greeter();
    const [dead] = await freeAddresses(1);
    const [listen] = await freeAddresses(1);
    const shape = (address: string): ConfigShape => ({
      admin: { listen: '127.0.0.1:0' },
      drain: { grace: '2s', goawayDelay: '0s' },
      listeners: [{ name: 'in', listen, routes: [{ name: 'all', cluster: 'greeter' }] }],
      clusters: [{ name: 'greeter', endpoints: [{ address }], health: quick }],
    });
    let next = shape(replica.address);
    const proxy = await sidecar(next, { load: loading(() => next) });
    expect((await readyOf(proxy)).degraded).to.equal(false);
    next = shape(dead);
    expect((await proxy.app.reload('a test')).ok).to.equal(true);
    await until(
      async () => (await readyOf(proxy)).degradedReasons.join().includes('0 of 1 endpoint is usable'),
      () => 'not degraded',
    );
    expect((await fetch(`${proxy.adminUrl}/ready`)).status).to.equal(200);
    next = shape(replica.address);
    expect((await proxy.app.reload('a test')).ok).to.equal(true);
    await until(
      async () => !(await readyOf(proxy)).degraded,
      () => 'still degraded',
    );
  });
});
