import { expect } from 'chai';
import type { RoutePlan } from '../../../src/call/route-plan.ts';
import { routeRequest } from '../../../src/call/routed-request.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { QueryRedaction } from '../../../src/core/query-redaction.ts';
import { compileRoutes } from '../../../src/routing/router.ts';
import {
  makePropagation,
  nothingReplaced,
  type ReplacedHeaders,
} from '../../../src/telemetry/propagation.ts';
import { RequestText } from '../../../src/telemetry/request-text.ts';
import { grpcHead, httpHead } from './call-rig.ts';

const httpPairs = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':authority', 'orders'],
  [':path', '/'],
] as const;
const plan = { route: 'all' } as RoutePlan;
const router = compileRoutes([{ name: 'all', match: {}, plan }]);
/** What is replaced by default while spans are exported. */
const ours = makePropagation(['tracecontext', 'baggage']).replaced;
const trace = [
  ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ['tracestate', 'a=1'],
] as const;

describe('routeRequest', () => {
  it('is the head itself where nothing is to be replaced', () => {
    const head = grpcHead(['x-user', 'ada']);
    const routed = routeRequest(head, router, ours);
    expect(routed.base).to.equal(head);
    expect(routed).to.include({ plan, grpc: true, method: 'POST', path: '/a.B/C', authority: 'orders' });
    expect(routed.timeoutMs).to.equal(Number.POSITIVE_INFINITY);
  });

  it('has a method to count by for gRPC alone', () => {
    expect(routeRequest(grpcHead(), router, ours).rpcMethod).not.to.equal(null);
    expect(routeRequest(httpHead(), router, ours).rpcMethod).to.equal(null);
  });

  it('has a content type for gRPC alone', () => {
    expect(routeRequest(grpcHead(), router, ours).contentType).to.equal('application/grpc');
    const html = HeaderBlock.of(...httpPairs, ['content-type', 'text/html']);
    expect(routeRequest(html, router, ours).contentType).to.equal('');
  });

  it('leaves out `expect`, which this hop answers, and aliases of headers that others rely on', () => {
    const head = HeaderBlock.of(
      ...httpPairs,
      ['expect', '100-continue'],
      ['x_real_ip', '10.0.0.1'],
      ['x-user', 'ada'],
    );
    const { base } = routeRequest(head, router, nothingReplaced);
    expect(base.fields.map(({ name }) => name).slice(4)).to.deep.equal(['x-user']);
  });

  it('leaves out what each attempt gets again: grpc-timeout, and the trace context where that is ours', () => {
    const head = grpcHead(['grpc-timeout', '5S'], ...trace, ['x-user', 'ada']);
    const rewritten = routeRequest(head, router, ours);
    expect(rewritten.timeoutMs).to.equal(5000);
    expect(rewritten.base.fields.map(({ name }) => name).slice(5)).to.deep.equal(['x-user']);
    const theirs = routeRequest(head, router, nothingReplaced);
    expect(theirs.base.fields.map(({ name }) => name).slice(5)).to.deep.equal([
      'traceparent',
      'tracestate',
      'x-user',
    ]);
  });

  it('keeps the base of a head, where nothing of that is to be replaced', () => {
    const base = grpcHead(['x-user', 'ada']);
    const one = new HeaderBlock(HeaderBlock.of(['x-id', '1'], ...trace).fields, base);
    const rewritten = routeRequest(one, router, ours).base;
    expect(rewritten.base).to.equal(base);
    expect(rewritten.fields.map(({ name }) => name)).to.deep.equal(['x-id']);
    expect(routeRequest(one, router, nothingReplaced).base).to.equal(one);
    const timed = new HeaderBlock(HeaderBlock.of(['x-id', '1']).fields, grpcHead(['grpc-timeout', '5S']));
    expect(
      routeRequest(timed, router, ours)
        .base.allFields.map(({ name }) => name)
        .slice(5),
    ).to.deep.equal(['x-id']);
  });

  it('forwards the path that was matched, in every head of a client', () => {
    const guarded = compileRoutes([
      { name: 'guard', match: { path: '/secret' }, plan: { route: 'guard' } as RoutePlan },
      { name: 'all', match: {}, plan },
    ]);
    const to = (path: string, ...more: Array<[string, string]>) => {
      const pseudo = [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':authority', 'a'],
        [':path', path],
      ] as const;
      return HeaderBlock.of(...pseudo, ...more);
    };
    const base = to('/x/../secret', ['accept', '*/*']);
    base.repeated = true;
    for (let n = 0; n < 2; n++) {
      const added = new HeaderBlock(HeaderBlock.of(['x-id', String(n)]).fields, base);
      for (const head of [base, added]) {
        const routed = routeRequest(head, guarded, nothingReplaced);
        expect(routed.plan?.route).to.equal('guard');
        expect(routed.base.path).to.equal('/secret');
        expect(routed.base.get('accept')).to.equal('*/*');
        expect(routed.base.get('x-id')).to.equal(head === base ? undefined : String(n));
        expect(routed.path, 'the record has what came').to.equal('/x/../secret');
      }
    }
    const refused = to('/secret\xa0');
    refused.repeated = true;
    const added = new HeaderBlock(HeaderBlock.of(['x-id', '1']).fields, refused);
    for (const head of [refused, refused, added]) {
      const { plan: none, refusal } = routeRequest(head, guarded, nothingReplaced);
      expect(none).to.equal(null);
      expect(refusal).to.include('0xA0');
    }
  });

  it("of a head that adds ids to a base that repeats is the base's, but for the fields", () => {
    const base = grpcHead(['grpc-timeout', '5S']);
    base.repeated = true;
    const one = new HeaderBlock(HeaderBlock.of(['x-id', '1'], ...trace).fields, base);
    for (const replaced of [ours, nothingReplaced]) {
      const of = routeRequest(one, router, replaced);
      const slowly = routeRequest(new HeaderBlock(one.allFields), router, replaced);
      expect({ ...of, base: of.base.allFields }).to.deep.equal({
        plan: slowly.plan,
        refusal: null,
        timeoutMs: 5000,
        grpc: true,
        contentType: 'application/grpc',
        rpcMethod: routeRequest(base, router, replaced).rpcMethod,
        method: 'POST',
        path: '/a.B/C',
        authority: 'orders',
        base: slowly.base.allFields,
      });
    }
  });

  it("of a head that adds a content-length to a base that repeats is the base's", () => {
    const base = grpcHead();
    base.repeated = true;
    const { rpcMethod } = routeRequest(base, router, nothingReplaced);
    const one = new HeaderBlock(HeaderBlock.of(['content-length', '7']).fields, base);
    const of = routeRequest(one, router, nothingReplaced);
    // Only the base has this very object.
    expect(of.rpcMethod).to.equal(rpcMethod);
    expect(of.base.contentLength).to.equal(7);
  });

  it('checks what is added where that may decide: a timeout, another host, a header that a route asks for', () => {
    const base = grpcHead();
    base.repeated = true;
    const added = (...pair: [string, string]) => new HeaderBlock(HeaderBlock.of(pair).fields, base);
    expect(routeRequest(added('grpc-timeout', '7S'), router, ours).timeoutMs).to.equal(7000);
    const asking = compileRoutes([
      {
        name: 'one',
        match: { headers: [{ name: 'x-tenant', exact: 'one' }] },
        plan: { ...plan, route: 'one' },
      },
      { name: 'all', match: {}, plan },
    ]);
    expect(routeRequest(added('x-tenant', 'one'), asking, ours).plan?.route).to.equal('one');
    expect(routeRequest(added('x-tenant', 'two'), asking, ours).plan?.route).to.equal('all');
  });

  it('takes the timeout that is added to a base, and forwards the very base where nothing else is', () => {
    const base = grpcHead();
    base.repeated = true;
    const added = (of: HeaderBlock, ...pairs: ReadonlyArray<readonly [string, string]>) =>
      routeRequest(new HeaderBlock(HeaderBlock.of(...pairs).fields, of), router, ours);
    const routed = added(base, ['grpc-timeout', '7S'], ...trace);
    expect(routed.timeoutMs).to.equal(7000);
    expect(routed.base).to.equal(base);
    expect(routed.rpcMethod).to.equal(routeRequest(base, router, ours).rpcMethod);
    expect(added(base, ['grpc-timeout', 'soon']).timeoutMs).to.be.NaN;
    expect(added(base, ['x-id', '1'], ['grpc-timeout', '7S']).base.allFields.at(-1)?.name).to.equal('x-id');
    const timed = grpcHead(['grpc-timeout', '5S']);
    timed.repeated = true;
    expect(added(timed, ['grpc-timeout', '7S']).timeoutMs, 'the first counts').to.equal(5000);
    const web = httpHead();
    web.repeated = true;
    const odd = added(web, ['grpc-timeout', 'soon']);
    expect([odd.timeoutMs, odd.base.get('grpc-timeout')]).to.deep.equal([Number.POSITIVE_INFINITY, 'soon']);
  });

  it('a malformed grpc-timeout is NaN; without gRPC it is any header', () => {
    expect(routeRequest(grpcHead(['grpc-timeout', 'soon']), router, ours).timeoutMs).to.be.NaN;
    const head = new HeaderBlock([...httpHead().fields, ...HeaderBlock.of(['grpc-timeout', 'soon']).fields]);
    const plain = routeRequest(head, router, ours);
    expect([plain.timeoutMs, plain.base]).to.deep.equal([Number.POSITIVE_INFINITY, head]);
  });

  it('is worked out once for a head that repeats, and again for another router', () => {
    const head = grpcHead(['grpc-timeout', '5S']);
    expect(routeRequest(head, router, ours)).to.not.equal(routeRequest(head, router, ours));
    head.repeated = true;
    const first = routeRequest(head, router, ours);
    expect(routeRequest(head, router, ours)).to.equal(first);
    expect(first.base.repeated).to.equal(true);
    const shown = new RequestText(new QueryRedaction([]));
    expect(routeRequest(head, router, ours, shown), 'another form in telemetry').to.not.equal(first);
    expect(routeRequest(head, router, nothingReplaced, shown), 'other headers left out').to.not.equal(
      routeRequest(head, router, ours, shown),
    );
    const other = compileRoutes([{ name: 'all', match: {}, plan: { ...plan, route: 'new' } }]);
    expect(routeRequest(head, other, ours).plan?.route).to.equal('new');
    expect(routeRequest(head, router, nothingReplaced)).to.not.equal(first);
  });

  it('leaves out the headers of other trace contexts where those are replaced, and keeps them otherwise', () => {
    const head = grpcHead(['b3', '1'], ['x-b3-traceid', 'a'], ['uber-trace-id', 'b'], ['x-id', '1']);
    const names = (replaced: ReplacedHeaders) =>
      routeRequest(head, router, replaced)
        .base.allFields.slice(5)
        .map(({ name }) => name);
    expect(names(makePropagation(['b3']).replaced)).to.deep.equal(['uber-trace-id', 'x-id']);
    expect(names(makePropagation(['jaeger']).replaced)).to.deep.equal(['b3', 'x-b3-traceid', 'x-id']);
    expect(routeRequest(head, router, ours).base).to.equal(head);
    const plain = grpcHead(['x-id', '1']);
    expect(routeRequest(plain, router, makePropagation(['b3multi']).replaced).base).to.equal(plain);
  });

  it('shows a bounded part of what the head says, whatever is forwarded, and no secrets', () => {
    const long = 'x'.repeat(50_000);
    const head = HeaderBlock.of(
      [':method', long],
      [':path', `/${long}`],
      [':authority', long],
      ['content-type', 'application/grpc'],
    );
    const { method, path, authority, base } = routeRequest(head, router, ours);
    expect([method.length, path.length, authority.length]).to.deep.equal([32, 1024, 260]);
    expect(base).to.equal(head);
    const secret = HeaderBlock.of(
      [':method', 'GET'],
      [':path', '/a?token=abc'],
      [':authority', 'me:pw@host:1'],
    );
    expect(routeRequest(secret, router, ours)).to.include({
      path: '/a?token=REDACTED',
      authority: 'REDACTED@host:1',
      base: secret,
    });
  });

  it('keeps clients apart where a route goes by their address, also for a head that all of them share', () => {
    const inside = { route: 'inside' } as RoutePlan;
    const bySource = compileRoutes([
      { name: 'inside', match: { source: '10.0.0.0/8' }, plan: inside },
      { name: 'all', match: {}, plan },
    ]);
    const base = grpcHead();
    base.repeated = true;
    const withId = new HeaderBlock(HeaderBlock.of(['x-id', '1']).fields, base);
    const planFor = (head: HeaderBlock, source: string) =>
      routeRequest(head, bySource, nothingReplaced, undefined, source).plan?.route;
    for (const head of [base, withId])
      for (const [source, route] of [
        ['10.1.2.3', 'inside'],
        ['192.168.0.1', 'all'],
        ['10.1.2.3', 'inside'],
        ['', 'all'],
      ])
        expect(planFor(head, source), source).to.equal(route);
    const known = routeRequest(base, bySource, nothingReplaced, undefined, '10.1.2.3');
    expect(routeRequest(base, bySource, nothingReplaced, undefined, '10.1.2.3'), 'the same client').to.equal(
      known,
    );
    const shared = routeRequest(base, router, nothingReplaced, undefined, '10.1.2.3');
    expect(routeRequest(base, router, nothingReplaced, undefined, '10.9.9.9'), 'no such route').to.equal(
      shared,
    );
  });

  it('reads the cookies of each request, also where all else is shared', () => {
    const canary = { route: 'canary' } as RoutePlan;
    const byCookie = compileRoutes([
      { name: 'canary', match: { cookies: [{ name: 'canary', exact: '1' }] }, plan: canary },
      { name: 'all', match: {}, plan },
    ]);
    const base = grpcHead();
    base.repeated = true;
    const withCookie = (value: string) =>
      new HeaderBlock(HeaderBlock.of(['cookie', `canary=${value}`]).fields, base);
    const routes = ['1', '0', '1'].map(
      (value) => routeRequest(withCookie(value), byCookie, nothingReplaced).plan?.route,
    );
    expect(routes).to.deep.equal(['canary', 'all', 'canary']);
  });
});
