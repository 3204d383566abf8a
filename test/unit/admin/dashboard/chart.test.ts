import { expect } from 'chai';

const module = new URL('../../../../src/admin/dashboard/chart.js', import.meta.url).href;

describe('admin/dashboard/chart', () => {
  it('draws lines from a base of zero on one scale, the newest value at the right edge', async () => {
    const { linePaths } = await import(module);
    expect(
      linePaths(
        [
          [0, 5, 10],
          [5, 5, 5],
        ],
        61,
      ),
    ).to.deep.equal(['M290.0 78.0L295.0 40.0L300.0 2.0', 'M290.0 40.0L295.0 40.0L300.0 40.0']);
  });

  it('leaves a gap where there was no value, and shows a lone one', async () => {
    const { linePaths } = await import(module);
    expect(linePaths([[1, null, 1, 1]], 4)).to.deep.equal(['M0.0 2.0h0.01M200.0 2.0L300.0 2.0']);
    expect(linePaths([[1]], 4)).to.deep.equal(['M300.0 2.0h0.01']);
  });

  it('draws each area on top of the one before', async () => {
    const { stackedPaths } = await import(module);
    expect(
      stackedPaths(
        [
          [0, 2],
          [2, 2],
        ],
        2,
      ),
    ).to.deep.equal([
      'M0.0 78.0L300.0 40.0L300.0 78.0L0.0 78.0Z',
      'M0.0 40.0L300.0 2.0L300.0 40.0L0.0 78.0Z',
    ]);
  });

  it('draws nothing of nothing, nulls and zeros', async () => {
    const { linePaths, stackedPaths } = await import(module);
    expect(linePaths([[], [null]], 60)).to.deep.equal(['', '']);
    expect(linePaths([[0, 0]], 2)).to.deep.equal(['M0.0 78.0L300.0 78.0']);
    expect(stackedPaths([[0, 0], []], 2)).to.deep.equal(['', '']);
  });
});
