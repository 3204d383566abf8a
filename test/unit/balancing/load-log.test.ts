import { expect } from 'chai';
import fc from 'fast-check';
import { LoadLog, loadChangesMax } from '../../../src/balancing/load-log.ts';

function endpointsIn(log: LoadLog, count: number): Array<{ readonly slot: number; active: number }> {
  return Array.from({ length: count }, () => {
    const endpoint = { slot: log.newSlot(), active: 0 };
    log.join(endpoint);
    return endpoint;
  });
}

describe('LoadLog', () => {
  it('gives the loads of any moment that is within its reach', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 2000 }), (steps) => {
        const log = new LoadLog();
        const endpoints = endpointsIn(log, 3);
        const slots = endpoints.map(({ slot }) => slot);
        const seen: Array<{ moment: number; loads: number[] }> = [];
        for (const step of steps) {
          seen.push({ moment: log.now, loads: endpoints.map(({ active }) => active) });
          const endpoint = endpoints[step % 3];
          if (step >= 3 && endpoint.active > 0) {
            endpoint.active--;
            log.ended(endpoint.slot);
          } else {
            endpoint.active++;
            log.began(endpoint.slot);
          }
        }
        for (const { moment, loads } of seen) expect(log.activeAt(moment, slots)).to.deep.equal(loads);
      }),
      { numRuns: 50 },
    );
  });

  it('knows nothing of a moment that more changes have followed than it keeps, or than the caller allows', () => {
    const log = new LoadLog();
    const [endpoint] = endpointsIn(log, 1);
    const moment = log.now;
    const change = (): void => {
      endpoint.active++;
      log.began(endpoint.slot);
    };
    for (let i = 0; i < loadChangesMax; i++) change();
    expect(log.activeAt(moment, [0])).to.deep.equal([0]);
    expect(log.activeAt(moment, [0], 100)).to.equal(null);
    change();
    expect(log.activeAt(moment, [0])).to.equal(null);
    expect(log.activeAt(log.now, [0])).to.deep.equal([loadChangesMax + 1]);
  });

  it('forgets endpoints that have left, and gives no slot twice', () => {
    const log = new LoadLog();
    const [one, two] = endpointsIn(log, 2);
    log.leave(one);
    expect(log.activeAt(log.now, [one.slot, two.slot])).to.deep.equal([null, 0]);
    expect(endpointsIn(log, 1)[0].slot).to.equal(2);
  });
});
