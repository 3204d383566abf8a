import { expect } from 'chai';
import { type Ending, endings } from '../../../src/core/ending.ts';
import { type EndpointSeries, EndpointSeriesTable } from '../../../src/upstream/endpoint-series.ts';
import { MethodRef, methodsPerClusterMax } from '../../../src/upstream/method-slots.ts';

describe('EndpointSeriesTable', () => {
  it('gives a limited number of endpoints series of their own, and the others of a cluster one together', () => {
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

  describe('methods', () => {
    const done = (series: EndpointSeries, path: string, ending: Ending = endings.answered) => {
      series.recordMethod(new MethodRef(path), ending);
    };
    /** What is shown of a series. */
    const shown = ({ methods, methodSlots: { names } }: EndpointSeries) =>
      Object.fromEntries(
        [...(methods ?? [])]
          .map((count, slot) => [names[slot] ?? 'other', count])
          .filter(([, count]) => count !== 0),
      );

    it('are counted at each endpoint, the first ones of a cluster by name', () => {
      const table = new EndpointSeriesTable();
      table.join('greeter');
      const [a, b] = [table.acquire('greeter', 'a'), table.acquire('greeter', 'b')];
      for (let i = 0; i < methodsPerClusterMax + 3; i++) done(a, `/a.B/M${i}`);
      done(b, '/a.B/M1');
      done(b, '/a.B/M99');
      expect(Object.keys(shown(a))).to.have.length(methodsPerClusterMax + 1);
      expect(shown(a)).to.include({ 'a.B/M0': 1, other: 3 });
      expect(shown(b)).to.deep.equal({ 'a.B/M1': 1, other: 1 });
    });

    it('earn their name by an attempt that is not answered with UNIMPLEMENTED', () => {
      const table = new EndpointSeriesTable();
      table.join('greeter');
      const series = table.acquire('greeter', 'a');
      done(series, '/random/1', endings.unsupported);
      done(series, '/random/2', endings.cancelled);
      done(series, `/a.B/${'x'.repeat(300)}`);
      done(series, '/a.B/C');
      done(series, '/a.B/C', endings.unsupported);
      expect(shown(series)).to.deep.equal({ other: 3, 'a.B/C': 2 });
    });

    it('have room in all, which an endpoint that leaves gives back', () => {
      const table = new EndpointSeriesTable(10, 2);
      table.join('greeter');
      const [a, b] = [table.acquire('greeter', 'a'), table.acquire('greeter', 'b')];
      done(a, '/a.B/C');
      done(a, '/a.B/D');
      done(b, '/a.B/C');
      expect(shown(b)).to.deep.equal({ other: 1 });
      table.release('greeter', 'a', a);
      // What was in flight there takes nothing any more.
      done(a, '/a.B/E');
      for (const method of ['C', 'D', 'F']) done(b, `/a.B/${method}`);
      expect(shown(b)).to.deep.equal({ 'a.B/C': 1, 'a.B/D': 1, other: 2 });
    });

    it('keep their places while a cluster of the name is there, and lose them with it', () => {
      const table = new EndpointSeriesTable();
      table.join('greeter');
      const before = table.acquire('greeter', 'a');
      done(before, '/a.B/C');
      table.join('greeter');
      const after = table.acquire('greeter', 'a');
      table.release('greeter', 'a', before);
      table.leave('greeter');
      done(after, '/a.B/C');
      expect(shown(after)).to.deep.equal({ 'a.B/C': 2 });
      table.release('greeter', 'a', after);
      table.leave('greeter');
      table.join('greeter');
      expect(table.acquire('greeter', 'a').methodSlots.names).to.deep.equal([]);
    });
  });
});
