import { expect } from 'chai';
import { SeededRandom } from '../../../src/core/random.ts';
import { isoTime } from '../../../src/telemetry/iso-time.ts';

describe('telemetry/iso-time', () => {
  it('agrees with the language over four centuries', () => {
    const seed = 9;
    const random = new SeededRandom(seed);
    for (let i = 0; i < 5000; i++) {
      const ms = Math.floor(random.next() * 400 * 365.25 * 86_400_000) - 5e12;
      expect(isoTime(ms), `seed ${seed}`).to.equal(new Date(ms).toISOString());
    }
  });

  it('knows leap days, the turn of a year, and cuts fractions', () => {
    for (const text of [
      '2000-02-29T23:59:59.999Z',
      '2100-02-28T00:00:00.000Z',
      '1999-12-31T23:59:59.000Z',
      '2024-03-01T00:00:00.001Z',
    ])
      expect(isoTime(Date.parse(text) + 0.4)).to.equal(text);
  });
});
