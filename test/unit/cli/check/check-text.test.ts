import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { checkReport, checkText } from '../../../../src/cli/check/check-text.ts';
import { checkNames, Findings } from '../../../../src/cli/check/finding.ts';

describe('cli/check/check-text', () => {
  it('each check has a heading in docs/check.md that its link leads to', () => {
    const page = readFileSync(new URL('../../../../docs/check.md', import.meta.url), 'utf8');
    const headings = [...page.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).to.have.members([...checkNames]);
  });

  it('shows each subject once, and a fix and a link for what is wrong', () => {
    const found = new Findings('cluster orders, 10.0.0.1:1');
    found.ok('port', 'connected');
    found.failed('alpn', 'the server chose \u001b[2J', 'enable HTTP/2');
    const report = checkReport(found.list);
    expect(report).to.deep.include({ ok: false, counts: { ok: 1, warning: 0, failed: 1 } });
    expect(checkText(report, false).split('\n')).to.deep.equal([
      'cluster orders, 10.0.0.1:1',
      '  ok       port: connected',
      '  failed   alpn: the server chose ?[2J',
      '           fix: enable HTTP/2',
      '           see: docs/check.md#alpn',
      '',
      '2 checks: 1 failed, 0 warnings, 1 ok.',
      '',
    ]);
    expect(checkText(report, true)).to.include('\u001b[31mfailed \u001b[0m');
  });
});
