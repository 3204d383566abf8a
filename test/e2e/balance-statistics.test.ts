import { expect } from 'chai';
import type { GreeterClient } from '../support/greeter-client.ts';
import type { Greeter } from '../support/greeter-server.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig, type Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

/**
 * Weighted least-request with real servers and one client connection. The picks are random only among ties, and the
 * servers' timers jitter: a share of 2,000 calls strays by less than a percentage point where it was tried, and four
 * are allowed. The seed is in the message of what fails.
 */
const tolerancePoints = 4;

/** Keeps so many calls in flight until there were `count`; each must succeed. */
async function load(client: GreeterClient, count: number, inFlight: number): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left--;
      const { code, details } = await client.sayHello('x');
      if (code !== 0) throw new Error(`a call failed with ${code}: ${details}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

/** Percent of all calls, by replica. */
function shares(replicas: readonly Greeter[]): number[] {
  const total = replicas.reduce((sum, replica) => sum + replica.calls, 0);
  return replicas.map((replica) => (replica.calls / total) * 100);
}

function told(proxy: Sidecar, got: readonly number[]): string {
  return `${got.map((share) => share.toFixed(1)).join('/')}% with seed ${proxy.seed}`;
}

describe('each call is balanced, on one client connection', () => {
  const { greeter, sidecar, client } = rig();

  async function replicas(...delaysMs: number[]): Promise<Greeter[]> {
    return Promise.all(delaysMs.map((delayMs, i) => greeter({ name: `r${i}`, delayMs })));
  }

  it('weights 1:1:2 give 25/25/50 percent', async () => {
    const [a, b, c] = await replicas(8, 8, 8);
    const proxy = await sidecar(greeterConfig([a, b, { address: c.address, weight: 2 }]));
    await load(client(proxy.target()), 2000, 16);
    const got = shares([a, b, c]);
    for (const [i, expected] of [25, 25, 50].entries())
      expect(got[i], told(proxy, got)).to.be.closeTo(expected, tolerancePoints);
    // One connection of the client, and one to each replica beside that of the health checks.
    const [listener] = (await (await fetch(`${proxy.adminUrl}/listeners?format=json`)).json()) as Array<{
      connections: number;
    }>;
    expect(listener.connections).to.equal(1);
    for (const replica of [a, b, c]) expect(replica.connections).to.be.at.most(2);
  });

  it('weights need not be whole: 1.5:3 gives a third and two thirds', async () => {
    const [a, b] = await replicas(8, 8);
    const proxy = await sidecar(
      greeterConfig([
        { address: a.address, weight: 1.5 },
        { address: b.address, weight: 3 },
      ]),
    );
    await load(client(proxy.target()), 900, 18);
    const got = shares([a, b]);
    expect(got[0], told(proxy, got)).to.be.closeTo(33.3, tolerancePoints);
  });

  it('a replica 15 times slower gets under 8 percent', async function () {
    judgesRealTime(this, 'the machine may not make the quick replicas slow');
    const all = await replicas(20, 20, 300);
    const proxy = await sidecar(greeterConfig(all));
    await load(client(proxy.target()), 600, 12);
    const got = shares(all);
    expect(got[2], told(proxy, got)).to.be.lessThan(8).and.greaterThan(0);
    expect(got[0], told(proxy, got)).to.be.closeTo(got[1], 2 * tolerancePoints);
  });

  it('one call at a time goes to each in turn by weight, at random', async () => {
    const [a, b] = await replicas(0, 0);
    const proxy = await sidecar(greeterConfig([a, { address: b.address, weight: 3 }]));
    await load(client(proxy.target()), 1000, 1);
    const got = shares([a, b]);
    // A binomial of 1,000 draws at 1/4: four standard deviations are 5.5 points.
    expect(got[0], told(proxy, got)).to.be.closeTo(25, 5.5);
  });

  for (const policy of ['round_robin', 'random']) {
    it(`${policy} heeds weights too`, async () => {
      const [a, b] = await replicas(0, 0);
      const proxy = await sidecar(
        greeterConfig([a, { address: b.address, weight: 3 }], { balancer: { policy } }),
      );
      await load(client(proxy.target()), 1000, 4);
      const got = shares([a, b]);
      expect(got[0], told(proxy, got)).to.be.closeTo(25, policy === 'random' ? 5.5 : 0.5);
    });
  }

  it('the figures of each endpoint are right', async function () {
    judgesRealTime(this, 'calls of 5 ms have to end within 200');
    const [a, b] = await replicas(5, 5);
    const proxy = await sidecar(greeterConfig([a, b]));
    await load(client(proxy.target()), 200, 8);
    const [cluster] = (await (await fetch(`${proxy.adminUrl}/clusters?format=json`)).json()) as Array<{
      endpoints: Array<Record<string, unknown>>;
    }>;
    for (const [i, replica] of [a, b].entries()) {
      expect(cluster.endpoints[i]).to.include({
        address: replica.address,
        total: replica.calls,
        success: replica.calls,
        error: 0,
        active: 0,
      });
      expect(cluster.endpoints[i].p50Ms).to.be.at.least(4).and.lessThan(200);
    }
  });

  it('and the balance report says so, in /stats and /live.json and as metrics', async () => {
    const all = await replicas(1, 1, 1);
    const proxy = await sidecar(greeterConfig(all, { balancer: { policy: 'round_robin' } }));
    const caller = client(proxy.target());
    const ask = async (path: string) => (await fetch(`${proxy.adminUrl}${path}`)).text();
    let isOver = false;
    const running = (async () => {
      while (!isOver) await load(caller, 30, 3);
    })();
    try {
      await until(
        async () => {
          const { balance } = JSON.parse(await ask('/stats?format=json'));
          return balance[0].verdict === 'balanced';
        },
        () => 'the verdict is not "balanced"',
      );
      const { balance } = JSON.parse(await ask('/live.json')).clusters[0];
      expect(balance.text).to.match(
        /^balanced: 3 endpoints get [01]\.\d\d to 1\.\d\d × their share of \d+ attempts$/,
      );
      expect(balance).to.include({ retryAmplification: 1 });
      expect(await ask('/stats')).to.match(/cluster\.greeter\.balance: +balanced: 3 endpoints/);
      expect(await ask('/metrics')).to.include(
        'outrigger_balance_verdict{outrigger_cluster="greeter",outrigger_verdict="balanced"} 1\n',
      );
    } finally {
      isOver = true;
      await running;
    }
  });
});
