import { expect } from 'chai';
import { planRoute } from '../../../src/call/route-plan.ts';
import { type PolicyFact, requestTraffic } from '../../../src/call/stage.ts';
import { policies } from '../../../src/policies/list.ts';
import { compileRoutes } from '../../../src/routing/router.ts';
import type { ListenerParts } from '../../../src/runtime/build-listener.ts';
import { routesSnapshot } from '../../../src/runtime/route-snapshots.ts';
import type { Cluster } from '../../../src/upstream/cluster.ts';

interface FakeRoute {
  readonly name: string;
  readonly cluster?: string;
  readonly facts?: () => readonly PolicyFact[];
  /** Its policies, as configured. */
  readonly policies?: object;
}

const clusterOf = (name: string): Cluster => ({ name }) as Cluster;

/** A listener with these routes, or with a cluster for its TCP connections. */
function listenerOf(name: string, routes: readonly FakeRoute[], tcp?: string) {
  const compiled = routes.map(({ name: route, cluster, facts }) => {
    const stages = facts === undefined ? [] : [{ policy: 'mine', appliesTo: requestTraffic, facts }];
    const plan = planRoute(route, cluster === undefined ? null : clusterOf(cluster), stages);
    return { name: route, match: {}, plan };
  });
  return {
    config: { name, routes: routes.map((route) => ({ ...route, ...route.policies })) },
    context: {
      router: compileRoutes(compiled),
      passthrough: tcp === undefined ? null : planRoute('', clusterOf(tcp), []),
    },
  } as unknown as ListenerParts;
}

describe('runtime/route-snapshots', () => {
  it('has the routes of each listener with the cluster or the policy that stands for it, and TCP listeners', () => {
    const listeners = [
      listenerOf('in', [
        { name: 'a', cluster: 'greeter' },
        { name: 'b', policies: { split: {} } },
        { name: 'c', policies: { respond: {}, timeoutMs: 1 } },
      ]),
      listenerOf('db', [], 'postgres'),
    ];
    const none = { cluster: '', replacedBy: '', match: '', policies: [], facts: [] };
    expect(routesSnapshot(listeners, policies)).to.deep.equal({
      routes: [
        { ...none, listener: 'in', route: 'a', cluster: 'greeter' },
        { ...none, listener: 'in', route: 'b', replacedBy: 'split' },
        { ...none, listener: 'in', route: 'c', replacedBy: 'respond' },
        { ...none, listener: 'db', route: '', cluster: 'postgres' },
      ],
      leftOut: 0,
    });
    expect(routesSnapshot([], policies)).to.deep.equal({ routes: [], leftOut: 0 });
  });

  it('has the facts of now, with bounded names and texts and a bounded number', () => {
    let keys = 3;
    const facts = () => [{ name: 'keys', text: String(keys) }];
    const listeners = [listenerOf('in', [{ name: 'a', cluster: 'greeter', facts }])];
    const factsNow = () => routesSnapshot(listeners, policies).routes[0].facts;
    expect(factsNow()).to.deep.equal([{ policy: 'mine', name: 'keys', text: '3' }]);
    keys = 4;
    expect(factsNow()).to.deep.equal([{ policy: 'mine', name: 'keys', text: '4' }]);
    const many = () => Array.from({ length: 1000 }, () => ({ name: 'n'.repeat(999), text: 't'.repeat(999) }));
    const [route] = routesSnapshot([listenerOf('in', [{ name: 'a', facts: many }])], policies).routes;
    expect(route.facts).to.have.length(256);
    expect([route.facts[0].name.length, route.facts[0].text.length]).to.deep.equal([400, 400]);
  });

  it('of too many routes, takes those that have facts first, and computes no others', () => {
    let computed = 0;
    const facts = () => {
      computed++;
      return [{ name: 'keys', text: '3' }];
    };
    const listeners = [
      listenerOf('one', [{ name: 'a' }, { name: 'b', facts }, { name: 'c' }]),
      listenerOf('two', [
        { name: 'd', facts },
        { name: 'e', facts },
      ]),
    ];
    const named = (routesMax: number) => {
      const { routes, leftOut } = routesSnapshot(listeners, policies, routesMax);
      return [...routes.map(({ route }) => route), leftOut];
    };
    expect(named(5)).to.deep.equal(['a', 'b', 'c', 'd', 'e', 0]);
    expect(named(4)).to.deep.equal(['b', 'd', 'e', 'a', 1]);
    computed = 0;
    expect(named(2)).to.deep.equal(['b', 'd', 3]);
    expect(computed).to.equal(2);
  });
});
