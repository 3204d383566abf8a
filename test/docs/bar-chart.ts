/** Groups of horizontal bars, one group for each policy. */
export interface BarChart {
  readonly title: string;
  /** What a bar shows, with its unit. */
  readonly unit: string;
  readonly scale: 'linear' | 'log';
  /** Of the bars of a group. */
  readonly series: readonly string[];
  readonly groups: ReadonlyArray<{ readonly name: string; readonly values: readonly number[] }>;
}

const width = 760;
const left = 210;
const right = 70;
const top = 66;
const legendLeft = 160;
const legendStep = 195;
const barHeight = 12;
const groupGap = 10;

/** Colours of Okabe and Ito, for a light and a dark page. */
const colours = [
  ['#56b4e9', '#9ad1f2'],
  ['#0072b2', '#3d9bd6'],
  ['#d55e00', '#f08a3c'],
] as const;

/** Draws the chart as SVG. It follows a light or dark page and writes each value beside its bar. */
export function barChart({ title, unit, scale, series, groups }: BarChart): string {
  const groupHeight = series.length * barHeight + groupGap;
  const height = top + groups.length * groupHeight + 8;
  const values = groups.flatMap((group) => group.values);
  const length = barLength(scale, Math.min(...values), Math.max(...values));
  const label = `${title}: ${groups.map(({ name, values }) => `${name} ${values.join(', ')}`).join('; ')}`;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(label)}">`,
    `<style>${style()}</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="title" x="16" y="26">${escaped(title)}</text>`,
    `<text x="16" y="50">${escaped(unit)}</text>`,
    ...series.map(
      (name, i) =>
        `<rect class="s${i}" x="${legendLeft + i * legendStep}" y="40" width="14" height="12"/><text x="${legendLeft + i * legendStep + 20}" y="50">${escaped(name)}</text>`,
    ),
    ...groups.flatMap((group, g) => bars(group, top + g * groupHeight, length)),
    '</svg>',
  ].join('\n')}\n`;
}

function bars(group: BarChart['groups'][number], y: number, length: (value: number) => number): string[] {
  const middle = y + (group.values.length * barHeight) / 2 + 4;
  return [
    `<text x="${left - 10}" y="${middle}" text-anchor="end">${escaped(group.name)}</text>`,
    ...group.values.map((value, i) => {
      const barY = y + i * barHeight;
      const long = Math.round(length(value) * 10) / 10;
      return `<rect class="s${i}" x="${left}" y="${barY}" width="${long}" height="${barHeight - 2}"/><text class="value" x="${left + long + 6}" y="${barY + 9}">${value}</text>`;
    }),
  ];
}

/** A bar of a logarithmic scale begins at half of the lowest value, so that it has a length. */
function barLength(scale: 'linear' | 'log', low: number, high: number): (value: number) => number {
  const room = width - left - right;
  if (scale === 'linear') return (value) => Math.max(1, (value / high) * room);
  const from = Math.log(low / 2);
  return (value) => ((Math.log(value) - from) / (Math.log(high) - from)) * room;
}

function style(): string {
  const palette = (dark: 0 | 1): string => colours.map((pair, i) => `.s${i}{fill:${pair[dark]}}`).join('');
  return [
    'text{font:13px system-ui,sans-serif;fill:#222}.title{font-size:15px;font-weight:600}.value{font-size:11px}.page{fill:#fff}',
    palette(0),
    '@media (prefers-color-scheme:dark){text{fill:#ddd}.page{fill:#161616}',
    palette(1),
    '}',
  ].join('');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
