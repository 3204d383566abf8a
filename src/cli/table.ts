import { type Column, printable } from '../admin/text-table.ts';
import { type Style, styled } from './styles.ts';

/** A column that may be left out where the terminal is too narrow. */
export interface TableColumn extends Column {
  /** Columns with a higher number are left out first; a column without one always stays. */
  readonly dropOrder?: number;
  /** Of a text that is too long, the end is shown: methods of a service differ there. Only for the last column. */
  readonly keepsEnd?: boolean;
}

export type Cell = string | { readonly text: string; readonly style: Style | undefined };

/** How wide a table may be, and whether cells are shown with their styles. */
export interface Layout {
  /** Columns of the terminal; undefined for no limit. */
  readonly columns: number | undefined;
  readonly hasStyles: boolean;
}

/** Of a file or a pipe: as wide as it needs, without styles. */
export const plainLayout: Layout = { columns: undefined, hasStyles: false };

const gap = '  ';
/** A last column of text is shortened to no less than this before another column is left out. */
const lastColumnCharsMin = 28;

/**
 * Returns a table like `textTable`. If the terminal is too narrow, it leaves out columns in the order of `dropOrder`, and
 * shortens the last column. Control characters in cells are shown as `?`.
 */
export function table(
  columns: readonly TableColumn[],
  rows: ReadonlyArray<readonly Cell[]>,
  layout: Layout,
): string {
  const texts = rows.map((row) => row.map((cell) => printable(typeof cell === 'string' ? cell : cell.text)));
  const widths = columns.map(({ title }, i) =>
    Math.max(...[title, ...texts.map((row) => row[i])].map((text) => [...text].length)),
  );
  const shown = shownColumns(columns, widths, layout.columns);
  const last = shown[shown.length - 1];
  const limits = new Map<number, number>();
  if (layout.columns !== undefined && last !== undefined && columns[last].align !== 'right')
    limits.set(
      last,
      Math.max(lastColumnCharsMin, layout.columns - totalWidth(shown.slice(0, -1), widths) - gap.length),
    );
  const line = (cells: readonly string[], styles: ReadonlyArray<Style | undefined>): string => {
    const parts = shown.map((i) => {
      const text = (columns[i].keepsEnd ? clipStart : clip)(cells[i], limits.get(i));
      const space = ' '.repeat(Math.max(0, widths[i] - [...text].length));
      const words = styled(text, styles[i], layout.hasStyles);
      if (columns[i].align === 'right') return space + words;
      return i === last ? words : words + space;
    });
    return `${parts.join(gap).trimEnd()}\n`;
  };
  const head = line(
    columns.map(({ title }) => title),
    columns.map(() => 'bold'),
  );
  const body = rows.map((row, r) =>
    line(
      texts[r],
      row.map((cell) => (typeof cell === 'string' ? undefined : cell.style)),
    ),
  );
  return head + body.join('');
}

/** Returns a text of at most `charsMax` characters, with an ellipsis at the end of one that was longer. */
export function clip(text: string, charsMax: number | undefined): string {
  const characters = [...text];
  if (charsMax === undefined || characters.length <= charsMax) return text;
  return `${characters.slice(0, Math.max(0, charsMax - 1)).join('')}…`;
}

/** Returns a text of at most `charsMax` characters, with an ellipsis at the start of one that was longer. */
function clipStart(text: string, charsMax: number | undefined): string {
  const characters = [...text];
  if (charsMax === undefined || characters.length <= charsMax) return text;
  return `…${characters.slice(characters.length - charsMax + 1).join('')}`;
}

function shownColumns(
  columns: readonly TableColumn[],
  widths: readonly number[],
  limit: number | undefined,
): number[] {
  let shown = columns.map((_, i) => i);
  if (limit === undefined) return shown;
  const order = columns
    .flatMap(({ dropOrder }, i) => (dropOrder === undefined ? [] : [{ i, dropOrder }]))
    .sort((a, b) => b.dropOrder - a.dropOrder);
  for (const { i } of order) {
    if (leastWidth(shown, columns, widths) <= limit) break;
    shown = shown.filter((other) => other !== i);
  }
  return shown;
}

/** The width where the last column of text is as short as it may be. */
function leastWidth(
  shown: readonly number[],
  columns: readonly TableColumn[],
  widths: readonly number[],
): number {
  const last = shown[shown.length - 1];
  const isText = columns[last].align !== 'right';
  return totalWidth(shown, isText ? widths.with(last, Math.min(widths[last], lastColumnCharsMin)) : widths);
}

function totalWidth(shown: readonly number[], widths: readonly number[]): number {
  return shown.reduce((sum, i) => sum + widths[i], 0) + gap.length * Math.max(0, shown.length - 1);
}
