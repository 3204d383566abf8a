import { expect } from 'chai';
import type { AppState } from '../../../src/runtime/parts.ts';
import { clusterUsability, readinessOf, registerReadinessMetrics } from '../../../src/runtime/readiness.ts';
import type { Emit, Registry } from '../../../src/telemetry/metrics/registry.ts';

interface FakeCluster {
  readonly name: string;
  /** Why each endpoint is unusable; '' for a usable one. */
  readonly endpoints: readonly string[];
  readonly panicPercent?: number;
}

/** Parts of an app whose routes lead to all of these clusters but those that are named `spare`. */
function partsOf(clusters: readonly FakeCluster[], lifecycle: object = { state: 'ready', progress: null }) {
  const built = clusters.map(({ name, endpoints, panicPercent = 0 }) => {
    const cluster = {
      name,
      settings: { balancer: { panicPercent } },
      notReadyBecause: '',
      discoveryState: 'a static list',
      all: () => endpoints.map((unusableBecause) => ({ unusableBecause })),
      unusableReasons: () => endpoints.map((reason, i) => `10.0.0.${i} ${reason}`).join('; '),
    };
    return [name, { cluster }] as const;
  });
  const routes = clusters.filter(({ name }) => name !== 'spare').map(({ name }) => ({ cluster: name }));
  return {
    lifecycle,
    inboundDrain: { phase: null },
    deps: {},
    failReadiness: false,
    wasReady: false,
    running: { clusters: new Map(built), config: { listeners: [{ routes }] } },
  } as unknown as AppState;
}

describe('runtime/readiness', () => {
  it('is degraded while a cluster with a route has no usable endpoint, and ready all the same', () => {
    const parts = partsOf([
      { name: 'fine', endpoints: ['', 'ejected'] },
      { name: 'broken', endpoints: ['unhealthy: x', 'drained by hand'] },
      { name: 'spare', endpoints: ['unhealthy: x'] },
    ]);
    expect(readinessOf(parts)).to.deep.equal({
      ready: true,
      reasons: [],
      degraded: true,
      degradedReasons: [
        'cluster broken: 0 of 2 endpoints are usable (10.0.0.0 unhealthy: x; 10.0.0.1 drained by hand)',
      ],
    });
    expect(clusterUsability(parts).map(({ name, usable, routed }) => [name, usable, routed])).to.deep.equal([
      ['fine', 1, true],
      ['broken', 0, true],
      ['spare', 0, false],
    ]);
  });

  it('counts the clusters of a split, and not one that only gets copies', () => {
    const parts = partsOf([{ name: 'canary', endpoints: ['ejected'] }]);
    const led = (route: object) => {
      const running = { ...parts.running, config: { listeners: [{ routes: [route] }] } };
      return readinessOf({ ...parts, running } as unknown as AppState).degraded;
    };
    expect(led({ split: { clusters: [{ cluster: 'stable' }, { cluster: 'canary' }] } })).to.equal(true);
    expect(led({ cluster: 'stable', mirror: { cluster: 'canary' } })).to.equal(false);
  });

  it('one usable endpoint is enough', () => {
    expect(readinessOf(partsOf([{ name: 'a', endpoints: ['ejected', ''] }]))).to.include({ degraded: false });
  });

  it('bounds what it says: five clusters, and 400 characters of each', () => {
    const many = Array.from({ length: 7 }, (_, i) => ({ name: `c${i}`, endpoints: ['x'.repeat(10_000)] }));
    const { degradedReasons } = readinessOf(partsOf(many));
    expect(degradedReasons).to.have.length(6);
    expect(degradedReasons[5]).to.equal('and 2 more clusters');
    for (const reason of degradedReasons) expect(reason.length).to.be.at.most(400);
    expect(readinessOf(partsOf(many.slice(0, 6))).degradedReasons[5]).to.equal('and 1 more cluster');
    expect(readinessOf(partsOf(many.slice(0, 5))).degradedReasons).to.have.length(5);
  });

  it('says that calls go to unusable endpoints by panicPercent', () => {
    const parts = partsOf([{ name: 'a', endpoints: ['unhealthy: x'], panicPercent: 50 }]);
    expect(readinessOf(parts).degradedReasons[0]).to.match(/usable \(.*\); calls go to them all the same/);
    const none = partsOf([{ name: 'a', endpoints: [], panicPercent: 50 }]);
    expect(readinessOf(none).degradedReasons[0]).to.equal('cluster a has no endpoints (a static list)');
  });

  it('has one state in the metrics at any time', () => {
    const gauges = new Map<string, (emit: Emit) => void>();
    const registry = {
      observe: (_kind: string, { name }: { name: string }, collect: (emit: Emit) => void) =>
        void gauges.set(name, collect),
    } as unknown as Registry;
    let parts = partsOf([]);
    registerReadinessMetrics(registry, () => parts);
    const stateOf = (lifecycle: object): string => {
      parts = partsOf([], lifecycle);
      const on: string[] = [];
      gauges.get('outrigger.state')?.((labels, value) => {
        if (value === 1) on.push(labels['outrigger.state']);
      });
      return on.join();
    };
    expect(stateOf({ state: 'starting', progress: null })).to.equal('starting');
    expect(stateOf({ state: 'ready', progress: null })).to.equal('ready');
    for (const [phase, state] of [
      ['accepting', 'draining'],
      ['closing', 'closing'],
      ['drained', 'drained'],
    ])
      expect(stateOf({ state: 'draining', progress: { phase } })).to.equal(state);
  });
});
