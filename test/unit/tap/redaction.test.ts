import { expect } from 'chai';
import fc from 'fast-check';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { masked } from '../../../src/core/secret-keys.ts';
import { Redaction } from '../../../src/tap/redaction.ts';

const redaction = new Redaction(['email', 'x-customer-id'], ['nextPageToken']);

describe('tap: redaction', () => {
  it('hides headers that hold credentials or are named', () => {
    const head = HeaderBlock.of(
      [':path', '/x'],
      ['authorization', 'Bearer abc'],
      ['Cookie', 'a=b'],
      ['x-api-key', 'k'],
      ['x-customer-id', '42'],
      ['x-note', 'Bearer abc.def'],
      ['x-reason', 'refused: Bearer abc.def'],
      ['authorization-bin', 'abc'],
      ['x-serverless-authorization', 'abc'],
      ['referer', 'https://a/?access_token=abc&x=1'],
      ['user-agent', 'me'],
    );
    expect(redaction.headers(head)).to.deep.equal([
      ['authorization', masked],
      ['Cookie', masked],
      ['x-api-key', masked],
      ['x-customer-id', masked],
      ['x-note', masked],
      ['x-reason', masked],
      ['authorization-bin', masked],
      ['x-serverless-authorization', masked],
      ['referer', `https://a/?access_token=${masked}&x=1`],
      ['user-agent', 'me'],
    ]);
  });

  it('hides keys of messages at every level, however they are written', () => {
    const message = {
      user: 'ann',
      pass_word: 'x',
      passWord: 'x',
      E_MAIL: 'x',
      list: [{ accessToken: 'x', nextPageToken: 'page-2' }],
      password: '',
      hasPassword: true,
      labels: [
        { key: 'api-key', value: 'x' },
        { key: 'a', value: 'b' },
      ],
    };
    expect(redaction.message(message)).to.deep.equal({
      user: 'ann',
      pass_word: masked,
      passWord: masked,
      E_MAIL: masked,
      list: [{ accessToken: masked, nextPageToken: 'page-2' }],
      password: '',
      hasPassword: true,
      labels: [
        { key: 'api-key', value: masked },
        { key: 'a', value: 'b' },
      ],
    });
  });

  it('hides whole objects and lists under such a key', () => {
    expect(redaction.message({ credentials: { a: 1 }, tokens2: ['x'] })).to.deep.equal({
      credentials: masked,
      tokens2: masked,
    });
  });

  it('hides credentials by their form under any key', () => {
    const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc';
    const pem = '-----BEGIN PRIVATE KEY-----\nabc';
    expect(redaction.message({ a: jwt, b: pem, c: 'Basic dTpw', d: 'basically' })).to.deep.equal({
      a: masked,
      b: masked,
      c: masked,
      d: 'basically',
    });
  });

  it('bounds texts, lists, levels and values', () => {
    const text = redaction.message({ a: 'x'.repeat(5_000) }) as { a: string };
    expect(text.a).to.have.length(1_024);
    const list = redaction.message(Array.from({ length: 150 }, (_, i) => i)) as unknown[];
    expect(list).to.have.length(101);
    expect(list.at(-1)).to.equal('(50 more)');
    let deep: unknown = 'end';
    for (let i = 0; i < 10_000; i++) deep = { a: deep };
    expect(JSON.stringify(redaction.message(deep))).to.contain('(deeper levels are not shown)');
    const wide = Array.from({ length: 100 }, () => Array.from({ length: 100 }, () => 'x'));
    expect(JSON.stringify(redaction.message(wide)).length).to.be.below(20_000);
  });

  it('never shows a value under a key that sounds like a credential', () => {
    const secret = 's3cr3t-value';
    const key = fc.constantFrom(
      'password',
      'accessToken',
      'api_key',
      'clientSecret',
      'Authorization',
      'e-mail',
    );
    const shape = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 5 },
        fc.record({ plain: fc.integer() }),
        fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), tie('node')),
        fc.array(tie('node'), { maxLength: 3 }),
        key.map((name) => ({ [name]: secret })),
        key.map((name) => ({ [name]: { inner: [secret] } })),
        key.map((name) => ({ name, value: secret })),
      ),
    })).node;
    fc.assert(
      fc.property(shape, (value) => {
        expect(JSON.stringify(redaction.message(value)) ?? '').not.to.contain(secret);
      }),
    );
  });
});
