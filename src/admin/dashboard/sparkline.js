import { setAttribute } from './dom.js';

const svgNamespace = 'http://www.w3.org/2000/svg';
const width = 120;
const height = 36;
/** Room for the stroke at the very top and bottom. */
const inset = 1.5;

/**
 * The course of one figure: newest at the right edge, a step per second, zero at the bottom. A second without a
 * figure (`null`) is a gap, not a zero. `update(values, about)` takes at most `points` values, oldest first.
 */
export function createSparkline(points) {
  const node = svg('svg', {
    class: 'spark',
    viewBox: `0 0 ${width} ${height}`,
    preserveAspectRatio: 'none',
    role: 'img',
  });
  const area = svg('path', { class: 'spark-area' });
  const line = svg('path', { class: 'spark-line' });
  node.append(area, line);
  return {
    node,
    update(values, about) {
      const drawn = sparkPaths(values, points);
      setAttribute(area, 'd', drawn.area);
      setAttribute(line, 'd', drawn.line);
      setAttribute(node, 'aria-label', about);
    },
  };
}

/** The two path texts: the line, and the line closed down to the base. Pure, for the test. */
export function sparkPaths(values, points) {
  const top = Math.max(...values.filter((v) => v !== null), Number.MIN_VALUE);
  const step = width / (points - 1);
  const start = points - values.length;
  let line = '';
  let area = '';
  let run = [];
  const finish = () => {
    if (run.length === 0) return;
    const text = run.map(([x, y]) => `${x} ${y}`).join('L');
    const [first, last] = [run[0][0], run[run.length - 1][0]];
    line += run.length === 1 ? `M${text}h0.01` : `M${text}`;
    area += `M${first} ${height}L${text}L${last} ${height}Z`;
    run = [];
  };
  for (const [i, value] of values.entries()) {
    if (value === null) {
      finish();
      continue;
    }
    const x = ((start + i) * step).toFixed(1);
    const y = (height - inset - (value / top) * (height - 2 * inset)).toFixed(1);
    run.push([x, y]);
  }
  finish();
  return { line, area };
}

function svg(tag, attributes) {
  const node = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
