/** The table of what was sent and what came of it, for people: written to the error output where `DESYNC_TABLE` is set. */

interface Line {
  readonly name: string;
  readonly by: string;
  readonly sent: string;
  readonly got: string;
  readonly upstream: string;
}

/** Characters of each cell; the rest is a count. */
const cellCharsMax = 160;

const lines: Line[] = [];

export function note(line: Line): void {
  if (process.env.DESYNC_TABLE !== undefined) lines.push(line);
}

export function printTable(title: string): void {
  if (lines.length === 0) return;
  const rows = lines.splice(0).map(({ name, by, sent, got, upstream }) => {
    const cells = [name, by, code(sent), got, upstream === '' ? 'nothing' : code(upstream)];
    return `| ${cells.join(' | ')} |\n`;
  });
  process.stderr.write(
    `\n### ${title}\n| row | by | sent | client got | upstream received |\n|---|---|---|---|---|\n${rows.join('')}`,
  );
}

/** Bytes as a reader can see them. */
function code(text: string): string {
  const shown = JSON.stringify(text.slice(0, cellCharsMax))
    .slice(1, -1)
    .replaceAll('|', '\\|')
    .replaceAll('`', "'");
  const more = text.length > cellCharsMax ? ` … ${text.length} bytes` : '';
  return `\`${shown}\`${more}`;
}
