import { expect } from 'chai';
import { Field } from '../../../../src/core/field.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import type { Raw } from '../../../../src/schema/scalar-type.ts';
import { answer } from '../../call/attempt-policies.ts';
import {
  type CallRig,
  callRig,
  expectOver,
  type FakeStream,
  grpcHead,
  httpHead,
} from '../../call/call-rig.ts';
import { configOf, minimal, problemsOf, warningsOf } from '../../config/support.ts';

type Config = Readonly<Record<string, Raw>>;

/** The heads that endpoints got. */
function forwarded(rig: CallRig): HeaderBlock[] {
  return rig.order.map((stream: FakeStream) => stream.heads[0]);
}

function pathOf(rewrite: Config, path: string): string {
  const rig = callRig({ policies: { rewrite } });
  rig.call(httpHead('GET', path));
  expect(rig.order, 'forwarded').to.have.length(1);
  return forwarded(rig)[0].path;
}

describe('rewrite', () => {
  it('replaces the beginning of a path and keeps the query', () => {
    const pathPrefix = { from: '/a.B', to: '/' };
    expect(pathOf({ pathPrefix }, '/a.B/x?q=/a.B')).to.equal('/x?q=/a.B');
    expect(pathOf({ pathPrefix }, '/a.B')).to.equal('/');
    expect(pathOf({ pathPrefix }, '/a.B?q')).to.equal('/?q');
    expect(pathOf({ pathPrefix: { from: '/a.B/x', to: '/y' } }, '/a.B/xy')).to.equal('/a.B/xy');
    expect(pathOf({ path: '/all' }, '/a.B/x?q')).to.equal('/all?q');
    const encoded = { pathPrefix: { from: '/a.B/caf%c3%a9/%7Eada', to: '/y' } };
    expect(pathOf(encoded, '/a.B/caf%c3%a9/%7Eada/x'), 'in the normal form').to.equal('/y/x');
  });

  it('replaces a path by the groups of a pattern', () => {
    const pathRegex = { from: '/a\\.B/([^/]+)/(.*)', to: '/v2/$1/of/$2' };
    expect(pathOf({ pathRegex }, '/a.B/users/7/8?q')).to.equal('/v2/users/of/7/8?q');
    expect(pathOf({ pathRegex }, '/a.B/users')).to.equal('/a.B/users');
  });

  it('matches routes, limits and records by the path as it came', () => {
    const rig = callRig({ policies: { rewrite: { pathPrefix: { from: '/a.B', to: '/v2' } } } });
    rig.call(httpHead('GET', '/a.B/x?token=1'));
    answer(rig.order[0]);
    expect(rig.settled[0].route).to.equal('hello');
    expect(rig.settled[0].path).to.match(/^\/a\.B\/x/);
    expect(rig.settled[0].notes).to.deep.equal([
      { policy: 'rewrite', text: 'forwarded with the path /v2/x' },
    ]);
    expectOver(rig);
  });

  it('sends another authority in place of both that a request may have', () => {
    const rig = callRig({ policies: { rewrite: { authority: 'inner:81' } } });
    rig.call(new HeaderBlock([...grpcHead().allFields, new Field('host', 'orders')]));
    const [head] = forwarded(rig);
    expect(
      head.allFields
        .filter(({ name }) => /host|authority/.test(name))
        .map(({ name, value }) => [name, value]),
    ).to.deep.equal([[':authority', 'inner:81']]);
    const names = head.allFields.map(({ name }) => name);
    expect(names.findLastIndex((name) => name.startsWith(':'))).to.equal(3);
    expect(rig.settled).to.deep.equal([]);
  });

  it('gives an endpoint its own name, with the port', () => {
    const rig = callRig({ endpoints: 2, policies: { rewrite: { authority: '{endpoint}' } } });
    for (let i = 0; i < 2; i++) rig.call(grpcHead());
    expect(
      forwarded(rig)
        .map(({ authority }) => authority)
        .sort(),
    ).to.deep.equal(['10.0.0.1:1000', '10.0.0.1:1001']);
  });

  it('rewrites the head of every attempt', () => {
    const rewrite = { pathPrefix: { from: '/a.B', to: '/v2' }, authority: '{endpoint}' };
    const rig = callRig({
      endpoints: 2,
      policies: { rewrite, retry: { on: ['unavailable'], backoff: { base: '1ms', max: '1ms' } } },
    });
    rig.call(grpcHead());
    rig.order[0].receiver!.head(
      HeaderBlock.of([':status', '200'], ['content-type', 'application/grpc'], ['grpc-status', '14']),
      true,
    );
    rig.clock.advance(1);
    expect(forwarded(rig).map(({ path }) => path)).to.deep.equal(['/v2/C', '/v2/C']);
    expect(new Set(forwarded(rig).map(({ authority }) => authority)).size).to.equal(2);
    expect(forwarded(rig)[1].get('grpc-previous-rpc-attempts')).to.equal('1');
    answer(rig.order[1]);
    expectOver(rig);
  });

  it('rewrites a head that repeats once, also below fields that differ', () => {
    const rig = callRig({ policies: { rewrite: { path: '/v2', authority: 'inner' } } });
    const base = grpcHead();
    base.repeated = true;
    const withId = (id: string) => new HeaderBlock([new Field('x-id', id)], base);
    for (const head of [base, base, withId('1'), withId('2')]) rig.call(head);
    const [first, second, third, fourth] = forwarded(rig);
    expect([first.path, first.authority, first.repeated]).to.deep.equal(['/v2', 'inner', true]);
    expect(second).to.equal(first);
    expect([third.base, fourth.base]).to.deep.equal([first, first]);
    expect([third.get('x-id'), fourth.get('x-id'), fourth.path]).to.deep.equal(['1', '2', '/v2']);
    expect([base.path, base.authority]).to.deep.equal(['/a.B/C', 'orders']);
  });

  it('leaves a head alone that is as it should be', () => {
    const rig = callRig({
      policies: { rewrite: { pathPrefix: { from: '/b', to: '/c' }, authority: 'orders' } },
    });
    const head = grpcHead();
    rig.call(head);
    expect(forwarded(rig)[0]).to.equal(head);
  });

  it('answers where the path cannot be sent', () => {
    const statusOf = (rewrite: Config, path: string) => {
      const rig = callRig({ policies: { rewrite } });
      const { heads } = rig.call(httpHead('GET', path));
      expect(rig.order).to.have.length(0);
      expectOver(rig);
      return heads[0].status;
    };
    const dots = { pathRegex: { from: '/a\\.B/(.*)x', to: '/$1/y' } };
    expect(statusOf(dots, '/a.B/..x')).to.equal(400);
    expect(statusOf(dots, `/a.B/${'y'.repeat(9000)}x`)).to.equal(414);
    const rig = callRig({ policies: { rewrite: dots } });
    const grpc = rig.call(
      new HeaderBlock(
        grpcHead().allFields.map((field) =>
          field.name === ':path' ? new Field(':path', '/a.B/..x') : field,
        ),
      ),
    );
    expect(grpc.heads[0].get('grpc-status')).to.equal('13');
  });
});

describe('rewrite in a configuration', () => {
  const said = (rewrite: string, more = ''): string =>
    problemsOf(minimal({ route: `${more}, rewrite: ${rewrite}` }))
      .join('\n')
      .replaceAll(/^f\.yaml:\d+:\d+ listeners\[0\]\.routes\[0\]\./gm, '');

  it('reads what it is to do', () => {
    const { rewrite } = configOf(minimal({ route: ', rewrite: { authority: "{endpoint}" }' })).listeners[0]
      .routes[0];
    expect(rewrite).to.include({ authority: '{endpoint}' });
  });

  it('refuses to do nothing, and captures that do not exist', () => {
    expect(said('{}')).to.equal('rewrite: rewrites nothing; write pathPrefix, pathRegex, path or authority');
    expect(said('{ pathRegex: { from: "/(a)(?:b)", to: /$2 } }')).to.match(
      /^rewrite\.pathRegex\.to: "\/\$2" uses \$2, and from has one group/,
    );
    expect(said('{ pathRegex: { from: "/(?=a)", to: /b } }')).to.match(
      /^rewrite\.pathRegex\.from: .* cannot be used: only plain groups/,
    );
    expect(said('{ path: /a, pathRegex: { from: /a, to: /b } }')).to.match(
      /^rewrite\.pathRegex: is beside path/,
    );
  });

  it('refuses an authority that is none', () => {
    for (const authority of ['a:65536', '[::1]:99999'])
      expect(said(`{ authority: "${authority}" }`), authority).to.match(
        /^rewrite\.authority: ".*" has a port above 65535; write one from 1 to 65535/,
      );
    expect(said('{ authority: "[:::]" }')).to.match(
      /^rewrite\.authority: "\[:::\]" is not an IPv6 address; write one such as \[2001:db8::1\]/,
    );
    expect(said('{ authority: "[::1]:65535" }')).to.equal('');
    for (const authority of ['a b', 'http://a', 'a/b', 'a\\r\\nb: c', '*.a', '{upstream}', 'a:port'])
      expect(said(`{ authority: "${authority}" }`), authority).to.match(
        /^rewrite\.authority: .* is not an authority; write a host name or host:port, or "\{endpoint\}"/,
      );
  });

  it('warns of a prefix that no path of the route has', () => {
    const warned = (match: string) =>
      warningsOf(minimal({ route: `, match: ${match}, rewrite: { pathPrefix: { from: /api, to: / } }` }));
    expect(warned('{ pathPrefix: /v1 }')[0]).to.match(
      /rewrite\.pathPrefix\.from: "\/api" is no beginning of a path of this route, whose match\.pathPrefix is "\/v1"$/,
    );
    for (const match of ['{ pathPrefix: /api/v1 }', '{ pathPrefix: / }', '{}'])
      expect(warned(match), match).to.deep.equal([]);
  });
});
