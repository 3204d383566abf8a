import { expect } from 'chai';
import fc from 'fast-check';
import { AllowedOrigins, wrongOrigin } from '../../../../src/policies/cors/origins.ts';

describe('policies/cors/origins', () => {
  it('an exact origin is that one alone', () => {
    const origins = new AllowedOrigins(['https://app.test', 'http://localhost:3000', 'http://[::1]:80']);
    for (const origin of ['https://app.test', 'http://localhost:3000', 'http://[::1]:80'])
      expect(origins.allows(origin), origin).to.equal(true);
    for (const origin of [
      'http://app.test',
      'https://app.test:8443',
      'https://app.test.evil',
      'https://a.app.test',
      '',
      'null',
    ])
      expect(origins.allows(origin), origin).to.equal(false);
  });

  it('a wildcard is for the hosts below, with the same scheme and port', () => {
    const origins = new AllowedOrigins(['https://*.a.test', 'http://*.b.test:81']);
    for (const origin of ['https://x.a.test', 'https://x.y.a.test', 'http://x.b.test:81'])
      expect(origins.allows(origin), origin).to.equal(true);
    for (const origin of [
      'https://a.test',
      'https://.a.test',
      'https://evila.test',
      'http://x.a.test',
      'https://x.a.test:81',
      'https://x.a.test.evil',
      'https://evil/.a.test',
      'https://evil?.a.test',
      'https://evil#.a.test',
      'https://evil:80.a.test',
      'https://me@x.a.test',
      'http://x.b.test',
      `https://${'x'.repeat(300)}.a.test`,
    ])
      expect(origins.allows(origin), origin).to.equal(false);
  });

  it('whatever host a browser resolves, only those below the suffix are allowed', () => {
    const origins = new AllowedOrigins(['https://*.a.test']);
    const text = fc.string({ unit: fc.constantFrom('a', '.', '/', '@', ':', '?', '#', '\\', '-', 'test') });
    // A run that fails prints its seed; `fc.assert(…, { seed })` runs it again.
    fc.assert(
      fc.property(text, (middle) => {
        const origin = `https://${middle}.a.test`;
        if (!origins.allows(origin)) return;
        expect(new URL(origin).hostname.endsWith('.a.test'), origin).to.equal(true);
      }),
    );
  });

  it('says what is wrong with an origin, and what to write', () => {
    const said = (text: string): string => (wrongOrigin(text) ?? '').replace(/^.*; /, '');
    for (const fine of ['*', 'https://a.test', 'https://*.a.test:8443', 'http://[::1]:3000', 'app://x'])
      expect(wrongOrigin(fine), fine).to.equal(undefined);
    expect(said('https://a.test/')).to.equal('write https://a.test, without a path');
    expect(said('HTTPS://A.test')).to.equal('write https://a.test, in lower case');
    expect(said('*.a.test')).to.equal('write https://*.a.test, with its scheme');
    expect(said('https://a.test:443')).to.equal('write https://a.test');
    expect(said('https://*')).to.match(/^write https:\/\/app\.example\.com/);
    expect(said('https://a.*.test')).to.match(/^write https:\/\/app\.example\.com/);
    expect(wrongOrigin('null')).to.match(/would allow any site; leave it out$/);
  });
});
