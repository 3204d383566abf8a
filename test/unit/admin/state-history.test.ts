import { expect } from 'chai';
import type { EndpointState, StateLetter } from '../../../src/admin/deps.ts';
import {
  StateHistory,
  stateEndpointsMax,
  stateIntervalMs,
  statePointsMax,
} from '../../../src/admin/state-history.ts';
import { VirtualClock } from '../../../src/core/clock.ts';

describe('admin/state-history', () => {
  const of = (address: string, state: StateLetter): EndpointState => ({ cluster: 'c', address, state });

  it('remembers the states of the last minutes of each endpoint, as letters with counts', () => {
    const clock = new VirtualClock();
    let states = [of('a', 'h'), of('b', 'h')];
    const history = new StateHistory(clock, () => states);
    clock.advance(2 * stateIntervalMs);
    states = [of('a', 'e'), of('b', 'h')];
    clock.advance(2 * stateIntervalMs);
    states = [of('a', 'h'), of('b', 'h')];
    clock.advance(stateIntervalMs);
    expect([history.timeline('c', 'a'), history.timeline('c', 'b')]).to.deep.equal(['h3e2h1', 'h6']);
    expect([history.timeline('c', 'z'), history.timeline('d', 'a')]).to.deep.equal(['', '']);
    clock.advance(statePointsMax * stateIntervalMs);
    expect(history.timeline('c', 'a')).to.equal(`h${statePointsMax}`);
    history.close();
    expect(clock.pending).to.equal(0);
  });

  it('forgets endpoints that are gone, and remembers a limited number', () => {
    const clock = new VirtualClock();
    let states = [of('a', 'h')];
    const history = new StateHistory(clock, () => states);
    clock.advance(stateIntervalMs);
    states = Array.from({ length: stateEndpointsMax + 10 }, (_, i) => of(`b${i}`, 'h'));
    clock.advance(stateIntervalMs);
    expect(history.timeline('c', 'a')).to.equal('');
    clock.advance(stateIntervalMs);
    const known = states.filter(({ address }) => history.timeline('c', address) !== '');
    expect(known).to.have.length(stateEndpointsMax);
    history.close();
  });

  it('leaves out a reading that fails', () => {
    const clock = new VirtualClock();
    let reads = 0;
    const history = new StateHistory(clock, () => {
      if (++reads === 2) throw new Error('no');
      return [of('a', 'h')];
    });
    clock.advance(2 * stateIntervalMs);
    expect(history.timeline('c', 'a')).to.equal('h2');
    history.close();
  });
});
