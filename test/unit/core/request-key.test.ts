import { expect } from 'chai';
import fc from 'fast-check';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { cookieOf, describeSources, keyOf } from '../../../src/core/request-key.ts';

const head = (...fields: ReadonlyArray<readonly [string, string]>) =>
  HeaderBlock.of([':method', 'GET'], [':path', '/a/b?c=d'], ...fields);

describe('keyOf', () => {
  const sources = [{ header: 'x-user' }, { cookie: 'sid' }, { source: true }] as const;

  it('takes the first source that yields something', () => {
    expect(keyOf(sources, head(['x-user', 'ada'], ['cookie', 'sid=7']), '10.0.0.1')).to.equal('ada');
    expect(keyOf(sources, head(['x-user', ''], ['cookie', 'sid=7']), '10.0.0.1')).to.equal('7');
    expect(keyOf(sources, head(['cookie', 'other=7']), '10.0.0.1')).to.equal('10.0.0.1');
    expect(keyOf(sources, head(), '')).to.equal('');
  });

  it('takes the path without its query', () => {
    expect(keyOf([{ path: true }], head(), '')).to.equal('/a/b');
    expect(keyOf([{ path: true }], HeaderBlock.of([':path', '/a/b']), '')).to.equal('/a/b');
    expect(keyOf([{ path: true }, { source: true }], HeaderBlock.of([':path', '?c=d']), 'x')).to.equal('x');
  });

  it('takes the first value of a header that came twice', () => {
    expect(keyOf(sources, head(['x-user', 'ada'], ['x-user', 'bob']), '')).to.equal('ada');
  });

  it('finds a field in the base of a block', () => {
    const block = new HeaderBlock([], head(['x-user', 'ada'], ['cookie', 'sid=7']));
    expect(keyOf(sources, block, '')).to.equal('ada');
    expect(cookieOf(block, 'sid')).to.equal('7');
  });
});

describe('cookieOf', () => {
  for (const [cookie, value] of [
    ['sid=7', '7'],
    ['a=1; sid=7; b=2', '7'],
    ['a=1;sid=7', '7'],
    ['xsid=1; sid=7', '7'],
    ['sid=a=b', 'a=b'],
    ['sid="7"', '"7"'],
    ['sid=', ''],
    ['sid', ''],
    ['sidx=1', ''],
    ['a="sid=8"', ''],
    ['; ;; sid=7 ;', '7'],
    ['', ''],
  ]) {
    it(`finds ${JSON.stringify(value)} in ${JSON.stringify(cookie)}`, () => {
      expect(cookieOf(head(['cookie', cookie]), 'sid')).to.equal(value);
    });
  }

  it('reads no other header', () => {
    expect(cookieOf(head(['x-note', 'sid=8'], ['cookie', 'sid=7']), 'sid')).to.equal('7');
    expect(cookieOf(head(['x-note', 'sid=8']), 'sid')).to.equal('');
  });

  it('reads every crumb of a cookie header', () => {
    expect(cookieOf(head(['cookie', 'a=1'], ['cookie', 'sid=7']), 'sid')).to.equal('7');
  });

  it('never throws, whatever a client sends', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (cookie) => {
        expect(cookieOf(head(['cookie', cookie]), 'sid')).to.be.a('string');
      }),
    );
  });
});

describe('describeSources', () => {
  it('says them in order', () => {
    const sources = [{ header: 'x-user' }, { cookie: 'sid' }, { path: true }, { source: true }];
    expect(describeSources(sources)).to.equal(
      'header x-user, else cookie sid, else path, else source address',
    );
  });
});
