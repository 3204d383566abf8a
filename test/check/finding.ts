/** Something a rule does not accept. */
export interface Finding {
  /** From the root of the repository, with `/`. */
  readonly file: string;
  /** Counts from 1. */
  readonly line: number;
  readonly rule: string;
  /** What is wrong; what to do instead. */
  readonly message: string;
}

/** `src/a.ts:12: layers: …`, which editors and terminals make a link. */
export function formatFinding(finding: Finding): string {
  const { file, line, rule, message } = finding;
  return `${file}:${line}: ${rule}: ${message}`;
}
