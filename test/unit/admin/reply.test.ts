import { expect } from 'chai';
import { json, text } from '../../../src/admin/reply.ts';

const evil = 'a\u001b[2J\u007f\u0085\u009b\u2028\u202e\ud800b';

describe('admin/reply', () => {
  it('controls no terminal, as text or as JSON, and keeps lines and values', () => {
    const plain = text(`first: ${evil}\nsecond`).body as string;
    expect(plain).to.match(/^first: [\x20-\x7e]+\nsecond\n$/);
    const answer = json({ name: evil }).body as string;
    expect(answer).to.match(/^[\x20-\x7e\n]+$/);
    expect(JSON.parse(answer)).to.deep.equal({ name: evil });
  });
});
