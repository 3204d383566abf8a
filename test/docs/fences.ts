/** A fenced block of a page. */
export interface Fence {
  /** Line of its first mark, from 1. */
  readonly line: number;
  readonly language: string;
  /** Without the indentation of the fence. */
  readonly text: string;
  /** Why a test does not run it, from `<!-- not run: REASON -->` on the line before it; undefined if a test runs it. */
  readonly notRun?: string;
  /** Whether its last command must fail, from `<!-- fails -->`. */
  readonly fails: boolean;
  /** Name of the file that the block shows, from its first line `# NAME.yaml` or `// NAME.ts`. */
  readonly file?: string;
}

/** Returns the fenced blocks of a page, in order. */
export function fencesOf(markdown: string): Fence[] {
  const lines = markdown.split('\n');
  const fences: Fence[] = [];
  for (let i = 0; i < lines.length; i++) {
    const [, indent, marks, language] = /^( *)(`{3,})(\w*)/.exec(lines[i]) ?? [];
    if (marks === undefined) continue;
    const end = lines.findIndex((line, at) => at > i && line.trim() === marks);
    if (end < 0) throw new Error(`line ${i + 1}: the block has no end`);
    const body = lines.slice(i + 1, end).map((line) => line.slice(indent.length));
    const before = lines[i - 1]?.trim() ?? '';
    fences.push({
      line: i + 1,
      language,
      text: `${body.join('\n')}\n`,
      notRun: /^<!-- not run: (.+) -->$/.exec(before)?.[1],
      fails: before === '<!-- fails -->',
      file: /^(?:# ([\w.-]+\.ya?ml)|\/\/ ([\w.-]+\.ts))$/
        .exec(body[0] ?? '')
        ?.slice(1)
        .find(Boolean),
    });
    i = end;
  }
  return fences;
}
