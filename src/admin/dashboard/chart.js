import { setAttribute } from './dom.js';

const svgNamespace = 'http://www.w3.org/2000/svg';
const width = 300;
const height = 80;
/** Room for the stroke at the very top and bottom. */
const inset = 2;

/**
 * A chart of the last minutes: newest at the right edge, a step per second, zero at the bottom. `series` are the classes of its
 * lines; with `stacked`, each is drawn as an area on top of the one before.
 */
export function createChart({ series, points, stacked = false }) {
  const node = svg('svg', {
    class: 'chart',
    viewBox: `0 0 ${width} ${height}`,
    preserveAspectRatio: 'none',
    role: 'img',
  });
  const paths = series.map((name) => svg('path', { class: `chart-${stacked ? 'area' : 'line'} ${name}` }));
  node.append(...paths);
  return {
    node,
    /** `lists` has the values of each series, oldest first, at most `points` of them; `about` says it in words. */
    update(lists, about) {
      const drawn = stacked ? stackedPaths(lists, points) : linePaths(lists, points);
      for (const [i, path] of paths.entries()) setAttribute(path, 'd', drawn[i] ?? '');
      setAttribute(node, 'aria-label', about);
    },
  };
}

/** The largest of these values, 0 where there is none. */
export function peakOf(values) {
  let peak = 0;
  for (const value of values) if (value !== null && value > peak) peak = value;
  return peak;
}

/** The path of each list of values, on one scale. A second without a figure (`null`) is a gap, not a zero. */
export function linePaths(lists, points) {
  const top = Math.max(...lists.map(peakOf)) || 1;
  return lists.map((values) => linePath(values, points, top));
}

function linePath(values, points, top) {
  const xOf = xScale(values, points);
  let path = '';
  let run = 0;
  for (const [i, value] of values.entries()) {
    if (value === null) {
      if (run === 1) path += 'h0.01';
      run = 0;
      continue;
    }
    path += `${run === 0 ? 'M' : 'L'}${xOf(i)} ${yOf(value, top)}`;
    run++;
  }
  return run === 1 ? `${path}h0.01` : path;
}

/** The area of each list of values, each on top of the one before. */
export function stackedPaths(lists, points) {
  const length = lists[0]?.length ?? 0;
  const sums = Array.from({ length }, (_, i) => lists.reduce((sum, values) => sum + values[i], 0));
  const top = peakOf(sums);
  if (top === 0) return lists.map(() => '');
  const base = Array(length).fill(0);
  return lists.map((values) => {
    if (peakOf(values) === 0) return '';
    const xOf = xScale(values, points);
    const lower = base.map((value, i) => `L${xOf(i)} ${yOf(value, top)}`);
    for (const [i, value] of values.entries()) base[i] += value;
    const upper = base.map((value, i) => `${i === 0 ? 'M' : 'L'}${xOf(i)} ${yOf(value, top)}`);
    return `${upper.join('')}${lower.reverse().join('')}Z`;
  });
}

function xScale(values, points) {
  const step = width / (points - 1);
  const start = points - values.length;
  return (i) => ((start + i) * step).toFixed(1);
}

function yOf(value, top) {
  return (height - inset - (value / top) * (height - 2 * inset)).toFixed(1);
}

function svg(tag, attributes) {
  const node = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
