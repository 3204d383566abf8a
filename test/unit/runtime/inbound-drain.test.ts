import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { InboundDrain } from '../../../src/runtime/inbound-drain.ts';

/** A drain of one inbound listener in virtual time, with what the listener is told. */
function setUp() {
  const clock = new VirtualClock();
  const steps: string[] = [];
  const note = (step: string) => void steps.push(`${Math.round(clock.now())} ${step}`);
  const drain = new InboundDrain({
    clock,
    logger: silentLogger,
    listeners: () => [
      { announceShutdown: (delayMs) => note(`announce ${delayMs}`), resume: () => note('resume') },
    ],
    settings: () => ({ delayMs: 5000, goawayDelayMs: 1000 }),
  });
  return { clock, steps, drain };
}

describe('a drain of the inbound listeners', () => {
  it('asks the clients to go elsewhere, and once more those that connected during drain.delay', () => {
    const { clock, steps, drain } = setUp();
    drain.begin();
    expect(drain.phase).to.equal('announcing');
    clock.advance(5500);
    expect(drain.phase).to.equal('announcing');
    clock.advance(500);
    expect(drain.phase).to.equal('announced');
    expect(steps).to.deep.equal(['0 announce 1000', '5000 announce 1000']);
  });

  it('begins once, however often it is asked for', () => {
    const { clock, steps, drain } = setUp();
    drain.begin();
    clock.advance(1000);
    drain.begin();
    clock.advance(60_000);
    drain.begin();
    expect(steps).to.have.length(2);
  });

  it('can be cancelled at any time, and begun again', () => {
    const { clock, steps, drain } = setUp();
    expect(drain.cancel()).to.equal('not_draining');
    drain.begin();
    clock.advance(1000);
    expect(drain.cancel()).to.equal('undrained');
    expect(drain.phase).to.equal(null);
    clock.advance(60_000);
    expect(steps).to.deep.equal(['0 announce 1000', '1000 resume']);
    drain.begin();
    clock.advance(6000);
    expect(drain.phase).to.equal('announced');
    expect(drain.cancel()).to.equal('undrained');
  });

  it('tells the listeners nothing more once the whole sidecar closes', () => {
    const { clock, steps, drain } = setUp();
    drain.begin();
    drain.end();
    clock.advance(60_000);
    expect([steps, drain.phase]).to.deep.equal([['0 announce 1000'], null]);
  });
});
