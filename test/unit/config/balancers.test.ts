import { expect } from 'chai';
import { minimal, problemsOf } from './support.ts';

/** What is said of a second cluster with this balancer, without the place. */
function told(balancer: string, protocol = 'http2'): string[] {
  const cluster = `  - { name: c, protocol: ${protocol}, endpoints: [{ address: 127.0.0.1:6379 }], balancer: ${balancer} }`;
  return problemsOf(minimal({ cluster })).map((line) =>
    line.replace(/^f\.yaml:\d+:\d+ clusters\[1\]\.balancer\.?/, ''),
  );
}

describe('config/rules/balancers', () => {
  it('an unknown policy is answered with the nearest', () => {
    expect(told('{ policy: least_requests }')[0]).to.match(
      /^policy: "least_requests" is not known; did you mean least_request\? write least_request, /,
    );
    expect(told('{ policy: zigzag }')[0]).to.match(/^policy: "zigzag" is not known; write least_request, /);
  });

  it('a weight is 1 or more', () => {
    const cluster =
      '  - { name: c, endpoints: [{ address: 127.0.0.1:1, weight: 0 }, { address: 127.0.0.1:2, weight: -1 }] }';
    const lines = problemsOf(minimal({ cluster })).map((line) => line.replace(/^f\.yaml:\d+:\d+ /, ''));
    expect(lines).to.deep.equal([
      'clusters[1].endpoints[0].weight: 0 is below 1; write a number from 1 to 1000000',
      'clusters[1].endpoints[1].weight: -1 is below 1; write a number from 1 to 1000000',
    ]);
  });

  it('slow start has a window', () => {
    expect(told('{ slowStart: {} }')).to.deep.equal(['slowStart.window: is missing; write a duration']);
    expect(told('{ panicPercent: 101 }')).to.deep.equal([
      'panicPercent: 101 is above 100; write a whole number from 0 to 100',
    ]);
  });

  it('choices and bias are within their limits', () => {
    expect(told('{ choices: 0 }')).to.deep.equal([
      'choices: 0 is below 1; write auto or a whole number from 1 to 1000',
    ]);
    expect(told('{ choices: 1001 }')).to.deep.equal([
      'choices: 1001 is above 1000; write auto or a whole number from 1 to 1000',
    ]);
    expect(told('{ bias: 0 }')).to.deep.equal(['bias: 0 is below 0.1; write a number from 0.1 to 10']);
    expect(told('{ bias: 11 }')).to.deep.equal(['bias: 11 is above 10; write a number from 0.1 to 10']);
  });

  for (const policy of ['ring_hash', 'maglev']) {
    it(`${policy} needs a key`, () => {
      const missing = `hash: is missing; ${policy} needs to know what a key is, write hash: [{ header: x-user-id }]`;
      expect(told(`{ policy: ${policy} }`)).to.deep.equal([missing]);
      expect(told(`{ policy: ${policy}, hash: [] }`)).to.deep.equal([missing]);
      expect(told(`{ policy: ${policy}, hash: [{ header: x-user }, { source: true }] }`)).to.deep.equal([]);
    });
  }

  it('other policies are given none', () => {
    expect(told('{ policy: random, hash: [{ path: true }] }')).to.deep.equal([
      'hash: is for ring_hash and maglev, and this policy is random; leave it out',
    ]);
    expect(told('{ policy: ip_hash, hash: [{ path: true }] }')).to.deep.equal([
      'hash: is not for ip_hash, whose key is the client address; leave it out, or write policy: maglev',
    ]);
    expect(told('{ policy: ip_hash }')).to.deep.equal([]);
  });

  it('each source of a key is one thing', () => {
    expect(told('{ policy: maglev, hash: [{}] }')).to.deep.equal([
      'hash[0]: names no source of a key; write header: NAME, cookie: NAME, source: true or path: true',
    ]);
    expect(told('{ policy: maglev, hash: [{ header: a, cookie: b }] }')).to.deep.equal([
      'hash[0].cookie: header and cookie are two sources; write two entries, the first that is there counts',
    ]);
    expect(told('{ policy: maglev, hash: [{ source: false }] }')).to.deep.equal([
      'hash[0].source: is false and names no source of a key; write true',
    ]);
    expect(told('{ policy: maglev, hash: [{ header: "x y" }] }')).to.deep.equal([
      'hash[0].header: "x y" is not a header name; write a header name, such as x-user-id',
    ]);
  });

  it('a tcp cluster has no source but the address of the client', () => {
    expect(told('{ policy: maglev, hash: [{ header: a }] }', 'tcp')).to.deep.equal([
      'hash[0].header: is for http2 and http1, since a tcp connection has nothing of the kind; write source: true',
    ]);
    expect(told('{ policy: maglev, hash: [{ source: true }] }', 'tcp')).to.deep.equal([]);
  });

  it('a table is a prime, and a ring large enough for one endpoint', () => {
    expect(told('{ policy: ip_hash, tableSize: 65536 }')).to.deep.equal([
      'tableSize: 65536 is not a prime; write 65537',
    ]);
    const ring = '{ policy: ring_hash, hash: [{ path: true }], ringSize: { perEndpoint: 100, max: 10 } }';
    expect(told(ring)).to.deep.equal(['ringSize.perEndpoint: 100 is above max; write 10 or less']);
  });

  it('sticky_cookie has a cookie or metadata', () => {
    const missing =
      'sticky: has neither cookie nor metadata; write cookie: { name: session }, or metadata: x-session for gRPC';
    expect(told('{ policy: sticky_cookie }')).to.deep.equal([missing]);
    expect(told('{ policy: sticky_cookie, sticky: { secret: 0123456789abcdef } }')).to.deep.equal([missing]);
    expect(told('{ policy: sticky_cookie, sticky: { cookie: { name: s } } }')).to.deep.equal([]);
    expect(told('{ policy: sticky_cookie, sticky: { metadata: x-session } }')).to.deep.equal([]);
    expect(told('{ policy: random, sticky: { metadata: x-session } }')).to.deep.equal([
      'sticky: is for sticky_cookie, and this policy is random; leave it out',
    ]);
    expect(told('{ policy: sticky_cookie }', 'tcp')).to.deep.equal([
      'policy: "sticky_cookie" is for http2 and http1, since a tcp connection has no cookies; write ip_hash',
    ]);
  });

  it('a cookie is one that browsers keep, a secret is long enough', () => {
    expect(told('{ policy: sticky_cookie, sticky: { cookie: { name: s, sameSite: none } } }')).to.deep.equal([
      'sticky.cookie.secure: is false, and browsers drop a cookie with sameSite: none then; write true',
    ]);
    expect(told('{ policy: sticky_cookie, sticky: { metadata: x, secret: short } }')).to.deep.equal([
      'sticky.secret: "•••" is not a secret; write 16 characters or more',
    ]);
    expect(told('{ policy: sticky_cookie, sticky: { cookie: { name: s, path: "/a;b" } } }')).to.deep.equal([
      'sticky.cookie.path: "/a;b" is not a cookie path; write a path that begins with "/"',
    ]);
  });

  it('the bound on loads is above 1', () => {
    expect(told('{ policy: ip_hash, boundedLoad: { factor: 1 } }')).to.deep.equal([
      'boundedLoad.factor: 1 is below 1.01; write a number from 1.01 to 100',
    ]);
  });
});
