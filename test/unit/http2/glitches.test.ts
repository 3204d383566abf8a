import { expect } from 'chai';
import { GlitchCounter } from '../../../src/http2/glitches.ts';

const counterOf = (glitchesMax: number, glitchesLeakPerSecond: number): GlitchCounter =>
  new GlitchCounter({ glitchesMax, glitchesLeakPerSecond, controlFramesMax: 20, earlyResetsMax: 50 });

describe('http2/glitches', () => {
  it('are fine, then soft at three quarters, then hard at the limit', () => {
    const counter = counterOf(100, 0);
    expect(counter.add(74, 0)).to.equal('fine');
    expect(counter.add(1, 0)).to.equal('soft');
    expect(counter.add(24, 0)).to.equal('soft');
    expect(counter.add(1, 0)).to.equal('hard');
  });

  it('are forgiven with time, but not below zero', () => {
    const counter = counterOf(100, 10);
    counter.add(70, 1000);
    // Ten a second: after four seconds 30 are left, after an hour none, and no credit is saved up.
    expect(counter.add(44, 5000)).to.equal('fine');
    expect(counter.add(74, 3_605_000)).to.equal('fine');
    expect(counter.add(26, 3_605_000)).to.equal('hard');
  });

  it('are forgiven at the rate that is set, and no faster', () => {
    for (const [points, verdict] of [
      [149_950, 'fine'],
      [150_000, 'soft'],
    ] as const) {
      const counter = counterOf(1_000_000, 1000);
      counter.add(700_000, 0);
      expect(counter.add(points, 100_000)).to.equal(verdict);
    }
  });

  it('at less than the rate that is forgiven never add up', () => {
    const counter = counterOf(100, 10);
    for (let second = 0; second < 100_000; second++) expect(counter.add(9, second * 1000)).to.equal('fine');
  });

  describe('control frames', () => {
    it('without messages are points once the first few are used up', () => {
      const counter = counterOf(100, 0);
      for (let i = 0; i < 20 + 74; i++) expect(counter.control(0, 0)).to.equal('fine');
      for (let i = 0; i < 25; i++) expect(counter.control(0, 0)).to.equal('soft');
      expect(counter.control(0, 0)).to.equal('hard');
    });

    it('along with messages are free: ten for each frame of one', () => {
      const counter = counterOf(100, 0);
      for (let frame = 0; frame < 100_000; frame++)
        expect(counter.control(Math.floor(frame / 10), 0)).to.equal('fine');
    });

    it('are points again after ten for a frame of a message', () => {
      const counter = counterOf(1, 0);
      for (let i = 0; i < 20; i++) counter.control(0, 0);
      for (let i = 0; i < 10; i++) expect(counter.control(1, 0)).to.equal('fine');
      expect(counter.control(1, 0)).to.equal('hard');
    });

    it('that were points already are not points once more when messages come', () => {
      const counter = counterOf(100, 0);
      for (let i = 0; i < 20 + 74; i++) counter.control(0, 0);
      for (let i = 0; i < 10; i++) expect(counter.control(1, 0)).to.equal('fine');
      expect(counter.control(1, 0)).to.equal('soft');
    });

    it('cannot be saved up by many messages', () => {
      const counter = counterOf(100, 0);
      for (let i = 0; i < 20 + 99; i++) expect(counter.control(1_000_000, 0)).not.to.equal('hard');
      expect(counter.control(1_000_000, 0)).to.equal('hard');
    });
  });

  describe('early resets', () => {
    it('are an attack when they are all there is', () => {
      const counter = counterOf(100, 0);
      let resets = 0;
      for (let attack = false; !attack; resets++) {
        attack = counter.earlyReset(0);
        counter.streamEnded();
      }
      expect(resets).to.equal(50);
    });

    it('are none while at least half of the streams end otherwise, however fast', () => {
      const counter = counterOf(100, 0);
      for (let i = 0; i < 100_000; i++) {
        expect(counter.earlyReset(0)).to.equal(false);
        counter.streamEnded();
        counter.streamEnded();
      }
    });

    it('are an attack when two of three are, and good streams before that are no credit', () => {
      const counter = counterOf(100, 0);
      for (let i = 0; i < 100_000; i++) counter.streamEnded();
      let streams = 0;
      for (let attack = false; !attack; ) {
        streams++;
        if (streams % 3 !== 0) attack = counter.earlyReset(0);
        counter.streamEnded();
      }
      expect(streams).to.be.within(140, 150);
    });

    it('are forgiven by time at a hundred points a second, since the last one', () => {
      const counter = new GlitchCounter({
        glitchesMax: 1,
        glitchesLeakPerSecond: 0,
        controlFramesMax: 0,
        earlyResetsMax: 1000,
      });
      for (let i = 0; i < 500; i++) expect(counter.earlyReset(10_000)).to.equal(false);
      for (let i = 0; i < 250; i++) expect(counter.earlyReset(15_000)).to.equal(false);
      expect(counter.earlyReset(15_000)).to.equal(true);
    });

    it('of a burst are forgiven within an hour, and no more than those', () => {
      const counter = counterOf(100, 0);
      for (let i = 0; i < 25; i++) counter.earlyReset(0);
      expect(counter.earlyReset(0)).to.equal(true);
      for (let i = 0; i < 25; i++) expect(counter.earlyReset(3_600_000)).to.equal(false);
      expect(counter.earlyReset(3_600_000)).to.equal(true);
    });

    it('at a hundred a second are none', () => {
      const counter = counterOf(100, 0);
      for (let i = 0; i < 100_000; i++) {
        expect(counter.earlyReset(i * 10)).to.equal(false);
        counter.streamEnded();
      }
    });
  });
});
