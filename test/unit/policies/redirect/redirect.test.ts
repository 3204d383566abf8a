import { expect } from 'chai';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import { type RedirectSettings, locationOf as targetOf } from '../../../../src/policies/redirect/location.ts';
import type { Raw } from '../../../../src/schema/scalar-type.ts';
import { callRig, expectOver, grpcHead, httpHead } from '../../call/call-rig.ts';
import { configOf, problemsOf } from '../../config/support.ts';

type Config = Readonly<Record<string, Raw>>;

interface From {
  readonly path?: string;
  readonly authority?: string;
  readonly scheme?: string;
  readonly more?: readonly (readonly [string, string])[];
}

function headOf({ path = '/a.B/x', authority = 'orders', scheme = 'http', more = [] }: From): HeaderBlock {
  return HeaderBlock.of(
    [':method', 'GET'],
    [':scheme', scheme],
    [':path', path],
    [':authority', authority],
    ...more,
  );
}

function replyTo(redirect: Config, from: From = {}) {
  const rig = callRig({ policies: { redirect } });
  const client = rig.call(headOf(from));
  expect(rig.order).to.have.length(0);
  expectOver(rig);
  return { head: client.heads[0], body: client.body.toString(), record: rig.settled[0] };
}

const locationOf = (redirect: Config, from: From = {}): string | undefined =>
  replyTo(redirect, from).head.get('location');

describe('redirect', () => {
  it('answers with the status and the location alone, and asks no endpoint', () => {
    const rig = callRig({ policies: { redirect: { scheme: 'https', status: 308 } } });
    const client = rig.call(headOf({ path: '/a.B/x?token=1' }));
    expect(client.said).to.deep.equal(['head 308 end']);
    expect(client.heads[0].allFields.map(({ name, value }) => `${name}: ${value}`)).to.deep.equal([
      ':status: 308',
      'location: https://orders/a.B/x?token=1',
    ]);
    expect(rig.settled[0].notes).to.deep.equal([
      { policy: 'redirect', text: 'redirected to https://orders/a.B/x' },
    ]);
    expectOver(rig);
  });

  it('is temporary unless another status is written', () => {
    expect(replyTo({ host: 'b' }).head.status).to.equal(302);
  });

  it('redirects OPTIONS * to the other server, whose URL has no path', () => {
    const kept = { scheme: null, host: null, port: null, change: null, targetPrefix: null, keepQuery: true };
    const toward = (settings: Partial<RedirectSettings>) =>
      targetOf(headOf({ path: '*' }), '*', { ...kept, ...settings });
    expect(toward({ scheme: 'https' })).to.include({ location: 'https://orders', isLoop: false });
    expect(toward({ port: 8443 })).to.include({ location: 'http://orders:8443', isLoop: false });
  });

  it('brings the own port of a scheme or host that is written, unless a port is', () => {
    const from = { authority: 'orders:8080' };
    expect(locationOf({ scheme: 'https' }, from)).to.equal('https://orders/a.B/x');
    expect(locationOf({ host: 'b.example' }, from)).to.equal('http://b.example/a.B/x');
    expect(locationOf({ scheme: 'https', port: 8443 }, from)).to.equal('https://orders:8443/a.B/x');
    expect(locationOf({ port: 9000 }, from)).to.equal('http://orders:9000/a.B/x');
    expect(locationOf({ port: 443, host: 'b' }, { scheme: 'https' })).to.equal('https://b/a.B/x');
    expect(locationOf({ host: '[::1]' }, from)).to.equal('http://[::1]/a.B/x');
  });

  it('is a path where only the path changes', () => {
    expect(locationOf({ path: '/new' })).to.equal('/new');
    expect(locationOf({ path: '/new', host: 'b' })).to.equal('http://b/new');
  });

  it('replaces whole segments at the beginning of the path', () => {
    const to = (from: string, prefix: string, path: string) =>
      locationOf({ host: 'b', pathPrefix: { from, to: prefix } }, { path });
    expect(to('/a.B', '/v2', '/a.B/x')).to.equal('http://b/v2/x');
    expect(to('/a.B', '/v2', '/a.B')).to.equal('http://b/v2');
    expect(to('/a.B', '/', '/a.B/x')).to.equal('http://b/x');
    expect(to('/a.B', '/', '/a.B')).to.equal('http://b/');
    expect(to('/a.B/', '/v2/', '/a.B/x')).to.equal('http://b/v2/x');
    expect(to('/', '/v2', '/a.B/x')).to.equal('http://b/v2/a.B/x');
    expect(to('/a', '/v2', '/a.B/x'), 'part of a segment').to.equal('http://b/a.B/x');
  });

  it('replaces a path by the groups of a pattern', () => {
    const pathRegex = { from: '/a\\.B/([^/]+)/(\\d+)', to: '/$2/$1/$$0' };
    expect(locationOf({ pathRegex }, { path: '/a.B/users/7' })).to.equal('/7/users/$0');
    expect(locationOf({ pathRegex, host: 'b' }, { path: '/a.B/users' })).to.equal('http://b/a.B/users');
    expect(locationOf({ pathRegex: { from: '(.*)', to: '/old$0' } })).to.equal('/old/a.B/x');
  });

  it('keeps the query unless it is configured not to', () => {
    const from = { path: '/a.B/x?a=1&b=?2' };
    expect(locationOf({ path: '/new' }, from)).to.equal('/new?a=1&b=?2');
    expect(locationOf({ path: '/new', keepQuery: false }, from)).to.equal('/new');
    expect(locationOf({ pathPrefix: { from: '/a.B', to: '/v' } }, from)).to.equal('/v/x?a=1&b=?2');
  });

  it('goes by the path that the route matched, in its normal form', () => {
    const pathPrefix = { from: '/a.B', to: '/v2' };
    expect(locationOf({ pathPrefix }, { path: '/b/../%61.B/x?q' })).to.equal('/v2/x?q');
    expect(replyTo({ path: '/a.B/x' }, { path: '/a.B/y/../x' }).head.status, 'a loop').to.equal(500);
  });

  it('leads to no other host by a path of two slashes', () => {
    const pathPrefix = { from: '/a.B', to: '/' };
    const location = locationOf({ pathPrefix }, { path: '/a.B//evil.example/x' })!;
    expect(new URL(location, 'http://orders/').href).to.equal('http://orders//evil.example/x');
  });

  it('never leads to the request itself', () => {
    const { head, body, record } = replyTo({ path: '/a.B/x' }, { path: '/a.B/x' });
    expect([head.status, head.get('location')]).to.deep.equal([500, undefined]);
    expect(body).to.match(/^route hello redirects this request to itself, \/a\.B\/x; .*\[no_route\]/);
    expect(record).to.include({ error: 'no_route', endedBy: 'outrigger' });
    const status = (redirect: Config, from: From) => replyTo(redirect, from).head.status;
    expect(status({ scheme: 'https' }, { scheme: 'https' })).to.equal(500);
    expect(status({ scheme: 'https' }, { scheme: 'https', authority: 'Orders.:443' })).to.equal(500);
    expect(status({ host: 'ORDERS' }, {})).to.equal(500);
    expect(status({ port: 80 }, {})).to.equal(500);
    expect(
      status({ scheme: 'https' }, { scheme: 'https', authority: 'orders:8443' }),
      'another port',
    ).to.equal(302);
    expect(status({ path: '/a.B/x', keepQuery: false }, { path: '/a.B/x?q' }), 'another query').to.equal(302);
  });

  it('finds a loop of a target whose normal form is another path', () => {
    const path = '/a.B/caf%c3%a9';
    expect(locationOf({ path }, { path: '/a.B/x' })).to.equal(path);
    expect(replyTo({ path }, { path }).head.status).to.equal(500);
  });

  it('finds a loop of targets that get longer for ever', () => {
    const pathPrefix = { from: '/a.B', to: '/a.B/v2' };
    expect(locationOf({ pathPrefix }, { path: '/a.B/x' })).to.equal('/a.B/v2/x');
    expect(locationOf({ pathPrefix }, { path: '/a.B/v20' })).to.equal('/a.B/v2/v20');
    for (const path of ['/a.B/v2/x', '/a.B/v2', '/a.B/v2?q'])
      expect(replyTo({ pathPrefix }, { path }).head.status, path).to.equal(500);
    expect(locationOf({ pathPrefix, host: 'b' }, { path: '/a.B/v2/x' }), 'another host').to.equal(
      'http://b/a.B/v2/v2/x',
    );
  });

  it('finds a loop behind a proxy that ends TLS', () => {
    const from = { more: [['x-forwarded-proto', 'HTTPS, http']] as const };
    expect(replyTo({ scheme: 'https' }, from).head.status).to.equal(500);
    expect(locationOf({ scheme: 'https' }, { more: [['x-forwarded-proto', 'http']] })).to.equal(
      'https://orders/a.B/x',
    );
    expect(locationOf({ host: 'b' }, from), 'for nothing else').to.equal('http://b/a.B/x');
  });

  it('gives a gRPC call a status, not a 3xx', () => {
    const rig = callRig({ policies: { redirect: { host: 'new.example' } } });
    const client = rig.call(grpcHead());
    expect(client.said).to.deep.equal(['head 200 end']);
    const [head] = client.heads;
    expect([head.get('grpc-status'), head.get('location')]).to.deep.equal(['12', undefined]);
    expect(head.get('grpc-message')).to.match(
      /redirects to http:\/\/new\.example\/a\.B\/C, and gRPC calls follow no/,
    );
    expect(rig.settled[0]).to.include({ grpcStatus: 12, error: '' });
    expectOver(rig);
  });

  it('gives HEAD and POST the same', () => {
    for (const method of ['HEAD', 'POST']) {
      const rig = callRig({ policies: { redirect: { host: 'b' } } });
      expect(rig.call(httpHead(method), method === 'HEAD').said).to.deep.equal(['head 302 end']);
      expectOver(rig);
    }
  });

  it('refuses a request without a host where the target needs one', () => {
    expect(replyTo({ scheme: 'https' }, { authority: '' }).head.status).to.equal(400);
    expect(locationOf({ path: '/new' }, { authority: '' })).to.equal('/new');
  });

  it('refuses what cannot be sent: dot segments, half an encoding, too many characters', () => {
    const pathRegex = { from: '/a\\.B/(.)(.*)', to: '/$2/$1' };
    expect(replyTo({ pathRegex }, { path: '/a.B/%2F' }).body).to.match(/half a percent-encoding/);
    expect(replyTo({ pathRegex: { from: '/a\\.B/(..)x', to: '/$1/y' } }, { path: '/a.B/..x' }).body).to.match(
      /to one with a dot segment/,
    );
    const long = `/a.B/${'x'.repeat(8192)}`;
    const refused = replyTo({ pathRegex }, { path: long });
    expect(refused.head.status).to.equal(414);
    expect(refused.body).to.match(/the path has 8197 characters; the route changes paths of up to 8192/);
    const grown = replyTo(
      { pathRegex: { from: '(/.*)', to: `/${'$1'.repeat(100)}` } },
      { path: `/a.B/${'x'.repeat(4000)}` },
    );
    expect(grown.head.status).to.equal(414);
  });
});

const file = (route: string): string => `listeners:
  - { name: in, listen: "127.0.0.1:15001", routes: [{ name: all, ${route} }] }
clusters: [{ name: greeter, endpoints: [{ address: "127.0.0.1:50051" }] }]
`;
const said = (redirect: string, more = ''): string =>
  problemsOf(file(`${more}redirect: ${redirect}`))
    .join('\n')
    .replaceAll(/^f\.yaml:\d+:\d+ listeners\[0\]\.routes\[0\]\./gm, '');

describe('redirect in a configuration', () => {
  it('needs no cluster and keeps the query', () => {
    const { redirect } = configOf(file('redirect: { scheme: https }')).listeners[0].routes[0];
    expect(redirect).to.include({ status: 302, scheme: 'https', keepQuery: true });
    expect(said('{ scheme: https }', 'cluster: greeter, ')).to.match(
      /gets no request, because the route has redirect/,
    );
    expect(said('{ scheme: https }', 'respond: {}, ')).to.match(/^redirect: is beside respond/);
  });

  it('refuses a loop that can be seen', () => {
    const nothing =
      'redirect: redirects every request to itself; write scheme, host, port, path, pathPrefix or pathRegex';
    expect(said('{}')).to.equal(nothing);
    expect(said('{ keepQuery: false }')).to.equal(nothing);
    expect(said('{ path: /a }', 'match: { path: /a }, ')).to.equal(
      'redirect.path: leads from "/a" to the same path; write another one, or host',
    );
    expect(said('{ pathRegex: { from: "/(.*)", to: /$1 } }', 'match: { path: /a }, ')).to.match(
      /^redirect\.pathRegex: leads from "\/a"/,
    );
    expect(said('{ pathPrefix: { from: /a, to: /a/ } }')).to.equal(
      'redirect.pathPrefix.to: "/a/" is the same as from; write another path',
    );
    expect(said('{ host: B.example }', 'match: { authority: b.example }, ')).to.match(
      /^redirect\.host: "B\.example" is the host of the request itself/,
    );
  });

  it('takes what is no loop', () => {
    expect(said('{ path: /a, host: b }', 'match: { path: /a }, ')).to.equal('');
    expect(said('{ path: /b }', 'match: { path: /a }, ')).to.equal('');
    expect(said('{ scheme: https, host: b.example }', 'match: { authority: b.example }, ')).to.equal('');
  });

  it('refuses captures that do not exist, and patterns that cannot be used', () => {
    expect(said('{ pathRegex: { from: "/(a)", to: /$2 } }')).to.equal(
      'redirect.pathRegex.to: "/$2" uses $2, and from has one group, $1; write "$$" for a dollar sign, or put what $2 is for in parentheses',
    );
    expect(said('{ pathRegex: { from: /a, to: /$1 } }')).to.match(/uses \$1, and from has no group/);
    expect(said('{ pathRegex: { from: /a, to: /$$1/$0 } }')).to.equal('');
    expect(said('{ pathRegex: { from: "/(a", to: /b } }')).to.match(
      /^redirect\.pathRegex\.from: "\/\(a" cannot be used: a "\(" is not closed/,
    );
    expect(said('{ pathRegex: { from: /a, to: /$- } }')).to.match(
      /is not a path with captures; write a path/,
    );
  });

  it('refuses targets that are none', () => {
    expect(said('{ path: new }')).to.match(
      /^redirect\.path: "new" is not a path; write a path that begins with "\/"/,
    );
    for (const path of ['/a b', '/a?b', '/a#b', '/a%', '/ä', '/a\\nb', '/..', '/a/./b', '/a/%2e%2E/b'])
      expect(said(`{ path: "${path}" }`), path).to.match(/^redirect\.path: .* is not a path/);
    for (const path of ['/.a', '/a..', '/.../a', '/a/..b/%2ec'])
      expect(said(`{ path: "${path}" }`), path).to.equal('');
    expect(said('{ pathPrefix: { from: /a, to: /../b } }')).to.match(
      /^redirect\.pathPrefix\.to: .* no dot segment/,
    );
    expect(said('{ pathRegex: { from: "/(a)", to: /$1/.. } }')).to.match(
      /^redirect\.pathRegex\.to: .* no dot segment/,
    );
    expect(said('{ host: "b:80" }')).to.match(
      /^redirect\.host: "b:80" is not a host; write a host name without scheme and port/,
    );
    expect(said('{ host: "[:::]" }')).to.match(
      /^redirect\.host: "\[:::\]" is not an IPv6 address; write one/,
    );
    expect(said('{ host: "[::1]" }')).to.equal('');
    expect(said('{ host: "https://b" }')).to.match(/is not a host/);
    expect(said('{ status: 304, host: b }')).to.equal(
      'redirect.status: 304 is not the status of a redirect; write 301, 302, 303, 307 or 308',
    );
    expect(said('{ port: 0 }')).to.match(/^redirect\.port: 0 is below 1/);
    expect(said('{ scheme: ftp }')).to.match(/^redirect\.scheme: "ftp" is not known; write http or https/);
    expect(said('{ path: /a, pathPrefix: { from: /b, to: /c } }')).to.equal(
      'redirect.pathPrefix: is beside path, and each changes the path; write one of them',
    );
    expect(said('{ pathPrefix: { from: /b } }')).to.match(/^redirect\.pathPrefix\.to: is missing/);
    expect(said('{ pathRegex: { to: /b } }', 'match: { path: /a }, ')).to.match(
      /^redirect\.pathRegex\.from: is missing/,
    );
  });
});
