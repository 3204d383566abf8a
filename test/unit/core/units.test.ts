import { expect } from 'chai';
import fc from 'fast-check';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/core/units.ts';

describe('core/units', () => {
  describe('a duration', () => {
    const readings: [string, number][] = [
      ['250ms', 250],
      ['1.5s', 1500],
      ['2m', 120_000],
      ['1h', 3_600_000],
      ['0s', 0],
      ['0.5ms', 0.5],
      ['1.1s', 1100],
    ];
    for (const [text, ms] of readings) {
      it(`${text} is ${ms} ms`, () => expect(parseDuration(text)).to.deep.equal({ value: ms }));
    }

    it('without a unit is refused, with the two that may have been meant', () => {
      expect(parseDuration('10').error).to.equal('"10" has no unit; write 10s or 10ms');
    });

    for (const text of ['', 's', '-1s', '1 s', '1d', '1S', '1m30s', '1e3s', '.5s', 'soon', 'constructor']) {
      it(`is not ${JSON.stringify(text)}`, () =>
        expect(parseDuration(text).error).to.include('is not a duration'));
    }

    it('is written as people write it', () => {
      const texts = [0, 250, 1000, 1500, 90_000, 120_000, 3_600_000, 0.5].map(formatDuration);
      expect(texts).to.deep.equal(['0s', '250ms', '1s', '1.5s', '90s', '2m', '1h', '0.5ms']);
    });

    it('that was written is read back as the same', () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 100_000_000 }), (micros) => {
          const ms = micros / 1000;
          expect(parseDuration(formatDuration(ms)).value).to.equal(ms);
        }),
      );
    });
  });

  describe('a size', () => {
    const readings: [string, number][] = [
      ['0B', 0],
      ['512B', 512],
      ['64KiB', 65_536],
      ['1MiB', 1_048_576],
      ['1.5KiB', 1536],
      ['2GiB', 2_147_483_648],
    ];
    for (const [text, bytes] of readings) {
      it(`${text} is ${bytes} bytes`, () => expect(parseSize(text)).to.deep.equal({ value: bytes }));
    }

    it('in decimal or abbreviated units is refused, with the binary one', () => {
      expect(parseSize('1MB').error).to.equal('"1MB" is not a size; write 1MiB');
      expect(parseSize('64k').error).to.equal('"64k" is not a size; write 64KiB');
      expect(parseSize('4Gi').error).to.equal('"4Gi" is not a size; write 4GiB');
    });

    it('without a unit is refused', () => {
      expect(parseSize('64').error).to.equal('"64" has no unit; write 64B, 64KiB or 64MiB');
    });

    it('is whole', () => expect(parseSize('0.3B').error).to.equal('"0.3B" is not a whole number of bytes'));

    it('that was written is read back as the same', () => {
      fc.assert(
        fc.property(fc.nat(2 ** 40), (bytes) => {
          expect(parseSize(formatSize(bytes)).value).to.equal(bytes);
        }),
      );
    });
  });

  it('no text throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const result of [parseDuration(text), parseSize(text)]) {
          expect(result.value === undefined).to.equal(result.error !== undefined);
        }
      }),
    );
  });
});
