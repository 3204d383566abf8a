import { expect } from 'chai';
import type { RouteConfig } from '../../../src/config/table.ts';
import { policies } from '../../../src/policies/list.ts';
import { PartStore } from '../../../src/policies/parts.ts';
import { buildPlan, type PlanDeps } from '../../../src/runtime/build-plan.ts';
import type { Cluster } from '../../../src/upstream/cluster.ts';

describe('runtime/build-plan', () => {
  it('knows the clusters that a policy may choose later, before it asks for them', () => {
    const [own, spare, other] = ['own', 'spare', 'other'].map((name) => ({ name }) as unknown as Cluster);
    const clusters = new Map([own, spare, other].map((cluster) => [cluster.name, { cluster }]));
    const route = { name: 'all', cluster: 'own', policies: [{ module: './a.ts', clusters: ['spare'] }] };
    const deps = { policies: { list: policies, metrics: new Map(), parts: new PartStore() } };
    const { cluster, stageClusters } = buildPlan(
      { name: 'in', reportLoad: false },
      route as unknown as RouteConfig,
      clusters,
      deps as unknown as PlanDeps,
    );
    expect(cluster).to.equal(own);
    expect([spare, other].map((one) => stageClusters.has(one))).to.deep.equal([true, false]);
  });
});
