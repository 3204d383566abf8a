import { expect } from 'chai';
import { historyPointsMax, TotalsHistory } from '../../../src/admin/totals-history.ts';
import { VirtualClock } from '../../../src/core/clock.ts';

const point = {
  callsPerSecond: 0,
  errorsPerSecond: 0,
  clientErrorsPerSecond: 0,
  p50Ms: null,
  p90Ms: null,
  p99Ms: null,
  statuses: {},
};

describe('admin/totals-history', () => {
  it('keeps the last five minutes, oldest first', () => {
    const clock = new VirtualClock();
    let active = 0;
    const history = new TotalsHistory(clock, () => ({ ...point, active: ++active }));
    clock.advance(400_000);
    const list = history.list();
    expect(list).to.have.length(historyPointsMax);
    expect([list[0].active, list.at(-1)?.active]).to.deep.equal([101, 400]);
    history.close();
    expect(clock.pending).to.equal(0);
  });

  it('has the errors of each second by status, from counters that only grow', () => {
    const clock = new VirtualClock();
    const counters: Record<string, number>[] = [
      { UNAVAILABLE: 5 },
      { UNAVAILABLE: 7 },
      { UNAVAILABLE: 7, 'HTTP 404': 2 },
    ];
    const history = new TotalsHistory(clock, () => ({ ...point, active: 0, statuses: counters.shift()! }));
    clock.advance(3_000);
    expect(history.list().map(({ statuses }) => statuses)).to.deep.equal([
      {},
      { UNAVAILABLE: 2 },
      { 'HTTP 404': 2 },
    ]);
    history.close();
  });

  it('leaves out a second that cannot be read', () => {
    const clock = new VirtualClock();
    let reads = 0;
    const history = new TotalsHistory(clock, () => {
      if (++reads === 2) throw new Error('no');
      return { ...point, active: reads };
    });
    clock.advance(3_000);
    expect(history.list().map((p) => p.active)).to.deep.equal([1, 3]);
    history.close();
  });
});
