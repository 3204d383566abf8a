import { expect } from 'chai';
import { LiveData } from '../../../src/admin/live-data.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import { FakeProxy } from '../../support/fake-admin.ts';
import { eventfulClusters, manyClusters } from '../../support/fake-clusters.ts';

describe('admin/live-data', () => {
  it('has the sections of the stream in one document, made once a second however many ask', () => {
    const clock = new VirtualClock();
    const proxy = new FakeProxy(eventfulClusters, clock);
    proxy.step();
    const live = new LiveData(proxy, clock);
    clock.advance(3_000);
    const document = live.all();
    expect(document).to.have.all.keys(
      ...['nowWallMs', 'server', 'readiness', 'totals', 'listeners', 'clusters', 'clustersLeftOut'],
      ...['clustersEveryMs', 'routes', 'routesLeftOut', 'calls', 'controlPlane', 'certificates'],
      'history',
    );
    clock.advance(999);
    expect(live.all()).to.equal(document);
    clock.advance(1);
    expect(live.all()).not.to.equal(document);
    live.close();
    expect(clock.pending).to.equal(0);
  });

  it('makes all but the totals at the pace of its endpoints, and at once when one changes its state', () => {
    const clock = new VirtualClock();
    const proxy = new FakeProxy(manyClusters(100), clock);
    const live = new LiveData(proxy, clock);
    const [snapshot, ...others] = live.sections;
    expect(snapshot.pace).to.equal(undefined);
    const [pace] = new Set(others.map((section) => section.pace));
    expect(others.every((section) => section.pace === pace)).to.equal(true);
    const before = pace!.read();
    proxy.step();
    expect([before.everyMs, pace!.read()]).to.deep.equal([5_000, before]);
    proxy.endpointDrain('10.42.0.10:8443', true);
    expect(pace!.read().urgency).not.to.equal(before.urgency);
    live.close();
  });

  it('keeps the calls that it shows explainable', () => {
    const clock = new VirtualClock();
    const proxy = new FakeProxy(eventfulClusters, clock);
    const [cluster] = eventfulClusters;
    proxy.failed.push(proxy.call(cluster, cluster.endpoints[0], true));
    const live = new LiveData(proxy, clock);
    live.all();
    expect(proxy.shownIds).to.deep.equal([proxy.failed[0].id]);
    live.close();
  });
});
