import { printable } from '../../admin/text-table.ts';
import { pluralize } from '../../core/pluralize.ts';
import { styled } from '../styles.ts';
import { type Finding, linkOf } from './finding.ts';

/** What `outrigger check -o json` prints. */
export interface CheckReport {
  /** Whether no check failed. */
  readonly ok: boolean;
  readonly counts: { readonly ok: number; readonly warning: number; readonly failed: number };
  readonly findings: ReadonlyArray<Finding & { readonly link: string }>;
}

export function checkReport(findings: readonly Finding[]): CheckReport {
  const count = (result: Finding['result']): number =>
    findings.filter((finding) => finding.result === result).length;
  const counts = { ok: count('ok'), warning: count('warning'), failed: count('failed') };
  return {
    ok: counts.failed === 0,
    counts,
    findings: findings.map((finding) => ({ ...finding, link: linkOf(finding.check) })),
  };
}

const styles = { ok: 'good', warning: 'warning', failed: 'bad' } as const;

/** A heading for each subject, a line for each check below it, and for what is wrong the fix and where to read more. */
export function checkText(report: CheckReport, hasStyles: boolean): string {
  const lines: string[] = [];
  let subject = '';
  for (const finding of report.findings) {
    if (finding.subject !== subject) {
      if (subject !== '') lines.push('');
      subject = finding.subject;
      lines.push(styled(printable(subject), 'bold', hasStyles));
    }
    const word = finding.result.padEnd('warning'.length);
    const shown = styled(word, styles[finding.result], hasStyles);
    lines.push(`  ${shown}  ${finding.check}: ${printable(finding.text)}`);
    const indent = ' '.repeat('  warning  '.length);
    if (finding.fix !== undefined)
      lines.push(`${indent}fix: ${printable(finding.fix)}`, `${indent}see: ${finding.link}`);
  }
  return `${lines.join('\n')}\n\n${summary(report.counts)}\n`;
}

function summary({ ok, warning, failed }: CheckReport['counts']): string {
  const total = ok + warning + failed;
  if (failed + warning === 0) return `All ${pluralize(total, 'check')} passed.`;
  return `${pluralize(total, 'check')}: ${failed} failed, ${pluralize(warning, 'warning')}, ${ok} ok.`;
}
