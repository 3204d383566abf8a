import { Metadata, status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { judgesRealTime } from '../support/real-time.ts';
import type { ConfigShape, Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { startReloadable } from './reloadable.ts';
import { rig } from './rig.ts';

interface Address {
  readonly address: string;
}

describe('reload, while requests wait', function () {
  judgesRealTime(this, 'calls have to be delayed by 400 ms when a reload comes');
  const { greeter, sidecar, client } = rig();

  const shapeOf = (route: object, cluster: string, { address }: Address): ConfigShape => ({
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', ...route }] }],
    clusters: [{ name: cluster, endpoints: [{ address }], health: 'none' }],
  });
  const activeCalls = async ({ adminUrl }: Sidecar): Promise<number> => {
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    return Number(/^outrigger_calls_active\{.*\} (\d+)$/m.exec(text)?.[1]);
  };
  const pushback = new Metadata();
  pushback.set('grpc-retry-pushback-ms', '400');
  const fault = { delay: { percent: 100, time: '400ms' } };
  const retry = { on: ['unavailable'], attempts: 2, backoff: { base: '5ms', max: '5ms' } };
  const cases: ReadonlyArray<readonly [string, object]> = [
    ['for an injected delay, toward the cluster of its route', { cluster: 'old', fault }],
    [
      'for an injected delay, toward a cluster that a policy chooses then',
      { split: { clusters: [{ cluster: 'old', weight: 1 }] }, fault },
    ],
    ['for a retry', { cluster: 'old', retry }],
  ];
  for (const [what, route] of cases) {
    it(`a call that waits ${what} reaches that cluster after a reload has removed it`, async () => {
      const [before, after] = [await greeter({ name: 'before' }), await greeter({ name: 'after' })];
      const { proxy, reload } = await startReloadable(sidecar, shapeOf(route, 'old', before));
      const caller = client(proxy.target());
      const isRetried = 'retry' in route;
      if (isRetried) before.failure = { code: status.UNAVAILABLE, metadata: pushback };
      const waiting = caller.sayHello('x');
      await until(
        async () =>
          (await activeCalls(proxy)) === 1 && before.calls === Number(isRetried) && before.active === 0,
        () => 'the call does not wait',
      );
      before.failure = null;
      const outcome = await reload(shapeOf({ cluster: 'new' }, 'new', after));
      expect(outcome.ok, JSON.stringify(outcome)).to.equal(true);
      const { code, details, replies } = await waiting;
      expect([code, details, replies[0]?.replica]).to.deep.equal([status.OK, 'OK', 'before']);
      await until(
        () => proxy.log.some((line) => line.includes('cluster removed')),
        () => 'the cluster that was removed stays',
      );
      expect((await caller.sayHello('x')).replies[0]?.replica).to.equal('after');
    });
  }
});
