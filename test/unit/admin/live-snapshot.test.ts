import { expect } from 'chai';
import {
  clustersEveryMs,
  liveRoutes,
  liveSnapshot,
  liveClusters as makeClusters,
  summarizeCall,
} from '../../../src/admin/live-snapshot.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import { FakeProxy } from '../../support/fake-admin.ts';
import { eventfulClusters, type FakeCluster } from '../../support/fake-clusters.ts';

describe('admin/live-snapshot', () => {
  const clock = new VirtualClock();
  clock.advance(60_000);
  const liveClusters = (proxy: FakeProxy) =>
    makeClusters(proxy, (cluster, address) => `${cluster} ${address}`);

  it('has the endpoints with their counts', () => {
    const proxy = new FakeProxy(eventfulClusters, clock);
    proxy.step();
    const { clusters, clustersLeftOut } = liveClusters(proxy);
    expect(clusters.map((c) => [c.name, c.usableCount, c.endpointCount])).to.deep.equal([
      ['greeter', 3, 3],
      ['orders', 3, 7],
      ['images', 1, 2],
    ]);
    expect(clusters[0].endpoints[0].timeline).to.equal('greeter 127.0.0.1:50051');
    expect(clustersLeftOut).to.equal(0);
    const { totals, nowWallMs } = liveSnapshot(proxy, clock.wallMs());
    expect(totals.callsPerSecond).to.be.greaterThan(1_000);
    expect(nowWallMs).to.equal(clock.wallMs());
  });

  it('is shown less often with more endpoints, in whole seconds within bounds', () => {
    expect([0, 3, 40, 41, 100, 200, 500].map(clustersEveryMs)).to.deep.equal([
      2_000, 2_000, 2_000, 3_000, 5_000, 10_000, 10_000,
    ]);
    expect(liveClusters(new FakeProxy(eventfulClusters, clock)).clustersEveryMs).to.equal(2_000);
  });

  it('leaves out what no page could show, unusable endpoints last', () => {
    const many = Array.from({ length: 600 }, (_, i) => ({
      address: `10.0.${i >> 8}.${i & 255}:1`,
      ...(i === 599 ? { unusableReason: 'unhealthy' } : {}),
    }));
    const clusters: FakeCluster[] = Array.from({ length: 60 }, (_, i) => ({
      name: `c${i}`,
      endpoints: i === 0 ? many : [],
    }));
    const snapshot = liveClusters(new FakeProxy(clusters, clock));
    expect([snapshot.clusters.length, snapshot.clustersLeftOut]).to.deep.equal([50, 10]);
    const [first] = snapshot.clusters;
    expect([first.endpoints.length, first.endpointCount, first.usableCount]).to.deep.equal([500, 600, 599]);
    expect(first.endpoints[0].usable).to.equal(false);
  });

  it('has the routes that fit, with the facts that fit', () => {
    const proxy = new FakeProxy(eventfulClusters, clock);
    const facts = Array.from({ length: 11 }, (_, i) => ({
      policy: 'p',
      name: `n${i}`,
      text: `${'x'.repeat(500)}\n`,
    }));
    const policies = Array.from({ length: 30 }, (_, i) => ({ policy: `p${i}`, text: 'y'.repeat(500) }));
    const match = `{ path: /${'z'.repeat(500)} }`;
    const route = { listener: 'in', cluster: 'c', replacedBy: '', match, policies, facts };
    proxy.routeList = Array.from({ length: 60 }, (_, i) => ({ ...route, route: `r${i}` }));
    const { routes, routesLeftOut } = liveRoutes(proxy);
    expect([routes.length, routesLeftOut]).to.deep.equal([50, 10]);
    expect(routes[49]).to.include({ listener: 'in', route: 'r49', cluster: 'c', factsLeftOut: 3 });
    expect(routes[0].facts.map(({ name }) => name)).to.deep.equal(facts.slice(0, 8).map(({ name }) => name));
    expect([
      routes[0].policies.length,
      routes[0].policies[0].text.length,
      routes[0].match.length,
    ]).to.deep.equal([24, 200, 200]);
    expect(routes[0].facts[0].text).to.equal(`${'x'.repeat(119)}…`);
    proxy.routeList = [{ ...route, route: 'r', facts: [{ policy: 'p', name: 'a\nb', text: '\u001b' }] }];
    expect(liveRoutes(proxy).routes[0].facts).to.deep.equal([{ policy: 'p', name: 'a?b', text: '?' }]);
    proxy.routeList = [];
    expect(liveRoutes(proxy)).to.deep.equal({ routes: [], routesLeftOut: 0 });
  });

  it('clips names that the network made long', () => {
    const proxy = new FakeProxy(eventfulClusters, clock);
    const [greeter] = eventfulClusters;
    const call = proxy.call(greeter, greeter.endpoints[0], true);
    call.path = `/${'x'.repeat(10_000)}`;
    expect(summarizeCall(call, clock.wallMs()).name).to.have.length(200);
  });
});
