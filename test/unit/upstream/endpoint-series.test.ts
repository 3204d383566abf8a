import { expect } from 'chai';
import { EndpointSeriesTable } from '../../../src/upstream/endpoint-series.ts';

describe('EndpointSeriesTable', () => {
  it('gives so many endpoints series of their own, and the others of a cluster one together', () => {
    const table = new EndpointSeriesTable(2);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((address) => table.acquire('greeter', address));
    const e = table.acquire('other', 'e');
    expect([a, b, c, d, e].map(({ isShared }) => isShared)).to.deep.equal([false, false, true, true, true]);
    expect(new Set([a, b, c]).size).to.equal(3);
    expect(d).to.equal(c);
    expect(e).not.to.equal(c);
  });

  it('has room again when an endpoint leaves, and forgets what it counted', () => {
    const table = new EndpointSeriesTable(1);
    const first = table.acquire('greeter', 'a');
    first.record('ok', 5);
    expect(table.acquire('greeter', 'b').isShared).to.equal(true);
    table.release('greeter', 'a', first);
    const next = table.acquire('greeter', 'c');
    expect(next.isShared).to.equal(false);
    expect(next.durations.count).to.equal(0);
    table.release('greeter', 'c', next);
    const again = table.acquire('greeter', 'a');
    expect([again.isShared, again.success]).to.deep.equal([false, 0]);
  });

  it('goes on counting where another cluster of the name takes over, and needs no second place', () => {
    const table = new EndpointSeriesTable(1);
    const before = table.acquire('greeter', 'a');
    before.record('error', 5);
    const after = table.acquire('greeter', 'a');
    expect(after).to.equal(before);
    table.release('greeter', 'a', before);
    expect(table.acquire('greeter', 'b').isShared, 'it is still held').to.equal(true);
    expect(after.error).to.equal(1);
  });

  it('forgets a shared series with its last endpoint', () => {
    const table = new EndpointSeriesTable(0);
    const [a, b] = [table.acquire('greeter', 'a'), table.acquire('greeter', 'b')];
    a.record('ok', 1);
    table.release('greeter', 'a', a);
    expect(table.acquire('greeter', 'c')).to.equal(b);
    table.release('greeter', 'b', b);
    table.release('greeter', 'c', b);
    expect(table.acquire('greeter', 'd').success).to.equal(0);
  });
});
