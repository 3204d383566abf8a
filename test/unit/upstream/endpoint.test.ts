import { expect } from 'chai';
import type { OutlierEndpoint } from '../../../src/health/outlier.ts';
import { Endpoint, type EndpointHealth } from '../../../src/upstream/endpoint.ts';
import { noPool } from '../../../src/upstream/no-pool.ts';

function endpoint(): Endpoint {
  const made = new Endpoint(
    { address: { kind: 'tcp', host: '::1', port: 50051 }, weight: 2, zone: 'a', priority: 1 },
    1000,
  );
  made.pool = noPool;
  return made;
}
const watch = (status: EndpointHealth['status'], reason: string) => ({
  state: { status, reason, sinceMs: 0, changes: 0 },
  answered: true,
  hint() {},
  stop() {},
});
const outlier = (state: OutlierEndpoint['state'], usable: boolean) =>
  ({ state, usable, ejectedBecause: '5 consecutive calls failed' }) as OutlierEndpoint;

describe('Endpoint', () => {
  it('is named by its address', () => {
    expect(endpoint()).to.include({ address: '[::1]:50051', weight: 2, zone: 'a', priority: 1 });
  });

  it('begins with nothing counted, and learned nothing before it was there', () => {
    expect(endpoint()).to.include({
      active: 0,
      success: 0,
      error: 0,
      other: 0,
      answers: 0,
      unclear: 0,
      phantomLoad: 0,
      latencyMs: 0,
      latencyAtMs: 1000,
      total: 0,
    });
  });

  it('counts as healthy where nobody watches it', () => {
    expect(endpoint().health).to.deep.equal({
      status: 'healthy',
      reason: 'no health check',
      sinceMs: 1000,
      changes: 0,
    });
    expect(endpoint().unusableBecause).to.equal('');
  });

  it('says why it may not get the next call; the most lasting reason first', () => {
    const one = endpoint();
    one.pool = { ...noPool, backingOff: 'no connection: refused' };
    expect(one.unusableBecause).to.equal('no connection: refused');
    one.outlier = outlier('trial', false);
    expect(one.unusableBecause).to.equal('probing after an ejection (half-open)');
    one.outlier = outlier('ejected', false);
    expect(one.unusableBecause).to.equal('ejected: 5 consecutive calls failed');
    one.watch = watch('unknown', '');
    expect(one.unusableBecause).to.equal('no health check has finished yet');
    one.watch = watch('unhealthy', 'NOT_SERVING');
    expect(one.unusableBecause).to.equal('unhealthy: NOT_SERVING');
    one.drainedByHand = true;
    expect(one.unusableBecause).to.equal('drained by hand');
    one.removed = true;
    expect(one.unusableBecause).to.equal('removed from discovery');
  });

  it('a healthy one on probation is usable', () => {
    const one = endpoint();
    one.watch = watch('healthy', 'SERVING');
    one.outlier = outlier('probation', true);
    expect(one.unusableBecause).to.equal('');
  });

  it('takes over everything that a reload must not forget, and no call in flight', () => {
    const before = endpoint();
    before.success = 7;
    before.error = 3;
    before.other = 2;
    before.answers = 8;
    before.latency.record(5, 1000);
    before.rate.add(1000);
    before.phantomLoad = 20;
    before.phantomAtMs = 900;
    before.drainedByHand = true;
    before.usableSinceMs = 800;
    before.latencyMs = 4;
    before.latencyAtMs = 950;
    before.active = 5;
    const after = endpoint();
    after.inherit(before);
    expect(after).to.include({
      success: 7,
      error: 3,
      other: 2,
      answers: 8,
      latency: before.latency,
      rate: before.rate,
      phantomLoad: 20,
      phantomAtMs: 900,
      drainedByHand: true,
      usableSinceMs: 800,
      latencyMs: 4,
      latencyAtMs: 950,
      active: 0,
      total: 12,
    });
    expect(after.unusableBecause).to.equal('drained by hand');
  });
});
