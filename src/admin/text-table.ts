import { maskUnsafe } from '../core/safe-text.ts';

/** One column of a table: its heading and, for figures, `right`. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/**
 * A table of plain text for a terminal: a heading line and a line per row, columns two spaces apart, no trailing
 * space. Each line ends with a newline. Control characters in cells are shown as `?`: names come from the network.
 */
export function textTable(columns: readonly Column[], rows: ReadonlyArray<readonly string[]>): string {
  const cells = [columns.map((c) => c.title), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => width(row[i] ?? ''))));
  return cells.map((row) => `${line(row, columns, widths)}\n`).join('');
}

function line(row: readonly string[], columns: readonly Column[], widths: readonly number[]): string {
  return columns
    .map((column, i) => {
      const text = row[i] ?? '';
      const space = ' '.repeat(widths[i] - width(text));
      return column.align === 'right' ? space + text : text + space;
    })
    .join('  ')
    .trimEnd();
}

/** Code points, which is the width on a terminal for all that we print ourselves. */
function width(text: string): number {
  return [...text].length;
}

/** Text that cannot move a cursor, ring a bell or start a line of its own. */
export function printable(text: string): string {
  return maskUnsafe(text);
}
