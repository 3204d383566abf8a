import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import type { GreeterClient } from '../support/greeter-client.ts';
import { startGreeter } from '../support/greeter-server.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig, type Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { status } = grpc;
/** Probes often, so that tests need not wait; a replica is believed to be down after two failures. */
const quick = { health: { interval: '50ms', timeout: '500ms', unhealthyThreshold: 2 }, outlier: 'none' };

describe('health', function () {
  judgesRealTime(this, 'probes every 50 ms have to be answered within 500 ms');
  const { greeter, sidecar, client: connect, defer } = rig();

  /** Keeps calls in flight until told to stop; counts what came of them. */
  function load(client: GreeterClient, inFlight: number) {
    const counts = { fine: 0, failed: [] as string[] };
    let going = true;
    const worker = async (): Promise<void> => {
      while (going) {
        const { code, details } = await client.sayHello('x');
        if (code === status.OK) counts.fine++;
        else counts.failed.push(`${code} ${details}`);
      }
    };
    const workers = Promise.all(Array.from({ length: inFlight }, worker));
    const stop = async () => {
      going = false;
      await workers;
      return counts;
    };
    defer(stop);
    return { counts, stop };
  }

  const healthOf = (proxy: Sidecar, address: string): string => proxy.endpoint(address).health.status;
  const becomes = (proxy: Sidecar, address: string, expected: string): Promise<void> =>
    until(
      () => healthOf(proxy, address) === expected,
      () => `${address} is ${healthOf(proxy, address)}: ${proxy.endpoint(address).health.reason}`,
    );

  it('is not ready until the first probes are in, and says what it waits for', async () => {
    const replica = await greeter();
    const { startSidecar } = await import('../support/sidecar.ts');
    const proxy = await startSidecar(greeterConfig([replica]));
    defer(() => proxy.stop());
    const early = await fetch(`${proxy.adminUrl}/ready`);
    const said = await early.text();
    if (early.status === 503) expect(said).to.contain(`${replica.address} has not been probed yet`);
    await until(
      async () => (await fetch(`${proxy.adminUrl}/ready`)).status === 200,
      () => said,
    );
    expect(replica.healthChecks).to.be.greaterThan(0);
  });

  it('NOT_SERVING takes a replica out at once, SERVING brings it back', async () => {
    const [a, b] = [await greeter(), await greeter()];
    const proxy = await sidecar(
      greeterConfig([a, b], { ...quick, health: { ...quick.health, unhealthyThreshold: 100 } }),
    );
    const client = connect(proxy.target());
    a.health = 'NOT_SERVING';
    await becomes(proxy, a.address, 'unhealthy');
    expect(proxy.endpoint(a.address).health.reason).to.equal('NOT_SERVING');
    const before = a.calls;
    for (let i = 0; i < 50; i++) expect((await client.sayHello('x')).code).to.equal(status.OK);
    expect(a.calls).to.equal(before);
    a.health = 'SERVING';
    await becomes(proxy, a.address, 'healthy');
    for (let i = 0; i < 50; i++) await client.sayHello('x');
    expect(a.calls).to.be.greaterThan(before);
    expect(proxy.log.filter((line) => line.includes(`endpoint ${a.address} is`))).to.have.length(3);
  });

  it('by Watch each change is known at once, long before the next probe', async () => {
    const replica = await greeter({ watch: true });
    const health = { grpc: { service: '', mode: 'watch' }, interval: '1h' };
    const proxy = await sidecar(greeterConfig([replica], { health }));
    await until(
      () => replica.healthChecks === 2,
      () => 'no Watch',
    );
    for (const [said, expected] of [
      ['NOT_SERVING', 'unhealthy'],
      ['SERVING', 'healthy'],
    ] as const) {
      replica.health = said;
      await becomes(proxy, replica.address, expected);
    }
    expect(replica.healthChecks, 'one Check, one Watch').to.equal(2);
  });

  it('who gets no calls is probed at the slower interval', async () => {
    const [busy, standby] = [await greeter(), await greeter()];
    const endpoints = [{ address: busy.address }, { address: standby.address, priority: 1 }];
    const health = { interval: '20ms', noTrafficInterval: '1h' };
    const proxy = await sidecar(greeterConfig([], { endpoints, health }));
    const client = connect(proxy.target());
    const before = busy.healthChecks;
    await until(
      async () => {
        await client.sayHello('x');
        return busy.healthChecks > before + 5;
      },
      () => `${busy.healthChecks} probes`,
    );
    expect(standby.healthChecks).to.equal(1);
  });

  it('each change is reported by a log line, a metric and /clusters', async () => {
    const [a, b] = [await greeter(), await greeter()];
    const proxy = await sidecar(
      greeterConfig([a, b], { ...quick, outlier: { consecutiveErrors: 2, baseEjection: '5m' } }),
    );
    const client = connect(proxy.target());
    const page = async (path: string): Promise<string> => (await fetch(`${proxy.adminUrl}${path}`)).text();
    a.health = 'NOT_SERVING';
    await becomes(proxy, a.address, 'unhealthy');
    expect(proxy.log.join('')).to.contain(`endpoint ${a.address} is unhealthy: NOT_SERVING`);
    expect(await page('/clusters')).to.match(/NOT_SERVING.* for \d+ m?s; not used$/m);
    const labels = (address: string): string => `outrigger_cluster="greeter",outrigger_endpoint="${address}"`;
    expect(await page('/metrics')).to.contain(`outrigger_endpoint_health{${labels(a.address)}} 0`);
    expect(await page('/metrics')).to.contain(
      `outrigger_endpoint_health_changes_total{${labels(a.address)}} 2`,
    );
    a.health = 'SERVING';
    await becomes(proxy, a.address, 'healthy');
    b.failure = { code: status.UNAVAILABLE, details: 'broken' };
    await until(
      async () => {
        await client.sayHello('x');
        return proxy.endpoint(b.address).outlier?.state === 'ejected';
      },
      () => 'it is not ejected',
      12_000,
    );
    expect(proxy.log.join('')).to.contain(
      `endpoint ${b.address} is ejected for 300 s: 2 consecutive calls failed`,
    );
    expect(await page('/clusters')).to.contain('not used: ejected: 2 consecutive calls failed');
    expect(await page('/metrics')).to.contain(
      `outrigger_endpoint_ejection_causes_total{${labels(b.address)},outrigger_ejection_cause="errors in a row"} 1`,
    );
  });

  it('who fails more than its neighbours is ejected for it, though never often in a row', async () => {
    const replicas = await Promise.all(Array.from({ length: 5 }, () => greeter()));
    const proxy = await sidecar(
      greeterConfig(replicas, {
        ...quick,
        // A busy machine makes that many calls within the interval too.
        outlier: { consecutiveErrors: 0, interval: '2s', successRate: { minCalls: 20 } },
        balancer: { policy: 'round_robin' },
      }),
    );
    const bad = replicas[3];
    const { stop } = load(connect(proxy.target()), 8);
    const failing = setInterval(() => {
      bad.failure = bad.failure === null ? { code: status.UNAVAILABLE, details: 'now and then' } : null;
    }, 10);
    defer(() => clearInterval(failing));
    await until(
      () => proxy.endpoint(bad.address).outlier?.state === 'ejected',
      () => 'it is not ejected',
    );
    await stop();
    expect(proxy.endpoint(bad.address).unusableBecause).to.match(
      /^ejected: [\d.]+% of its \d+ calls succeeded, against [\d.]+% on average and [\d.]+% at the least$/,
    );
    for (const { address } of replicas)
      if (address !== bad.address) expect(proxy.endpoint(address).unusableBecause).to.equal('');
  });

  for (const health of ['SERVICE_UNKNOWN', 'UNKNOWN'] as const) {
    it(`${health} takes a replica out`, async () => {
      const replica = await greeter({ health });
      const proxy = await sidecar(greeterConfig([replica], quick));
      await becomes(proxy, replica.address, 'unhealthy');
      const { code, details } = await connect(proxy.target()).sayHello('x');
      expect(code).to.equal(status.UNAVAILABLE);
      expect(details).to.contain('[no_healthy_endpoint]');
    });
  }

  it('UNIMPLEMENTED counts as healthy and is reported once', async () => {
    const replica = await greeter({ health: 'UNIMPLEMENTED' });
    const proxy = await sidecar(greeterConfig([replica], quick));
    expect(healthOf(proxy, replica.address)).to.equal('healthy');
    expect((await connect(proxy.target()).sayHello('x')).code).to.equal(status.OK);
    await until(
      () => replica.healthChecks > 3,
      () => 'too few probes',
    );
    expect(proxy.log.filter((line) => line.includes('has no health service'))).to.have.length(1);
  });

  it('all unhealthy: UNAVAILABLE at once, with the reason of each', async () => {
    const [a, b] = [await greeter({ health: 'NOT_SERVING' }), await greeter({ health: 'NOT_SERVING' })];
    const proxy = await sidecar(greeterConfig([a, b], quick));
    const { code, details } = await connect(proxy.target()).sayHello('x');
    expect(code).to.equal(status.UNAVAILABLE);
    expect(details.replace(/ \(call \w{4}-\w{8}\)$/, '')).to.equal(
      `cluster greeter has no usable endpoint: ${a.address} unhealthy: NOT_SERVING; ${b.address} unhealthy: NOT_SERVING; ` +
        'the upstream did not process the call; /clusters shows why each endpoint is unusable [no_healthy_endpoint]',
    );
  });

  it('a replica that is killed costs at most the calls that were on it, and is used again once it is back', async () => {
    const [a, b, c] = [
      await greeter({ delayMs: 5 }),
      await greeter({ delayMs: 5 }),
      await greeter({ delayMs: 5 }),
    ];
    const proxy = await sidecar(greeterConfig([a, b, c], quick));
    const { counts, stop } = load(connect(proxy.target()), 12);
    await until(
      () => counts.fine > 100,
      () => `${counts.fine} calls`,
    );
    const onIt = proxy.endpoint(c.address).active;
    await c.kill();
    const fine = counts.fine;
    await until(
      () => counts.fine > fine + 300,
      () => `${counts.fine} calls`,
    );
    // Calls that begin while the kernel's resets are on their way are lost with the others.
    expect(counts.failed.length, counts.failed.join('\n')).to.be.at.most(onIt + 4);
    for (const failure of counts.failed)
      expect(failure).to.match(/^14 .*the upstream may have processed the call/);
    await becomes(proxy, c.address, 'unhealthy');

    const again = await startGreeter({ port: c.port });
    defer(() => again.kill());
    const backMs = performance.now();
    await until(
      () => again.calls > 0,
      () => 'the replica that came back gets no calls',
    );
    expect(performance.now() - backMs).to.be.lessThan(5000);
    const { failed } = await stop();
    expect(failed.length).to.be.at.most(onIt + 4);
  });

  it('with probes far apart too: trouble on the data path is the hint', async () => {
    const [a, b] = [await greeter(), await greeter()];
    const proxy = await sidecar(greeterConfig([a, b], { health: { interval: '1h' }, outlier: 'none' }));
    const client = connect(proxy.target());
    for (let i = 0; i < 20; i++) await client.sayHello('x');
    await b.kill();
    for (let i = 0; i < 20; i++) expect((await client.sayHello('x')).code).to.equal(status.OK);
    const again = await startGreeter({ port: b.port });
    defer(() => again.kill());
    await until(
      async () => {
        expect((await client.sayHello('x')).code).to.equal(status.OK);
        return again.calls > 0;
      },
      () => 'the replica that came back gets no calls',
    );
  });

  it('a rollout: each replica stops gracefully and comes back, and no call fails', async () => {
    const replicas = [
      await greeter({ delayMs: 3 }),
      await greeter({ delayMs: 3 }),
      await greeter({ delayMs: 3 }),
    ];
    const proxy = await sidecar(greeterConfig(replicas, quick));
    const { counts, stop } = load(connect(proxy.target()), 9);
    for (const [i, replica] of replicas.entries()) {
      const fine = counts.fine;
      await replica.stop();
      await until(
        () => counts.fine > fine + 60,
        () => `${counts.fine} calls`,
      );
      const again = await startGreeter({ port: replica.port, name: `again ${i}`, delayMs: 3 });
      defer(() => again.kill());
      await until(
        () => again.calls > 10,
        () => `replica ${i} is back and gets no calls`,
      );
    }
    const { fine, failed } = await stop();
    expect(failed).to.deep.equal([]);
    expect(fine).to.be.greaterThan(200);
  });

  it('consecutive errors eject a replica whatever its probes say, and it comes back by one good call', async () => {
    const [a, b] = [await greeter(), await greeter()];
    const proxy = await sidecar(
      greeterConfig([a, b], {
        ...quick,
        // Longer than ten calls take on a busy machine.
        outlier: { consecutiveErrors: 3, baseEjection: '4s' },
        balancer: { policy: 'round_robin' },
      }),
    );
    const client = connect(proxy.target());
    b.failure = { code: status.UNAVAILABLE, details: 'broken' };
    for (let i = 0; i < 6; i++) await client.sayHello('x');
    expect(proxy.endpoint(b.address).unusableBecause).to.equal('ejected: 3 consecutive calls failed');
    expect(healthOf(proxy, b.address)).to.equal('healthy');
    const before = b.calls;
    for (let i = 0; i < 10; i++) expect((await client.sayHello('x')).code).to.equal(status.OK);
    expect(b.calls).to.equal(before);
    b.failure = null;
    await until(
      async () => {
        await client.sayHello('x');
        return b.calls > before + 3;
      },
      () => 'it does not come back',
    );
  });

  it('an endpoint drained by hand gets no new calls, and its calls finish', async () => {
    const [a, b] = [await greeter({ delayMs: 50 }), await greeter({ delayMs: 50 })];
    const proxy = await sidecar(greeterConfig([a, b], quick));
    const client = connect(proxy.target());
    const running = Promise.all(Array.from({ length: 10 }, () => client.sayHello('x')));
    await until(
      () => a.active > 0,
      () => 'no call has begun',
    );
    const reply = await fetch(`${proxy.adminUrl}/endpoints/${a.address}/drain`, { method: 'POST' });
    expect(reply.status).to.equal(200);
    const before = a.calls;
    for (const { code } of await running) expect(code).to.equal(status.OK);
    await Promise.all(Array.from({ length: 10 }, () => client.sayHello('x')));
    expect(a.calls).to.equal(before);
    // Its connection closes when it is idle; the one of the health check stays.
    await until(
      () => proxy.endpoint(a.address).pool.connections === 0,
      () => `${proxy.endpoint(a.address).pool.connections} connections`,
    );
    await fetch(`${proxy.adminUrl}/endpoints/${a.address}/enable`, { method: 'POST' });
    await Promise.all(Array.from({ length: 10 }, () => client.sayHello('x')));
    expect(a.calls).to.be.greaterThan(before);
  });
});
