import { expect } from 'chai';

const module = new URL('../../../../src/admin/dashboard/timeline.js', import.meta.url).href;

describe('admin/dashboard/timeline', () => {
  it('says in words how long an endpoint was in which state', async () => {
    const { runsOf, timelineText } = await import(module);
    expect(runsOf('h40e3h17')).to.deep.equal([
      ['h', 40],
      ['e', 3],
      ['h', 17],
    ]);
    expect(timelineText(runsOf('h40e3h17'))).to.equal('Last 5 minutes: healthy 4 m 45 s, ejected 15 s');
    expect(timelineText(runsOf(''))).to.equal('Last 5 minutes: no data yet');
  });
});
