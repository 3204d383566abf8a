import { pause, systemClock } from '../core/clock.ts';
import { isoTime } from '../core/iso-time.ts';
import type { AdminAnswer } from './admin-client.ts';
import { type CliIo, ExitCode, type OutputFormat } from './io.ts';
import { reportFailure } from './report-failure.ts';
import { print } from './styles.ts';
import { clip, type Layout, plainLayout } from './table.ts';

/** One answer, in both forms of output. */
export interface View {
  readonly json: unknown;
  text(layout: Layout): string;
}

/** How often a command shows its answer. */
export interface WatchOptions {
  readonly output: OutputFormat;
  /** Time between two answers, milliseconds; undefined to show one answer. */
  readonly watchMs: number | undefined;
}

/** Clears the terminal and puts the cursor into the first column of the first row. */
const clearScreen = '\x1b[H\x1b[2J\x1b[3J';

/**
 * Shows an answer once, or again and again. A terminal shows the last answer only; a file or a pipe gets each answer after the
 * other, and JSON one line for each. An error ends the first answer; later it is shown, and the command continues, because a
 * sidecar may restart.
 */
export async function showView(
  io: CliIo,
  { output, watchMs }: WatchOptions,
  poll: () => Promise<AdminAnswer<View>>,
): Promise<number> {
  const first = await poll();
  if (first.error !== undefined) return reportFailure(first, io);
  if (watchMs === undefined) {
    if (output === 'json') io.stdout.write(`${JSON.stringify(first.value.json, null, 2)}\n`);
    else print(io, first.value.text(layoutOf(io)));
    return ExitCode.Fine;
  }
  for (let answer: AdminAnswer<View> = first; ; answer = await poll()) {
    showNext(io, output, answer);
    if (io.isClosed?.()) return ExitCode.Fine;
    await pause(watchMs);
    if (io.isClosed?.()) return ExitCode.Fine;
  }
}

export function layoutOf({ screen }: CliIo): Layout {
  return screen === undefined ? plainLayout : { columns: screen.columns, hasStyles: screen.hasStyles };
}

function showNext(io: CliIo, output: OutputFormat, answer: AdminAnswer<View>): void {
  if (output === 'json') {
    if (answer.error === undefined) io.stdout.write(`${JSON.stringify(answer.value.json)}\n`);
    else io.stderr.write(`${answer.error}\n`);
    return;
  }
  const time = isoTime(systemClock.wallMs());
  if (io.screen === undefined) {
    if (answer.error === undefined) io.stdout.write(`${time}\n${answer.value.text(plainLayout)}\n`);
    else io.stderr.write(`${time} ${answer.error}\n`);
    return;
  }
  const { rows, columns } = io.screen;
  const text = answer.error === undefined ? answer.value.text(layoutOf(io)) : `${answer.error}\n`;
  io.screen.write(`${clearScreen}${time}  (Ctrl-C ends)\n\n${firstRows(text, rows - 3, columns)}`);
}

/** Returns the lines of a text for which the terminal has rows: a long line takes several. The last row gives the number of the others. */
export function firstRows(text: string, rowsMax: number, columns: number): string {
  const lines = text.replace(/\n$/, '').split('\n');
  const rows = lines.map((line) => Math.max(1, Math.ceil(visibleLength(line) / columns)));
  if (rows.reduce((sum, n) => sum + n, 0) <= rowsMax) return `${lines.join('\n')}\n`;
  let left = rowsMax - 1;
  let shown = 0;
  while (shown < lines.length && rows[shown] <= left) left -= rows[shown++];
  return `${lines.slice(0, shown).join('\n')}\n${clip(`… ${lines.length - shown} more lines`, columns)}\n`;
}

/** The number of characters that a terminal shows of a line with styles. */
function visibleLength(line: string): number {
  const parts = line.split('\x1b[');
  return parts.reduce(
    (sum, part, i) => sum + [...(i === 0 ? part : part.slice(part.indexOf('m') + 1))].length,
    0,
  );
}
