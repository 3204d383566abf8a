import { expect } from 'chai';
import { linearTicks, logTicks, type Plot, svg } from './plot.ts';

const plot: Plot = {
  title: 'p99 <by> load',
  xLabel: 'load, share of capacity',
  yLabel: 'p99, ms',
  xs: [0.5, 0.9],
  xScale: 'linear',
  yScale: 'log',
  lines: [
    { name: 'random & more', ys: [5, 50] },
    { name: 'JSQ', ys: [4, 8] },
  ],
};

describe('the plot', () => {
  it('names its axes with their units and every line in a legend, and says it in a dark page too', () => {
    const text = svg('Which replica', [plot]);
    for (const part of [
      'p99, ms',
      'load, share of capacity',
      'random &amp; more',
      'JSQ',
      'p99 &lt;by&gt; load',
    ])
      expect(text).to.contain(`>${part}</text>`);
    expect(text).to.contain('prefers-color-scheme:dark');
  });

  it('draws a point for each value, within its frame', () => {
    const text = svg('Which replica', [plot]);
    const lines = [...text.matchAll(/class="line c\d" d="M([\d. L-]+)"/g)].map(([, points]) =>
      points.split('L').map((point) => point.split(' ').map(Number)),
    );
    expect(lines.map(({ length }) => length)).to.deep.equal([2, 2]);
    for (const [x, y] of lines.flat()) {
      expect(x).to.be.within(0, 760);
      expect(y).to.be.within(0, 400);
    }
    // Higher values are further up.
    expect(lines[0][1][1]).to.be.below(lines[1][1][1]);
  });

  it('has round numbers at its axes', () => {
    expect(linearTicks(0.3, 0.95)).to.deep.equal([0.4, 0.6, 0.8]);
    expect(linearTicks(0, 52)).to.deep.equal([0, 10, 20, 30, 40, 50]);
    expect(logTicks(9.4, 600)).to.deep.equal([10, 20, 50, 100, 200, 500]);
  });
});
