import { expect } from 'chai';
import { prometheusText } from '../../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../../src/telemetry/metrics/registry.ts';
import { answer } from '../../call/attempt-policies.ts';
import { callRig, expectOver, grpcHead, httpHead } from '../../call/call-rig.ts';
import { minimal, problemsOf } from '../../config/support.ts';

const split = (canary: number, more: object = {}) => ({
  split: {
    clusters: [
      { cluster: 'greeter', weight: 100 - canary },
      { cluster: 'canary', weight: canary },
    ],
    ...more,
  },
});

/** What is wrong with a route that has this split and no cluster. */
function problemsOfSplit(text: string): string[] {
  const whole = minimal({ route: `, split: ${text}` }).replace(/, cluster: greeter,/, ',');
  return problemsOf(whole).map((line) => line.replace(/^f\.yaml:\d+:\d+ listeners\[0\]\.routes\[0\]\./, ''));
}

describe('policies/split', () => {
  it('sends requests to the clusters by weight, counts them and notes why', () => {
    const registry = createRegistry();
    const rig = callRig({ policies: split(25), others: ['canary'], registry, requestsMax: 1000 });
    for (let i = 0; i < 400; i++) rig.call(i % 2 === 0 ? grpcHead() : httpHead());
    const [canary] = rig.others;
    // Six standard deviations of 400 draws.
    expect(canary.order.length).to.be.closeTo(100, 52);
    expect(rig.order.length + canary.order.length).to.equal(400);
    for (const stream of [...rig.order, ...canary.order]) answer(stream);
    const toCanary = rig.settled.filter(({ cluster }) => cluster === 'canary');
    expect(toCanary).to.have.length(canary.order.length);
    expect(toCanary[0].notes).to.deep.equal([
      { policy: 'split', text: 'chose cluster canary at random (weight 25 of 100)' },
    ]);
    const series = prometheusText(registry, undefined)
      .body.split('\n')
      .filter((line) => line.startsWith('outrigger_split'));
    const labels = (cluster: string) =>
      `{outrigger_listener="in",outrigger_route="hello",outrigger_cluster="${cluster}"}`;
    expect(series).to.have.members([
      `outrigger_split_requests_total${labels('greeter')} ${rig.order.length}`,
      `outrigger_split_requests_total${labels('canary')} ${canary.order.length}`,
      `outrigger_split_weight${labels('greeter')} 75`,
      `outrigger_split_weight${labels('canary')} 25`,
    ]);
    expectOver(rig, 400);
  });

  it('shows the share of each cluster, of the requests since the route was compiled', () => {
    const rig = callRig({ policies: split(5), others: ['canary'], requestsMax: 1000 });
    const shown = () =>
      rig.context.router.plans[0].factSources!.flatMap(({ policy, facts }) =>
        facts().map(({ name, text }) => `${policy} ${name}: ${text}`),
      );
    expect(shown()).to.deep.equal([
      'split greeter: no request yet, 95% by weight',
      'split canary: no request yet, 5% by weight',
    ]);
    for (let i = 0; i < 200; i++) rig.call(i % 2 === 0 ? grpcHead() : httpHead());
    const [toGreeter, toCanary] = [rig.order.length, rig.others[0].order.length];
    expect(toGreeter + toCanary).to.equal(200);
    expect(shown()).to.deep.equal([
      `split greeter: ${toGreeter / 2}% of requests (${toGreeter}), 95% by weight`,
      `split canary: ${toCanary / 2}% of requests (${toCanary}), 5% by weight`,
    ]);
  });

  it('sends nothing to a cluster of weight 0', () => {
    const rig = callRig({ policies: split(0), others: ['canary'] });
    for (let i = 0; i < 50; i++) rig.call(grpcHead());
    expect([rig.order.length, rig.others[0].order.length]).to.deep.equal([50, 0]);
  });

  it('keeps a client on its side by header, else by cookie, else by address', () => {
    const sticky = { header: 'X-User', cookie: 'session', source: true };
    const rig = callRig({ policies: split(50, { sticky }), others: ['canary'], requestsMax: 1000 });
    /** Whether requests with these fields go to the canary; all of them must agree. */
    const toCanary = (...fields: ReadonlyArray<readonly [string, string]>): boolean => {
      const before = rig.others[0].order.length;
      for (let i = 0; i < 5; i++) rig.call(grpcHead(...fields));
      const count = rig.others[0].order.length - before;
      expect(count % 5).to.equal(0);
      return count > 0;
    };
    const users = Array.from({ length: 40 }, (_, i) => `user-${i}`);
    const byHeader = users.map((user) => toCanary(['x-user', user], ['cookie', 'session=s1']));
    expect(new Set(byHeader).size).to.equal(2);
    // The same value is on the same side, wherever it comes from.
    expect(users.map((user) => toCanary(['cookie', `a=b; session=${user}`]))).to.deep.equal(byHeader);
    toCanary();
    for (const stream of [...rig.order, ...rig.others[0].order]) answer(stream);
    expect(String(rig.settled[0].notes[0].text)).to.match(/by the key of the client/);
  });

  it('splits at random where a sticky key is not in the request', () => {
    const rig = callRig({ policies: split(50, { sticky: { header: 'x-user' } }), others: ['canary'] });
    for (let i = 0; i < 60; i++) rig.call(grpcHead());
    expect(rig.others[0].order.length).to.be.within(5, 55);
  });

  it('rejects weights that add up to 0, a cluster twice, one that does not exist, and one beside `cluster`', () => {
    expect(problemsOfSplit('{ clusters: [{ cluster: greeter, weight: 0 }] }')).to.deep.equal([
      'split.clusters: the weights add up to "0"; write a weight of 1 or more for one of the clusters',
    ]);
    expect(
      problemsOfSplit('{ clusters: [{ cluster: greeter, weight: 1 }, { cluster: greeter, weight: 2 }] }')[0],
    ).to.match(/^split\.clusters\[1\]\.cluster: "greeter"/);
    expect(problemsOfSplit('{ clusters: [{ cluster: greter, weight: 1 }] }')).to.deep.equal([
      'split.clusters[0].cluster: "greter" is not the name of a cluster; write greeter',
    ]);
    expect(problemsOfSplit('{ clusters: [] }')[0]).to.match(/^split\.clusters: /);
    expect(problemsOfSplit('{ clusters: [{ cluster: greeter }] }')[0]).to.match(
      /^split\.clusters\[0\]\.weight: is missing/,
    );
    expect(problemsOfSplit('{ clusters: [{ cluster: greeter, weight: -1 }] }')[0]).to.match(/-1 is below 0/);
    expect(
      problemsOfSplit('{ clusters: [{ cluster: greeter, weight: 1 }], sticky: { source: false } }'),
    ).to.deep.equal([
      'split.sticky: has nothing to go by; write header: x-user-id, cookie: session or source: true',
    ]);
    expect(
      problemsOf(minimal({ route: ', split: { clusters: [{ cluster: greeter, weight: 1 }] }' }))[0],
    ).to.match(/routes\[0\]\.cluster: "greeter" gets no request, because the route has split/);
  });
});
