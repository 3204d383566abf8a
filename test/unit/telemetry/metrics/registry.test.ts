import { expect } from 'chai';
import { prometheusText } from '../../../../src/telemetry/metrics/prometheus-text.ts';
import {
  createRegistry,
  HistogramData,
  labelCharsMax,
  scrapeCharsMax,
  seriesPerFamilyMax,
  type Value,
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

  it('bounds a scrape whatever the labels: series without room go into the one that says so', () => {
    const registry = createRegistry();
    const bounds = Array.from({ length: 20 }, (_, i) => i);
    const first = registry.histogram({ name: 'first', help: '', unit: '', bounds });
    const second = registry.histogram({ name: 'second', help: '', unit: '', bounds });
    const count = registry.counter({ name: 'third', help: '', unit: '' });
    const value = (i: number): string => `${i}`.padEnd(labelCharsMax, 'x');
    for (let i = 0; i < 4000; i++) first.bind({ method: value(i) }).data.record(1);
    for (let i = 0; i < 4000; i++) second.show({ method: value(i) }, first.series()[0].data);
    for (let i = 0; i < 4000; i++) count.bind({ method: value(i) }).add(1);
    expect(prometheusText(registry, undefined).body.length).to.be.within(1_000_000, scrapeCharsMax);
    expect(prometheusText(registry, 'application/openmetrics-text').body.length).to.be.below(scrapeCharsMax);
    const calls = first.series().reduce((sum, { data }) => sum + data.count, 0);
    expect(calls, 'none is lost').to.equal(4000);
    expect(first.series().at(-1)?.labels).to.deep.equal({ 'otel.metric.overflow': 'true' });
    const known = first.series().length;
    first.bind({ method: value(0) }).data.record(1);
    expect(first.series(), 'known series go on').to.have.length(known);
    expect(first.bind({ method: value(0) }).data.count).to.equal(2);
  });

  it('keeps the beginning of a label that is too long, and never shows a series twice', () => {
    const registry = createRegistry();
    const long = 'x'.repeat(labelCharsMax + 1);
    const family = registry.counter({ name: 'bound', help: '', unit: '' });
    for (const end of ['a', 'b']) family.bind({ name: long + end }).add(1);
    registry.observe('counter', { name: 'seen', help: '', unit: '' }, (emit) => {
      for (const end of ['a', 'b']) emit({ name: long + end }, 1);
    });
    const { body } = prometheusText(registry, undefined);
    const kept = `${'x'.repeat(labelCharsMax - 1)}…`;
    expect(body).to.include(`bound_total{name="${kept}"} 2\n`);
    expect(body).to.include(`seen_total{name="${kept}"} 2\n`);
    expect(body.match(/^seen_total/gm)).to.have.length(1);
  });

  it('sums up what an observed counter has beyond its limit, and leaves out the states of a gauge', () => {
    const registry = createRegistry();
    for (const kind of ['counter', 'gauge'] as const)
      registry.observe(kind, { name: kind, help: '', unit: '' }, (emit) => {
        for (let i = 0; i < seriesPerFamilyMax + 10; i++) emit({ x: String(i) }, 1);
      });
    const [counter, gauge] = registry.collect().map((family) => family.series() as readonly Value[]);
    expect(counter).to.have.lengthOf(seriesPerFamilyMax);
    expect(counter.at(-1)).to.deep.include({ labels: { 'otel.metric.overflow': 'true' }, value: 11 });
    expect(gauge).to.have.lengthOf(seriesPerFamilyMax - 1);
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
