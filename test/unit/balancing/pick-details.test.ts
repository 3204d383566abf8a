import { expect } from 'chai';
import { buildBalancer } from '../../../src/balancing/build.ts';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { LoadLog, loadChangesMax } from '../../../src/balancing/load-log.ts';
import type { PickReason } from '../../../src/balancing/pick-reason.ts';
import { defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { candidate } from './simulation.ts';

/** One pick among endpoints with these loads, as a cluster completes its reason. */
function pickAmong(loads: readonly number[], choices: number | 'auto' = 'auto') {
  const log = new LoadLog();
  const endpoints = loads.map((active, i) => ({
    ...candidate(`10.0.0.${i}:1`),
    active,
    slot: log.newSlot(),
  }));
  for (const endpoint of endpoints) log.join(endpoint);
  const balancer = buildBalancer<Candidate>(
    endpoints,
    { ...defaultBalancerSettings, choices },
    new SeededRandom(7),
  );
  const picked = balancer.pick(0, null, '') as (typeof endpoints)[number];
  const reason: PickReason = balancer.explain(picked, 0, '');
  const members = endpoints.map(({ slot, address, weight, zone, priority }) => {
    return { slot, address, weight, zone, priority, health: 'healthy', unusable: '' };
  });
  reason.census = { usable: loads.length, total: loads.length + 3, unusable: '', subset: '', members };
  reason.loads = log;
  reason.moment = log.now;
  const change = (times: number): void => {
    for (let i = 0; i < times; i++) {
      picked.active++;
      log.began(picked.slot);
    }
  };
  return { reason, picked, change };
}

const activeOf = (reason: PickReason) => reason.details()!.candidates.map(({ active }) => active);

describe('PickReason.details', () => {
  it('has the load of every endpoint as it was at the pick', () => {
    const { reason, change } = pickAmong([4, 0, 2]);
    change(1000);
    expect(activeOf(reason)).to.deep.equal([4, 0, 2]);
    expect(reason.details()).to.include({ candidatesLeftOut: 3, hasActive: true });
  });

  it('falls back on what the balancer compared, unless somebody has kept the loads', () => {
    const [lost, kept] = [pickAmong([4, 0, 2]), pickAmong([4, 0, 2])];
    kept.change(10);
    kept.reason.keep();
    for (const { change } of [lost, kept]) change(loadChangesMax + 1);
    expect(activeOf(lost.reason), 'the picked one, and the next best').to.deep.equal([null, 0, 2]);
    expect(lost.reason.details()!.hasActive).to.equal(false);
    expect(activeOf(kept.reason)).to.deep.equal([4, 0, 2]);
  });

  it('names what was drawn, in the order of the draws', () => {
    expect(pickAmong([1, 0, 2]).reason.details()!.draws, 'all were compared').to.deep.equal([]);
    for (const choices of [2, 3, 5]) {
      const { reason, picked } = pickAmong([3, 1, 2, 5, 4, 6, 7], choices);
      const { draws } = reason.details()!;
      expect(new Set(draws).size).to.equal(choices);
      expect(draws).to.include(picked.address);
    }
  });

  it('is unknown where no cluster asked', () => {
    const { reason } = pickAmong([1]);
    reason.census = null;
    expect(reason.details()).to.equal(null);
    reason.keep();
  });
});
