import { expect } from 'chai';
import { failed, peerText } from '../../../src/health/probe.ts';

describe('peerText', () => {
  it('keeps 200 characters, and marks that it truncated', () => {
    expect(peerText('x'.repeat(200))).to.equal('x'.repeat(200));
    expect(peerText('x'.repeat(201))).to.equal(`${'x'.repeat(200)}...`);
  });

  it('reads 800 characters, however many of them are blank', () => {
    expect(peerText(`${' '.repeat(799)}x`)).to.equal('x');
    expect(peerText(`${' '.repeat(800)}x`)).to.equal('');
  });

  it('makes one line of what could move a cursor', () => {
    expect(peerText('\n\x1b[2Jready\r\n\tüber\x7f')).to.equal('[2Jready ber');
  });
});

describe('failed', () => {
  it('has the words of the system error, or the text of any other', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(failed(refused)).to.deep.equal({ verdict: 'failed', reason: 'connection refused' });
    expect(failed(new Error('no\nluck'))).to.deep.equal({ verdict: 'failed', reason: 'no luck' });
  });
});
