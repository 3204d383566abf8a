import { expect } from 'chai';
import {
  createRegistry,
  HistogramData,
  seriesPerFamilyMax,
} from '../../../../src/telemetry/metrics/registry.ts';

describe('telemetry/metrics/registry', () => {
  it('binds equal labels to one series', () => {
    const family = createRegistry().counter({ name: 'a.b', help: '', unit: '' });
    family.bind({ x: '1' }).add(2);
    family.bind({ x: '1' }).add(3);
    expect(family.series().map(({ labels, value }) => [labels, value])).to.deep.equal([[{ x: '1' }, 5]]);
  });

  it('refuses a name that is taken: that is a bug', () => {
    const registry = createRegistry();
    registry.gauge({ name: 'a.b', help: '', unit: '' });
    expect(() => registry.gauge({ name: 'a_b', help: '', unit: '' })).to.throw(/declared twice/);
  });

  it('counts a value into the first bucket whose bound it does not exceed', () => {
    const histogram = new HistogramData([1, 2, 5]);
    for (const value of [0, 1, 1.5, 5, 6]) histogram.record(value);
    expect([...histogram.counts]).to.deep.equal([2, 1, 1, 1]);
    expect([histogram.count, histogram.sum]).to.deep.equal([5, 13.5]);
  });

  it('puts series beyond its limit into one that says so', () => {
    const family = createRegistry().counter({ name: 'a', help: '', unit: '' });
    for (let i = 0; i < seriesPerFamilyMax + 10; i++) family.bind({ x: String(i) }).add(1);
    const series = family.series();
    expect(series).to.have.lengthOf(seriesPerFamilyMax);
    expect(series.at(-1)).to.deep.include({ labels: { 'otel.metric.overflow': 'true' }, value: 11 });
  });

  it('asks an observed family at each reading, and takes a throw for no values', () => {
    const registry = createRegistry();
    let value = 0;
    registry.observe('gauge', { name: 'seen', help: '', unit: '' }, (emit) => emit({}, ++value));
    registry.observe('gauge', { name: 'broken', help: '', unit: '' }, () => {
      throw new Error('no');
    });
    registry.beforeCollect(() => {
      throw new Error('no');
    });
    const read = (): number[][] =>
      registry.collect().map((family) => family.series().map((s) => (s as { value: number }).value));
    expect(read()).to.deep.equal([[1], []]);
    expect(read()).to.deep.equal([[2], []]);
  });

  it('shows the same data under a second name', () => {
    const registry = createRegistry();
    const first = registry.histogram({ name: 'first', help: '', unit: 's', bounds: [1] });
    const second = registry.histogram({ name: 'second', help: '', unit: 's', bounds: [1] });
    const { data } = first.bind({ a: '1' });
    second.show({ b: '2' }, data);
    data.record(0.5);
    expect(second.series()[0].data.count).to.equal(1);
  });
});
