import { expect } from 'chai';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { forwardingOf } from '../../../src/proxy/forwarding.ts';
import type { RoutePlan } from '../../../src/proxy/plan.ts';
import { compileRoutes } from '../../../src/routing/router.ts';
import { grpcHead, httpHead } from './call-rig.ts';

const plan = { route: 'all' } as RoutePlan;
const router = compileRoutes([{ name: 'all', match: {}, plan }]);
const trace = [
  ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ['tracestate', 'a=1'],
] as const;

describe('forwardingOf', () => {
  it('is the head itself where nothing is to be replaced', () => {
    const head = grpcHead(['x-user', 'ada']);
    const forwarding = forwardingOf(head, router, true);
    expect(forwarding.base).to.equal(head);
    expect(forwarding).to.include({ plan, grpc: true, method: 'POST', path: '/a.B/C', authority: 'orders' });
    expect(forwarding.timeoutMs).to.equal(Number.POSITIVE_INFINITY);
  });

  it('leaves out what each attempt gets anew: grpc-timeout, and the trace context where that is ours', () => {
    const head = grpcHead(['grpc-timeout', '5S'], ...trace, ['x-user', 'ada']);
    const ours = forwardingOf(head, router, true);
    expect(ours.timeoutMs).to.equal(5000);
    expect(ours.base.fields.map(({ name }) => name).slice(5)).to.deep.equal(['x-user']);
    const theirs = forwardingOf(head, router, false);
    expect(theirs.base.fields.map(({ name }) => name).slice(5)).to.deep.equal([
      'traceparent',
      'tracestate',
      'x-user',
    ]);
  });

  it('keeps the base of a head, where nothing of that is to be replaced', () => {
    const base = grpcHead(['x-user', 'ada']);
    const one = new HeaderBlock(HeaderBlock.of(['x-id', '1'], ...trace).fields, base);
    const ours = forwardingOf(one, router, true).base;
    expect(ours.base).to.equal(base);
    expect(ours.fields.map(({ name }) => name)).to.deep.equal(['x-id']);
    expect(forwardingOf(one, router, false).base).to.equal(one);
    const timed = new HeaderBlock(HeaderBlock.of(['x-id', '1']).fields, grpcHead(['grpc-timeout', '5S']));
    expect(
      forwardingOf(timed, router, true)
        .base.allFields.map(({ name }) => name)
        .slice(5),
    ).to.deep.equal(['x-id']);
  });

  it("of a head that adds ids to a base that repeats is the base's, but for the fields", () => {
    const base = grpcHead(['grpc-timeout', '5S']);
    base.repeated = true;
    const one = new HeaderBlock(HeaderBlock.of(['x-id', '1'], ...trace).fields, base);
    for (const rewritesTrace of [true, false]) {
      const of = forwardingOf(one, router, rewritesTrace);
      const slowly = forwardingOf(new HeaderBlock(one.allFields), router, rewritesTrace);
      expect({ ...of, base: of.base.allFields }).to.deep.equal({
        plan: slowly.plan,
        timeoutMs: 5000,
        grpc: true,
        method: 'POST',
        path: '/a.B/C',
        authority: 'orders',
        base: slowly.base.allFields,
      });
    }
  });

  it('looks at what is added where that may decide: a timeout, another host, a header that a route asks for', () => {
    const base = grpcHead();
    base.repeated = true;
    const added = (...pair: [string, string]) => new HeaderBlock(HeaderBlock.of(pair).fields, base);
    expect(forwardingOf(added('grpc-timeout', '7S'), router, true).timeoutMs).to.equal(7000);
    const asking = compileRoutes([
      {
        name: 'one',
        match: { headers: [{ name: 'x-tenant', exact: 'one' }] },
        plan: { ...plan, route: 'one' },
      },
      { name: 'all', match: {}, plan },
    ]);
    expect(forwardingOf(added('x-tenant', 'one'), asking, true).plan?.route).to.equal('one');
    expect(forwardingOf(added('x-tenant', 'two'), asking, true).plan?.route).to.equal('all');
  });

  it('a malformed grpc-timeout is NaN; without gRPC it is any header', () => {
    expect(forwardingOf(grpcHead(['grpc-timeout', 'soon']), router, true).timeoutMs).to.be.NaN;
    const head = new HeaderBlock([...httpHead().fields, ...HeaderBlock.of(['grpc-timeout', 'soon']).fields]);
    const plain = forwardingOf(head, router, true);
    expect([plain.timeoutMs, plain.base]).to.deep.equal([Number.POSITIVE_INFINITY, head]);
  });

  it('is worked out once for a head that repeats, and anew for another router', () => {
    const head = grpcHead(['grpc-timeout', '5S']);
    expect(forwardingOf(head, router, true)).to.not.equal(forwardingOf(head, router, true));
    head.repeated = true;
    const first = forwardingOf(head, router, true);
    expect(forwardingOf(head, router, true)).to.equal(first);
    expect(first.base.repeated).to.equal(true);
    const other = compileRoutes([{ name: 'all', match: {}, plan: { ...plan, route: 'new' } }]);
    expect(forwardingOf(head, other, true).plan?.route).to.equal('new');
    expect(forwardingOf(head, router, false)).to.not.equal(first);
  });
});
