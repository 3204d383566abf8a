import { expect } from 'chai';
import { certificatesText, configValuesText } from '../../../src/admin/setting-pages.ts';

describe('admin/setting-pages', () => {
  it('has a line for each setting', () => {
    const values = [{ path: 'log.level', value: 'debug', default: 'info', origin: 'OUTRIGGER_LOG_LEVEL' }];
    const lines = configValuesText(values).split('\n');
    expect(lines[1].split(/ {2,}/)).to.deep.equal(['log.level', 'debug', 'info', 'OUTRIGGER_LOG_LEVEL']);
  });

  it('says when each certificate expires, and which have', () => {
    const facts = {
      subject: 's',
      issuer: 'i',
      names: 'DNS:s',
      notBeforeWallMs: 0,
      usedBy: 'admin',
      role: 'server certificate',
    };
    const text = certificatesText(
      [
        { ...facts, notAfterWallMs: 90_061_000 },
        { ...facts, notAfterWallMs: 999 },
      ],
      1_000,
    );
    const [, first, second] = text.split('\n');
    expect(first).to.include('1970-01-02T01:01:01.000Z  1 d 1 h');
    expect(second).to.match(/ expired {2}DNS:s$/);
    expect(certificatesText([], 0)).to.match(/^No certificate is in use/);
  });
});
