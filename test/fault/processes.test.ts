import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { rig } from '../e2e/rig.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { Load, mixedCalls } from './load.ts';
import { ReplicaProcess } from './replica-process.ts';

const { status } = grpc;
/** Quick to notice; patient enough for a machine that has other things to do. */
const health = { grpc: {}, interval: '100ms', timeout: '1500ms', unhealthyThreshold: 1 };
/** What a call may take beyond its deadline on such a machine, milliseconds. */
const slackMs = 3000;

describe('replicas that are processes', function () {
  judgesRealTime(this, 'calls under load have to end within their deadline and 200 ms');
  const { sidecar, client, defer } = rig();

  async function replicas(count: number): Promise<ReplicaProcess[]> {
    const addresses = await freeAddresses(count);
    const made = addresses.map((address, i) => new ReplicaProcess(address, `replica ${i + 1}`));
    defer(() => Promise.all(made.map((replica) => replica.kill())));
    await Promise.all(made.map((replica) => replica.start()));
    return made;
  }

  it('kill -9 costs the calls that were on it and no other; it is used again when it is back', async () => {
    const all = await replicas(3);
    const [victim] = all;
    // Ejected for the calls it lost, it is let in again once its probes say that it is back.
    const proxy = await sidecar(greeterConfig(all, { health }));
    for (const replica of all) replica.delay(20);
    const clients = [1, 2, 3].map(() => client(proxy.target()));
    const width = 24;
    const load = new Load(width, mixedCalls(clients));
    const endpoint = proxy.endpoint(victim.address);
    await until(
      () => load.done.length > 200 && endpoint.active > 0,
      () => 'no load',
    );
    await victim.kill();
    await until(
      () => endpoint.health.status === 'unhealthy',
      () => 'the dead replica is still thought well',
    );
    const before = load.done.length;
    await until(
      () => load.done.length > before + 200,
      () => 'the others do not go on',
    );
    // No more than can have been on it, and all of them had reached it.
    expect(load.failed.length).to.be.at.most(width);
    const failures = load.failed.map(({ result: { code, details } }) => `${code}: ${details}`);
    for (const failure of failures) expect(failure).to.match(/^14: .*may have processed/);

    await victim.start();
    const sinceMs = performance.now();
    const total = endpoint.total;
    await until(
      () => endpoint.total > total + 20,
      () => `it is back and gets no calls: ${endpoint.unusableBecause}`,
    );
    expect(performance.now() - sinceMs).to.be.below(5000);
    await load.stop();
    expect(load.failed).to.have.length(failures.length);
  });

  it('kill -STOP: deadlines fire on time, the replica is left out, and used again once it goes on', async () => {
    const all = await replicas(2);
    const [victim] = all;
    const proxy = await sidecar(greeterConfig(all, { health, outlier: 'none' }));
    const caller = client(proxy.target());
    const deadlineMs = 500;
    const load = new Load(8, (n) => caller.sayHello(`${n}`, { deadlineMs }));
    const endpoint = proxy.endpoint(victim.address);
    await until(
      () => load.done.length > 100,
      () => 'no load',
    );
    victim.signal('SIGSTOP');
    defer(() => victim.signal('SIGCONT'));
    await until(
      () => endpoint.health.status === 'unhealthy',
      () => 'the stopped replica is still thought well',
    );
    // Those that were on it have their deadlines to wait for, not more.
    await until(
      () => endpoint.active === 0,
      () => `${endpoint.active} calls are still on it`,
      deadlineMs + slackMs,
    );
    const sinceMs = performance.now();
    const doneBefore = load.done.length;
    await until(
      () => load.done.length > doneBefore + 200,
      () => 'the other does not go on',
    );
    expect(load.failed.length).to.be.greaterThan(0);
    for (const { result, tookMs, atMs } of load.failed) {
      expect(result.code, result.details).to.equal(status.DEADLINE_EXCEEDED);
      expect(tookMs).to.be.within(deadlineMs - 20, deadlineMs + slackMs);
      expect(atMs).to.be.below(sinceMs);
    }
    const { length: failedBefore } = load.failed;

    victim.signal('SIGCONT');
    const total = endpoint.total;
    await until(
      () => endpoint.total > total + 20,
      () => `it goes on and gets no calls: ${endpoint.unusableBecause}`,
    );
    await load.stop();
    expect(load.failed).to.have.length(failedBefore);
  });

  it('packets dropped: a replica that answers no connect in time costs no call, and is used once it answers', async () => {
    const all = await replicas(2);
    const [mute] = all;
    // The kernel takes connections for it, and nothing that is sent on them is ever answered.
    mute.signal('SIGSTOP');
    defer(() => mute.signal('SIGCONT'));
    const connectTimeoutMs = 300;
    const proxy = await sidecar(
      greeterConfig(all, { health: 'none', connectTimeout: `${connectTimeoutMs}ms` }),
    );
    const caller = client(proxy.target());
    const load = new Load(8, (n) => caller.sayHello(`${n}`, { deadlineMs: 8000 }));
    const endpoint = proxy.endpoint(mute.address);
    await until(
      () => endpoint.unusableBecause.includes('within 300 ms'),
      () => `it is still thought well: ${endpoint.unusableBecause}`,
    );
    const { length } = load.done;
    await until(
      () => load.done.length > length + 200,
      () => 'the other does not go on',
    );
    mute.signal('SIGCONT');
    await until(
      () => endpoint.success > 20,
      () => `it answers and gets no calls: ${endpoint.unusableBecause}`,
      15_000,
    );
    await load.stop();
    expect(load.failed.map(({ result }) => result.details)).to.deep.equal([]);
    // Those that waited for it did so for the timeout, and no longer.
    const slowestMs = Math.max(...load.done.map(({ tookMs }) => tookMs));
    expect(slowestMs).to.be.within(connectTimeoutMs - 20, connectTimeoutMs + slackMs);
  });

  it('a rolling restart of all replicas under load fails no call', async () => {
    const all = await replicas(3);
    const proxy = await sidecar(greeterConfig(all, { health }));
    for (const replica of all) replica.delay(5);
    const clients = [1, 2, 3, 4].map(() => client(proxy.target()));
    const load = new Load(32, mixedCalls(clients));
    for (let round = 0; round < 2; round++) {
      for (const replica of all) {
        const endpoint = proxy.endpoint(replica.address);
        await until(
          () => endpoint.active > 0,
          () => `${replica.name} gets no calls`,
        );
        await replica.stop();
        await replica.start();
        replica.delay(5);
        const { total } = endpoint;
        await until(
          () => endpoint.total > total,
          () => `${replica.name} is back and gets no calls: ${endpoint.unusableBecause}`,
        );
      }
    }
    await load.stop();
    const told = load.failed.slice(0, 5).map(({ result }) => `${result.code}: ${result.details}`);
    expect(load.failed.length, `of ${load.done.length} calls: ${told.join('\n')}`).to.equal(0);
    expect(load.done.length).to.be.greaterThan(500);
  });
});
