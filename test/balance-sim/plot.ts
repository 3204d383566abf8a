/** A line plot. */
export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xs: readonly number[];
  readonly xScale: 'linear' | 'log';
  readonly yScale: 'linear' | 'log';
  readonly lines: ReadonlyArray<{ readonly name: string; readonly ys: readonly number[] }>;
}

const width = 760;
const panelHeight = 330;
const frame = { left: 64, right: 20, top: 40, bottom: 52 };
const legendLineHeight = 20;
const legendColumns = 3;

/**
 * Colours of Okabe and Ito, told apart with any kind of colour sight, darker on white and lighter on black; each line has a mark
 * of its own besides.
 */
const colours = [
  ['#6b6b6b', '#a8a8a8'],
  ['#b35c00', '#e69f00'],
  ['#8a4a77', '#cc79a7'],
  ['#005b96', '#56b4e9'],
  ['#00704f', '#2fc79a'],
  ['#111111', '#ffffff'],
  ['#5c5200', '#f0e442'],
] as const;
const marks = ['circle', 'square', 'triangle', 'diamond', 'cross', 'ring', 'bar'] as const;

/** Plots one below the other with the legend of the first on top, as an SVG that follows a light or dark page. */
export function svg(title: string, plots: readonly Plot[]): string {
  const names = plots[0].lines.map(({ name }) => name);
  const legendHeight = 44 + Math.ceil(names.length / legendColumns) * legendLineHeight;
  const height = legendHeight + plots.length * panelHeight;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${style()}</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="title" x="${frame.left}" y="26">${escaped(title)}</text>`,
    ...names.map(legendEntry),
    ...plots.map((plot, i) => panel(plot, legendHeight + i * panelHeight)),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

function style(): string {
  const palette = (dark: 0 | 1): string =>
    colours.map((pair, i) => `.c${i}{stroke:${pair[dark]};fill:${pair[dark]}}`).join('');
  return [
    'text{font:12px system-ui,sans-serif;fill:#222}.title{font-size:15px;font-weight:600}.page{fill:#fff}',
    '.grid{stroke:#ddd}.axis{stroke:#888;fill:none}.line{fill:none;stroke-width:2}.open{fill:none;stroke-width:2}',
    palette(0),
    '@media (prefers-color-scheme:dark){text{fill:#ddd}.page{fill:#161616}.grid{stroke:#333}.axis{stroke:#888}',
    palette(1),
    '}.line,.open{fill:none}',
  ].join('');
}

function legendEntry(name: string, i: number): string {
  const x = frame.left + (i % legendColumns) * 230;
  const y = 48 + Math.floor(i / legendColumns) * legendLineHeight;
  const line = `<path class="line c${i}" d="M${x} ${y}h28"/>${mark(i, x + 14, y)}`;
  return `${line}<text x="${x + 36}" y="${y + 4}">${escaped(name)}</text>`;
}

function panel(plot: Plot, top: number): string {
  const values = plot.lines.flatMap(({ ys }) => ys).filter(Number.isFinite);
  const x = axis(plot.xScale, Math.min(...plot.xs), Math.max(...plot.xs), frame.left, width - frame.right);
  const low = plot.yScale === 'log' ? Math.min(...values) : 0;
  const bottom = top + panelHeight - frame.bottom;
  const y = axis(plot.yScale, low, Math.max(...values) * 1.05, bottom, top + frame.top);
  const middle = (top + frame.top + bottom) / 2;
  return [
    `<text class="title" x="${frame.left}" y="${top + 24}">${escaped(plot.title)}</text>`,
    ...y.ticks.map(
      (value) =>
        `<path class="grid" d="M${frame.left} ${at(y, value)}H${width - frame.right}"/><text x="${frame.left - 8}" y="${at(y, value) + 4}" text-anchor="end">${value}</text>`,
    ),
    ...plot.xs.map(
      (value) =>
        `<path class="grid" d="M${at(x, value)} ${top + frame.top}V${bottom}"/><text x="${at(x, value)}" y="${bottom + 18}" text-anchor="middle">${value}</text>`,
    ),
    `<path class="axis" d="M${frame.left} ${top + frame.top}V${bottom}H${width - frame.right}"/>`,
    `<text x="${(frame.left + width - frame.right) / 2}" y="${bottom + 38}" text-anchor="middle">${escaped(plot.xLabel)}</text>`,
    `<text transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${escaped(plot.yLabel)}</text>`,
    ...plot.lines.map(({ ys }, i) => {
      const points = ys.map((value, p) => [at(x, plot.xs[p]), at(y, value)]);
      const path = `<path class="line c${i}" d="M${points.map((point) => point.join(' ')).join('L')}"/>`;
      return path + points.map(([px, py]) => mark(i, px, py)).join('');
    }),
  ].join('\n');
}

interface Axis {
  readonly ticks: readonly number[];
  place(value: number): number;
}

const at = (axis: Axis, value: number): number => Math.round(axis.place(value) * 10) / 10;

function axis(scale: 'linear' | 'log', low: number, high: number, from: number, to: number): Axis {
  const map = scale === 'log' ? Math.log : (value: number) => value;
  const span = map(high) - map(low);
  return {
    ticks: scale === 'log' ? logTicks(low, high) : linearTicks(low, high),
    place: (value) => from + ((map(value) - map(low)) / span) * (to - from),
  };
}

/** Round numbers, about six of them. */
export function linearTicks(low: number, high: number): number[] {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    ticks.push(Number((i * step).toPrecision(6)));
  return ticks;
}

/** 1, 2 and 5 of every power of ten. */
export function logTicks(low: number, high: number): number[] {
  const ticks = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10)
    for (const factor of [1, 2, 5]) {
      const tick = Number((factor * power).toPrecision(6));
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  return ticks;
}

function mark(i: number, x: number, y: number): string {
  const kind = marks[i % marks.length];
  const shape = {
    circle: `<circle cx="${x}" cy="${y}" r="3.5"`,
    square: `<rect x="${x - 3}" y="${y - 3}" width="6" height="6"`,
    triangle: `<path d="M${x} ${y - 5}l4.5 8h-9z"`,
    diamond: `<path d="M${x} ${y - 5}l5 5l-5 5l-5 -5z"`,
    cross: `<path d="M${x - 4} ${y - 4}l8 8m0 -8l-8 8"`,
    ring: `<circle cx="${x}" cy="${y}" r="4.5"`,
    bar: `<path d="M${x} ${y - 5}v10"`,
  }[kind];
  const open = kind === 'cross' || kind === 'ring' || kind === 'bar';
  return `${shape} class="c${i}${open ? ' open' : ''}"/>`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
