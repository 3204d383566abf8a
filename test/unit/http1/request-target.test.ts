import { expect } from 'chai';
import { isAuthority, isPath, parseRequestTarget } from '../../../src/http1/request-target.ts';

describe('http1/request-target', () => {
  it('reads origin-form, asterisk-form and absolute-form', () => {
    for (const [method, target, authority, path] of [
      ['GET', '/', null, '/'],
      ['GET', '//x/y?z', null, '//x/y?z'],
      ['OPTIONS', '*', null, '*'],
      ['GET', 'http://a.test', 'a.test', '/'],
      ['OPTIONS', 'http://a.test', 'a.test', '*'],
      ['GET', 'HTTPS://a.test:8443/b?c', 'a.test:8443', '/b?c'],
      ['GET', 'http://[::1]:80?q', '[::1]:80', '/?q'],
    ] as const) {
      expect(parseRequestTarget(method, target), target).to.deep.equal({ authority, path });
    }
  });

  it('refuses the rest', () => {
    for (const target of [
      '',
      'a',
      '*',
      'a.test:80',
      'ftp://a/',
      'http://',
      'http:///x',
      'http://u@a/',
      '/a b',
      '/a#b',
      '/\r\n',
      'http://a/#',
    ])
      expect(parseRequestTarget('GET', target), JSON.stringify(target)).to.equal(null);
  });

  it('distinguishes an authority from what could carry more', () => {
    for (const text of [
      '',
      'a',
      'a.test:80',
      '[::1]:80',
      '10.0.0.1',
      'a_b',
      'a%20b',
      'a:',
      '[::1]',
      '127.0.0.1:65535',
    ])
      expect(isAuthority(text), text).to.equal(true);
    for (const text of [
      'a b',
      'a/b',
      'a?b',
      'a#b',
      'u@a',
      'a\\b',
      'a\r\nb',
      'a"b',
      'caf\xe9',
      'a'.repeat(1025),
      'a:80:90',
      'a,b',
      'a:x',
      ':80',
      'a:65536',
      'a[b]',
      '[::1',
      '[::1]a',
      '[]',
      'a%2',
      'a%zz',
    ])
      expect(isAuthority(text), JSON.stringify(text)).to.equal(false);
  });

  it('accepts a path', () => {
    for (const path of ['/', '/a?b=c&d', '/%00', '/caf\xe9', '/a;b'])
      expect(isPath('GET', path), path).to.equal(true);
    for (const path of ['', 'a', '*', '/a\tb', '/a\x7fb', '/a\u0100'])
      expect(isPath('GET', path), path).to.equal(false);
  });
});
