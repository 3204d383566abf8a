import { expect } from 'chai';
import fc from 'fast-check';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import {
  TargetRules,
  type TargetRulesOptions,
  targetRulesDefaults,
} from '../../../src/routing/target-rules.ts';

function target(
  path: string,
  options: Partial<TargetRulesOptions> = {},
  authority = 'a.test',
  scheme = 'http',
) {
  const rules = new TargetRules({ ...targetRulesDefaults, ...options });
  return rules.targetOf(
    HeaderBlock.of([':method', 'GET'], [':scheme', scheme], [':authority', authority], [':path', path]),
  );
}
const served = (path: string, options: Partial<TargetRulesOptions> = {}) =>
  target(path, options).refusal === null;
const strict = { characters: 'rfc3986' } as const;

describe('routing/target-rules', () => {
  it('serves what RFC 3986 allows', () => {
    const path = "/Az09-._~!$&'()*+,;=:@/%C3%A9";
    for (const options of [{}, strict]) {
      for (const text of ['/', path, `${path}?${path}?/`, '/?', '/a?b=c', '/helloworld.Greeter/SayHello'])
        expect(target(text, options).refusal, text).to.equal(null);
      expect(served('*', options)).to.equal(true);
    }
  });

  it('refuses every other byte in path and query, but for what browsers send where that is allowed', () => {
    const allowed = /[A-Za-z0-9\-._~!$&'()*+,;=:@/%]/;
    for (let c = 0; c < 256; c++) {
      const char = String.fromCharCode(c);
      const good = allowed.test(char);
      // A "%" that begins an encoding.
      const text = char === '%' ? '%41' : char;
      expect(served(`/a${text}b`, strict), `strict path ${c}`).to.equal(good || char === '?');
      expect(served(`/?a${text}b`, strict), `strict query ${c}`).to.equal(good || char === '?');
      expect(served(`/a${text}b`), `path ${c}`).to.equal(good || '?[]^|'.includes(char));
      expect(served(`/?a${text}b`), `query ${c}`).to.equal(good || '?[]^|\\`{}'.includes(char));
    }
    expect(target('/secret\xa0').refusal).to.equal('a request target with the byte 0xA0 in its path');
    expect(target('/?"').refusal).to.equal('a request target with "\\"" in its query');
    expect(served('/\u0100'), 'no byte at all').to.equal(false);
  });

  it('requires two hexadecimal digits after "%", in a query only where browsers are not to be served', () => {
    for (const text of ['%', '%2', '%zz', '%2g', '%%41', 'a%']) {
      expect(served(`/${text}`), text).to.equal(false);
      expect(served(`/${text}`, strict), text).to.equal(false);
      expect(served(`/?${text}`), text).to.equal(true);
      expect(served(`/?${text}`, strict), text).to.equal(false);
    }
  });

  it('serves what browsers make of any URL', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.string({ unit: 'binary', maxLength: 20 }),
        (path, query) => {
          const url = new URL('http://a.test/');
          url.pathname = path.replaceAll('%', '');
          url.search = query;
          const text = url.pathname + url.search;
          expect(target(text).refusal, text).to.equal(null);
        },
      ),
    );
  });

  it('refuses escaped slashes in the path where it is to', () => {
    for (const path of ['/a%2fb', '/a%5Cb', '/%2F?x']) {
      expect(served(path, { escapedSlashes: 'reject' }), path).to.equal(false);
      expect(served(path), path).to.equal(true);
    }
    expect(served('/a?b=%2f', { escapedSlashes: 'reject' })).to.equal(true);
  });

  it('gives the form to match and forward, again for the next request too', () => {
    const rules = new TargetRules(targetRulesDefaults);
    for (const [path, normal] of [
      ['/x/../a', '/a'],
      ['/x/../a', '/a'],
      ['/b', '/b'],
      ['/x/../a?q', '/a?q'],
    ]) {
      const head = HeaderBlock.of(
        [':method', 'GET'],
        [':scheme', 'http'],
        [':authority', 'a'],
        [':path', path],
      );
      expect(rules.targetOf(head)).to.deep.equal({ path: normal, refusal: null });
    }
  });

  it('distinguishes a host and a port from what could be read otherwise', () => {
    const of = (authority: string) => target('/', {}, authority).refusal;
    for (const authority of [
      '',
      'a',
      'a.test.',
      'A.Test:80',
      'a_b-c~d',
      'a:',
      'a:0',
      'a:65535',
      '10.0.0.1:1',
      '[::1]',
      '[::1]:443',
      '[::ffff:10.0.0.1]:1',
      'a%20b',
    ])
      expect(of(authority), authority).to.equal(null);
    for (const authority of [
      'a:80:90',
      'a,b',
      'a:65536',
      'a:123456',
      'a:80a',
      ':80',
      'u@a',
      'a b',
      'a/b',
      'a%',
      'a%zz',
      'caf\xe9',
      '::1',
      '[::1',
      '::1]',
      '[::1]x',
      '[]',
      '[a.test]',
      '[::1%25eth0]',
      '[::12345]',
      'a[::1]',
      'a"b',
      'x'.repeat(1025),
    ])
      expect(of(authority), authority).to.match(/host/);
  });

  it('takes no verdict of the last request for the next', () => {
    const rules = new TargetRules(targetRulesDefaults);
    const of = (authority: string, path: string) =>
      rules.targetOf(
        HeaderBlock.of([':method', 'GET'], [':scheme', 'http'], [':authority', authority], [':path', path]),
      ).refusal;
    for (let n = 0; n < 2; n++) {
      expect(of('a', '/a')).to.equal(null);
      expect(of('a,b', '/a')).to.be.a('string');
      expect(of('a', '/a\xa0')).to.be.a('string');
    }
  });

  it('knows the schemes that it can forward', () => {
    for (const scheme of ['http', 'https', 'HTTP'])
      expect(target('/', {}, 'a', scheme).refusal).to.equal(null);
    for (const scheme of ['ftp', 'httpx', 'file', ''])
      expect(target('/', {}, 'a', scheme).refusal).to.include('scheme');
  });

  it('reads the path of a route as a request for it comes', () => {
    const rules = new TargetRules(targetRulesDefaults);
    expect(rules.configuredPath('/ä b/%7e/./x')).to.equal('/%C3%A4%20b/~/x');
    expect(rules.configuredPath('/100%')).to.equal('/100%');
    const off = new TargetRules({ ...targetRulesDefaults, normalizePath: false });
    expect(off.configuredPath('/%7e/./x')).to.equal('/%7e/./x');
  });
});
