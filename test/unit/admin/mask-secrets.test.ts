import { expect } from 'chai';
import fc from 'fast-check';
import { maskSecrets } from '../../../src/admin/mask-secrets.ts';

/** Plain objects again, for `deep.equal`. */
const masked = (value: unknown) => JSON.parse(JSON.stringify(maskSecrets(value)));

describe('admin/mask-secrets', () => {
  it('hides what stands under a secret-sounding key', () => {
    const keys = [
      'password',
      'passwd',
      'PASSPHRASE',
      'clientSecret',
      'authToken',
      'api_key',
      'apiKey',
      'Authorization',
      'cookie',
    ];
    for (const key of keys)
      expect(masked({ a: { [key]: 'hunter2' } }), key).to.deep.equal({ a: { [key]: '•••' } });
    expect(masked({ credentials: { user: 'u', pass: 'p' }, secrets: ['a'] })).to.deep.equal({
      credentials: '•••',
      secrets: '•••',
    });
  });

  for (const name of [
    'authorization',
    'Authorization',
    'proxy-authorization',
    'Proxy-Authorization',
    'cookie',
    'set-cookie',
    'x-api-key',
    'api_key',
    'apikey',
    'x-auth',
    'x-auth-token',
    'x-amz-security-token',
    'x-csrf-token',
    'access-key',
    'private_key',
    'password',
    'passwd',
    'passphrase',
    'client-secret',
    'credential',
    'credentials',
    'bearer',
    'jwt',
    'x-hub-signature',
  ]) {
    it(`hides what stands under ${name}, as a key and as the header of a match`, () => {
      expect(masked({ [name]: 'hunter2' })).to.deep.equal({ [name]: '•••' });
      for (const how of ['exact', 'prefix', 'regex', 'value'])
        expect(masked({ name, [how]: 'hunter2', invert: false })).to.deep.equal({
          name,
          [how]: '•••',
          invert: false,
        });
    });
  }

  it('shows what has a name that only sounds so: a cluster, a header that says nothing secret', () => {
    const value = {
      clusters: [{ name: 'token-service', protocol: 'http2', endpoints: [{ address: 'a:1' }] }],
      headers: [{ name: 'author', exact: 'me' }],
    };
    expect(masked(value)).to.deep.equal(value);
  });

  it('shows where the key of a call is to be found', () => {
    const hash = [{ header: 'authorization' }, { cookie: 'session' }, { source: true }];
    expect(masked({ balancer: { policy: 'maglev', hash } })).to.deep.equal({
      balancer: { policy: 'maglev', hash },
    });
  });

  it('shows what a session cookie is like, whatever its name, and hides what signs it', () => {
    const sticky = { cookie: { name: 'session-token', path: '/' }, secret: '0123456789abcdef' };
    expect(masked({ sticky })).to.deep.equal({ sticky: { cookie: sticky.cookie, secret: '•••' } });
  });

  it('shows what only sounds so, and that there is no secret', () => {
    const value = {
      tls: { key: '/etc/key.pem', cert: '/etc/cert.pem' },
      match: { key: 'x-user' },
      bucket: { tokens: 5, maxTokens: 10, tokensPerFill: 1 },
      password: '',
      token: null,
      requireToken: true,
    };
    expect(masked(value)).to.deep.equal(value);
  });

  it('hides private keys and passwords inside texts', () => {
    expect(masked({ key: '-----BEGIN EC PRIVATE KEY-----\nMHc…' })).to.deep.equal({ key: '•••' });
    expect(masked(['redis://user:hunter2@cache:6379/0'])).to.deep.equal(['redis://•••@cache:6379/0']);
    expect(masked({ http: { path: '/healthz?token=abc&v=1' } })).to.deep.equal({
      http: { path: '/healthz?token=•••&v=1' },
    });
    expect(masked('http://plain:80/@x')).to.equal('http://plain:80/@x');
    expect(masked('https://t0ken@host/x?api_key=abc&v=1')).to.equal('https://•••@host/x?api_key=•••&v=1');
  });

  it('hides the value that a header match compares a secret header with', () => {
    expect(
      masked({
        headers: [
          { name: 'authorization', exact: 'Bearer abc' },
          { name: 'x-v', exact: '1' },
        ],
      }),
    ).to.deep.equal({
      headers: [
        { name: 'authorization', exact: '•••' },
        { name: 'x-v', exact: '1' },
      ],
    });
  });

  it('hides every value of what a health check carries, and of a route only those of secret names', () => {
    const headers = { request: { set: { authorization: 'Bearer abc', 'x-v': '1' } } };
    expect(masked({ routes: [{ headers }] })).to.deep.equal({
      routes: [{ headers: { request: { set: { authorization: '•••', 'x-v': '1' } } } }],
    });
    expect(
      masked({ health: { http: { headers: { 'x-v': '1' } }, grpc: { metadata: { a: '1' } } } }),
    ).to.deep.equal({
      health: { http: { headers: { 'x-v': '•••' } }, grpc: { metadata: { a: '•••' } } },
    });
  });

  it('names what is no plain data, and stands a cycle and __proto__', () => {
    const cycle: Record<string, unknown> = {};
    cycle.again = cycle;
    expect(JSON.stringify(maskSecrets(cycle))).to.include('(too deep)');
    expect(
      masked({ f: () => 1, big: 10n, map: new Map([['token', 't']]), bytes: Buffer.from('x') }),
    ).to.deep.equal({
      f: '(function)',
      big: '10',
      map: { token: '•••' },
      bytes: '•••',
    });
    maskSecrets(JSON.parse('{"__proto__":{"polluted":1}}'));
    expect(({} as Record<string, unknown>).polluted).to.equal(undefined);
  });

  it('never throws, and leaves its argument as it was', () => {
    fc.assert(
      fc.property(fc.object(), (value) => {
        const before = JSON.stringify(value);
        maskSecrets(value);
        expect(JSON.stringify(value)).to.equal(before);
      }),
    );
  });
});
