import { expect } from 'chai';
import { VirtualClock } from '../../../../src/core/clock.ts';
import { createRegistry } from '../../../../src/telemetry/metrics/registry.ts';
import { ScrapeMemo } from '../../../../src/telemetry/metrics/scrape-memo.ts';

const openMetrics = 'application/openmetrics-text; version=1.0.0';

function setUp(series: number) {
  const clock = new VirtualClock();
  const registry = createRegistry();
  const family = registry.counter({ name: 'calls', help: '', unit: '' });
  for (let i = 0; i < series; i++) family.bind({ method: `${i}`.padEnd(400, 'x') });
  const first = family.series()[0];
  const memo = new ScrapeMemo(registry, clock);
  const value = (accept?: string): number => {
    const line = /^calls_total\{.*\} (\d+)$/m.exec(memo.text(accept).body);
    return Number(line?.[1]);
  };
  return { clock, first, value };
}

describe('telemetry/metrics/scrape-memo', () => {
  it('makes a text that is not large for each scrape', () => {
    const { first, value } = setUp(1000);
    for (let i = 0; i < 3; i++) {
      expect(value()).to.equal(i);
      first.add(1);
    }
  });

  it('makes a large one once in a time that follows its length, for each format, and again after it', () => {
    const { clock, first, value } = setUp(4900);
    expect(value()).to.equal(0);
    first.add(1);
    expect(value()).to.equal(0);
    expect(value(openMetrics), 'another text').to.equal(1);
    clock.advance(99);
    expect(value()).to.equal(0);
    clock.advance(1);
    expect(value()).to.equal(1);
    first.add(1);
    expect(value()).to.equal(1);
    clock.advance(100);
    expect([value(), value(openMetrics)]).to.deep.equal([2, 2]);
  });
});
