import { expect } from 'chai';
import { boundedText, ownText } from '../../../src/core/bounded-text.ts';

describe('core/bounded-text', () => {
  it('leaves what is short enough as it is', () => {
    expect(boundedText('', 8)).to.equal('');
    expect(boundedText('12345678', 8)).to.equal('12345678');
  });

  it('keeps the beginning of the rest, with an ellipsis, within the limit', () => {
    expect(boundedText('123456789', 8)).to.equal('1234567…');
    expect(boundedText('\xe9'.repeat(9), 8)).to.equal(`${'\xe9'.repeat(7)}…`);
  });

  it('splits no character', () => {
    expect(boundedText('123456😀9', 8)).to.equal('123456…');
    expect(boundedText('12345😀89', 8)).to.equal('12345😀…');
  });

  it('keeps lone surrogates and bytes as they are', () => {
    for (const text of ['a\ud800b', '\udc00', 'caf\xe9', '日本']) expect(ownText(text)).to.equal(text);
  });

  it('keeps nothing of the text that it was truncated from', () => {
    const before = process.memoryUsage().heapUsed;
    const kept: string[] = [];
    for (let i = 0; i < 400; i++) kept.push(boundedText(`${i}${'x'.repeat(500_000)}`.toUpperCase(), 64));
    // 400 texts of 500 KB are more than what the collector leaves standing by itself.
    expect(process.memoryUsage().heapUsed - before).to.be.below(100_000_000);
    expect(kept).to.have.length(400);
  });
});
