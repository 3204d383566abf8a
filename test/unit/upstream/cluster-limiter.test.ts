import { expect } from 'chai';
import { PassthroughCall } from '../../../src/call/passthrough-call.ts';
import { endings } from '../../../src/core/ending.ts';
import type { ConcurrencyLimiter, WaitOutcome } from '../../../src/upstream/concurrency-limiter.ts';
import type { Lease } from '../../../src/upstream/lease.ts';
import { answer } from '../call/attempt-policies.ts';
import { callRig, expectOver, grpcHead, replyHead, send } from '../call/call-rig.ts';
import { clusterRig, spec } from './cluster-rig.ts';

/** Admits as many as the test says, and writes down what it hears. */
class FakeLimiter implements ConcurrencyLimiter {
  inFlight = 0;
  refused = 0;
  baseLatencyMs = 0;
  readonly limit = 1;
  readonly told: string[] = [];

  tryAcquire(): boolean {
    if (this.inFlight >= this.limit) return false;
    this.inFlight++;
    return true;
  }
  released(outcome: WaitOutcome, latencyMs: number): void {
    this.inFlight--;
    this.told.push(`${outcome} ${latencyMs}`);
  }
}

function limitedRig() {
  const limiter = new FakeLimiter();
  const { told } = limiter;
  const rig = clusterRig({ settings: { limiter: { key: 'a', create: () => limiter } } });
  rig.cluster.start();
  rig.publish([spec('10.0.0.1:1')]);
  const acquire = () => rig.cluster.acquire(rig.clock.now(), null, false, '', null);
  return { ...rig, limiter, told, acquire };
}

describe('a limiter of a cluster', () => {
  it('refuses attempts over its limit, which no endpoint sees', () => {
    const { cluster, acquire, limiter } = limitedRig();
    const lease = acquire() as Lease;
    expect(acquire()).to.equal('full');
    expect(cluster.fullError()).to.deep.include({
      code: 'overloaded',
      detail: `cluster ${cluster.name} has 1 call that wait for a reply, and its latency allows 1 now`,
      mayHaveProcessed: false,
    });
    const [endpoint] = cluster.all();
    expect([endpoint.active, endpoint.total, endpoint.error]).to.deep.equal([1, 0, 0]);
    lease.end(endings.answered, 5);
    expect(limiter.inFlight).to.equal(0);
    expect(typeof acquire()).to.equal('object');
  });

  it('hears of an attempt once: when the reply begins, or at the end', () => {
    const { acquire, clock, told } = limitedRig();
    const first = acquire() as Lease;
    clock.advance(30);
    // The request was whole 10 ms after the pick.
    first.answered(10);
    expect(told.splice(0)).to.deep.equal(['answered 20']);
    first.answered(10);
    first.end(endings.answered, 90);
    expect(told).to.deep.equal([]);
    (acquire() as Lease).end(endings.timedOut, 230);
    (acquire() as Lease).end(endings.connectFailed, 31);
    expect(told).to.deep.equal(['timed_out 200', 'unknown 1']);
  });

  it('has its place back where no endpoint is available, and from attempts that leave it', () => {
    const { acquire, limiter, publish, told } = limitedRig();
    (acquire() as Lease).leaveLimiter();
    expect(limiter.inFlight).to.equal(0);
    publish([]);
    expect(acquire()).to.equal('none');
    expect(limiter.inFlight).to.equal(0);
    expect(told).to.deep.equal(['unknown 0', 'unknown 0']);
  });

  it('stays over a reload that does not change its settings', () => {
    const { cluster, limiter } = limitedRig();
    const other = new FakeLimiter();
    const reconfigure = (key: string | null) =>
      cluster.reconfigure(
        { ...cluster.settings, limiter: key === null ? null : { key, create: () => other } },
        null,
      );
    reconfigure('a');
    expect(cluster.limiter).to.equal(limiter);
    reconfigure('b');
    expect(cluster.limiter).to.equal(other);
    reconfigure(null);
    expect(cluster.limiter).to.equal(null);
  });

  it('goes on in a cluster that takes the place of another, where its settings are the same', () => {
    const [before, after] = [limitedRig(), limitedRig()];
    after.cluster.replaces(before.cluster);
    expect(after.cluster.limiter).to.equal(before.limiter);
    const other = clusterRig();
    other.cluster.replaces(before.cluster);
    expect(other.cluster.limiter).to.equal(null);
  });

  it('measures from when the client has sent its request', () => {
    const rig = callRig();
    const limiter = new FakeLimiter();
    rig.cluster.limiter = limiter;
    const client = rig.call(grpcHead(), false);
    rig.clock.advance(100);
    send(client, 'ab', true);
    rig.clock.advance(20);
    answer(rig.order[0]);
    expect(limiter.told).to.deep.equal(['answered 20']);
    expectOver(rig);
  });

  it('does not count connections, which have no reply to measure', () => {
    const rig = callRig({ protocol: 'tcp' });
    const limiter = new FakeLimiter();
    rig.cluster.limiter = limiter;
    const choice = new PassthroughCall('tcp', () => rig.context, { address: '127.0.0.9', port: 9 }).choose();
    expect('endpoint' in choice).to.equal(true);
    expect([limiter.inFlight, rig.cluster.active]).to.deep.equal([0, 1]);
  });

  it('fails a call as overloaded, and counts no stream whose reply has begun', () => {
    const rig = callRig();
    const limiter = new FakeLimiter();
    rig.cluster.limiter = limiter;
    rig.call(grpcHead());
    const refused = rig.call(grpcHead());
    expect(refused.heads[0].get('x-outrigger-error')).to.equal('overloaded');
    expect(refused.heads[0].get('grpc-status')).to.equal('14');
    rig.order[0].receiver!.head(replyHead(), false);
    expect([limiter.inFlight, rig.cluster.active]).to.deep.equal([0, 1]);
    rig.call(grpcHead());
    expect(rig.order).to.have.length(2);
    for (const stream of rig.order) answer(stream);
    expectOver(rig, 3);
  });
});
