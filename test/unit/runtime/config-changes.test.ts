import { expect } from 'chai';
import { configOf } from '../../../src/cli/run.ts';
import type { Config } from '../../../src/config/table.ts';
import { clusterChange, restartProblems, sameDiscovery } from '../../../src/runtime/config-changes.ts';

const config = (more: object = {}): Config =>
  configOf({
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'c' }] }],
    clusters: [{ name: 'c', endpoints: [{ address: '127.0.0.1:9' }] }],
    ...more,
  });
const place = { file: 'f.yaml', line: 3, column: 5 };
const told = (before: object, after: object): string[] =>
  restartProblems(config(before), config(after), () => place).map(
    ({ path, message }) => `${path}: ${message}`,
  );

describe('keys that only a start can change', () => {
  it('are reported with what they were and are', () => {
    expect(told({}, { zone: 'b' })).to.deep.equal([
      'zone: was "" and is now "b", which requires a restart; restart, or leave it as it was',
    ]);
    expect(told({}, { drain: { handover: '2s' } })[0]).to.match(
      /^drain.handover: was not there and is now "2s"/,
    );
    expect(told({}, { telemetry: { metrics: { maxMethods: 7 } } })[0]).to.match(
      /^telemetry.metrics.maxMethods: was 200 and is now 7/,
    );
    expect(told({ admin: { listen: '127.0.0.1:1' } }, {})[0]).to.match(/^admin.listen: was "127.0.0.1:1"/);
  });

  it('the others may change', () => {
    const after = {
      drain: { grace: '1s' },
      log: { level: 'debug', format: 'json' },
      limits: { bufferedBytes: '64MiB' },
      telemetry: { accessLog: { to: 'stdout' }, traces: { propagators: ['b3'], ratio: 1 }, redactQuery: [] },
      clusters: [{ name: 'c', endpoints: [{ address: '127.0.0.1:10' }] }],
    };
    expect(told({}, after)).to.deep.equal([]);
  });

  it('says for each key of a cluster whether its endpoints stay', () => {
    const cluster = (more: object) => config({ clusters: [{ name: 'c', ...more }] }).clusters[0];
    const endpoints = [{ address: '127.0.0.1:9' }];
    const before = cluster({ endpoints });
    expect(clusterChange(before, cluster({ endpoints }))).to.equal('same');
    for (const more of [
      { endpoints: [{ address: '127.0.0.1:10' }] },
      { endpoints, balancer: { policy: 'random' } },
      { endpoints, limits: { maxRequests: 5 } },
      { endpoints, limits: { maxRetries: 5 } },
      { endpoints, limits: { perEndpoint: { maxRequests: 5 } } },
    ])
      expect(clusterChange(before, cluster(more)), JSON.stringify(more)).to.equal('live');
    for (const more of [
      { endpoints, limits: { maxConnections: 5 } },
      { endpoints, connectTimeout: '2s' },
      { endpoints, health: 'none' },
      { endpoints, balancer: { policy: 'random' }, protocol: 'http1' },
    ])
      expect(clusterChange(before, cluster(more)), JSON.stringify(more)).to.equal('rebuild');
  });
});

describe('the source of endpoints', () => {
  const cluster = (more: object) => config({ clusters: [{ name: 'c', ...more }] }).clusters[0];

  it('is another where zones begin or cease to count for Kubernetes discovery', () => {
    const discovery = { kubernetes: { service: 'orders' } };
    const before = cluster({ discovery });
    expect(sameDiscovery(before, cluster({ discovery }))).to.equal(true);
    expect(sameDiscovery(before, cluster({ discovery, balancer: { preferZone: false } }))).to.equal(false);
    const dns = { dns: { host: 'orders', port: 1 } };
    const withoutZones = cluster({ discovery: dns, balancer: { preferZone: false } });
    expect(sameDiscovery(cluster({ discovery: dns }), withoutZones)).to.equal(true);
  });
});
