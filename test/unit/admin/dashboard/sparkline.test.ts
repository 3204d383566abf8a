import { expect } from 'chai';

const module = new URL('../../../../src/admin/dashboard/sparkline.js', import.meta.url).href;

describe('admin/dashboard/sparkline', () => {
  it('draws from a base of zero, the newest value at the right edge', async () => {
    const { sparkPaths } = await import(module);
    const { line, area } = sparkPaths([0, 5, 10], 61);
    expect(line).to.equal('M116.0 34.5L118.0 18.0L120.0 1.5');
    expect(area).to.equal('M116.0 36L116.0 34.5L118.0 18.0L120.0 1.5L120.0 36Z');
  });

  it('leaves a gap where there was no value, and shows a lone one', async () => {
    const { sparkPaths } = await import(module);
    expect(sparkPaths([1, null, 1, 1], 4).line).to.equal('M0.0 1.5h0.01M80.0 1.5L120.0 1.5');
  });

  it('stands nothing, nulls and zeros', async () => {
    const { sparkPaths } = await import(module);
    expect(sparkPaths([], 60)).to.deep.equal({ line: '', area: '' });
    expect(sparkPaths([null], 60)).to.deep.equal({ line: '', area: '' });
    expect(sparkPaths([0, 0], 2).line).to.equal('M0.0 34.5L120.0 34.5');
  });
});
