import { expect } from 'chai';
import { bytesText, durationText, percentText, rateText, spanText } from '../../../src/admin/quantities.ts';

const pageFormat = new URL('../../../src/admin/dashboard/format.js', import.meta.url).href;

describe('admin/quantities', () => {
  it('says durations with the digits that matter', () => {
    const said = [0, 0.416, 9.999, 12.34, 99.96, 340.4, 999.7, 1_240, 125_000].map(durationText);
    expect(said).to.deep.equal([
      '0.00 ms',
      '0.42 ms',
      '10.0 ms',
      '12.3 ms',
      '100 ms',
      '340 ms',
      '1.00 s',
      '1.24 s',
      '2 m 5 s',
    ]);
    expect([null, Number.NaN, Number.POSITIVE_INFINITY].map(durationText)).to.deep.equal(['-', '-', '-']);
  });

  it('says long spans in two units', () => {
    expect([-5, 45_900, 125_000, 12_000_000, 1_051_200_000].map(spanText)).to.deep.equal([
      '0 s',
      '45 s',
      '2 m 5 s',
      '3 h 20 m',
      '12 d 4 h',
    ]);
  });

  it('says rates, parts and bytes', () => {
    expect([0, -1, Number.NaN, 0.52, 12.34, 99.96, 1234.5].map(rateText)).to.deep.equal([
      '0',
      '0',
      '0',
      '0.5',
      '12.3',
      '100',
      '1235',
    ]);
    expect([null, 0, 0.0001, 0.4977, 1].map(percentText)).to.deep.equal([
      '-',
      '0.0%',
      '<0.1%',
      '49.8%',
      '100.0%',
    ]);
    expect([0, 1023, 1536, 94_580_000, 3e12].map(bytesText)).to.deep.equal([
      '0 B',
      '1023 B',
      '1.5 KiB',
      '90.2 MiB',
      '2.7 TiB',
    ]);
  });

  it('speaks as the page does', async () => {
    const page = await import(pageFormat);
    for (const ms of [null, 0, 0.416, 9.999, 55, 99.95, 340, 999.5, 1_240, 59_994, 125_000, 2e9])
      expect(page.duration(ms), String(ms)).to.equal(durationText(ms));
    for (const ms of [0, 1e4, 1e5, 1e7, 1e9]) expect(page.span(ms)).to.equal(spanText(ms));
    for (const part of [null, 0, 0.0004, 0.5, 1]) expect(page.percent(part)).to.equal(percentText(part));
    for (const rate of [0, 0.5, 42.1, 999]) expect(page.rate(rate)).to.equal(rateText(rate));
  });
});
