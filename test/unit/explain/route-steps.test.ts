import { expect } from 'chai';
import fc from 'fast-check';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { ListenerRoutes, routeStepsMax, routeStepsOf } from '../../../src/explain/route-steps.ts';
import type { RouteMatch } from '../../../src/routing/route-match.ts';
import { compileRoutes } from '../../../src/routing/router.ts';
import { targetRulesDefaults } from '../../../src/routing/target-rules.ts';
import type { CallRecord } from '../../../src/telemetry/call-record.ts';
import { callRecord } from '../telemetry/records.ts';

const options = targetRulesDefaults;
const named = (...matches: RouteMatch[]) => matches.map((match, i) => ({ name: `r${i}`, match }));
const headOf = (path: string, ...headers: Array<readonly [string, string]>) =>
  HeaderBlock.of(
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'shop'],
    [':path', path],
    ...headers,
  );
const webCall = (over: Partial<CallRecord>) =>
  callRecord({
    grpc: false,
    grpcStatus: -1,
    httpMethod: 'GET',
    authority: 'shop',
    path: '/a',
    route: '',
    ...over,
  });

/** The reasons of each step. */
const reasons = (routes: readonly RouteMatch[], call: CallRecord) =>
  new ListenerRoutes(named(...routes), options).explain(call).steps.map((step) => step.reasons);

const values = [{ name: 'x-a' }, { name: 'x-a', exact: '1' }, { name: 'x-a', present: false }] as const;
const arbitraryMatch: fc.Arbitrary<RouteMatch> = fc.record(
  {
    path: fc.constantFrom('/a', '/b', '/s/m'),
    pathPrefix: fc.constantFrom('/a', '/s', '/'),
    pathRegex: fc.constantFrom('/s/.*', '/a'),
    authority: fc.constantFrom('shop', '*', 'other'),
    method: fc.constantFrom('GET', 'POST'),
    grpc: fc.constantFrom({}, { service: 's' }, { method: 'm' }, { service: 's', method: 'm' }),
    headers: fc.constantFrom(...values).map((value) => [value]),
    source: fc.constantFrom('10.0.0.0/8', '127.0.0.1'),
  },
  { requiredKeys: [] },
);
const arbitraryRequest = fc.record({
  path: fc.constantFrom('/a', '/b', '/s/m', '/s/n'),
  headers: fc.constantFrom(
    [] as Array<[string, string]>,
    [['x-a', '1']] as Array<[string, string]>,
    [['content-type', 'application/grpc']] as Array<[string, string]>,
  ),
  source: fc.constantFrom('10.1.2.3', '127.0.0.1'),
});

describe('explain/route-steps', () => {
  it('never differs from the router: each route before the taken one has a reason, and the taken one matches', () => {
    fc.assert(
      fc.property(fc.array(arbitraryMatch, { maxLength: 6 }), arbitraryRequest, (matches, request) => {
        const routes = named(...matches);
        const head = headOf(request.path, ...request.headers);
        const router = compileRoutes(
          routes.map((route) => ({ ...route, plan: route.name })),
          options,
        );
        const taken = router.route(head, request.source) ?? '';
        const { steps } = routeStepsOf(routes, options, { head, source: request.source }, taken);
        expect(steps.map(({ route }) => route)).to.deep.equal(
          routes.slice(0, taken === '' ? routes.length : Number(taken.slice(1)) + 1).map(({ name }) => name),
        );
        for (const { route, matched, reasons: why } of steps) {
          expect(matched).to.equal(route === taken);
          expect(why).not.to.deep.equal([]);
        }
        const grpc = head.isGrpc;
        const call = webCall({ path: request.path, grpc, clientAddress: request.source, route: taken });
        for (const step of new ListenerRoutes(routes, options).explain({ ...call, httpMethod: 'GET' }).steps)
          expect(step.reasons.join()).not.to.include('too little');
      }),
    );
  });

  it('names each condition that failed', () => {
    const call = webCall({ path: '/x?a=1', clientAddress: '10.1.2.3' });
    expect(
      reasons(
        [
          { path: '/y' },
          { pathPrefix: ['/y', '/z'], method: ['POST', 'PUT'] },
          { pathRegex: '/[0-9]+' },
          { grpc: { service: 's' } },
          { grpc: {} },
          { authority: '*.example' },
          { source: '127.0.0.0/8' },
        ],
        call,
      ),
    ).to.deep.equal([
      ['the path is not "/y"'],
      ['the path does not begin with "/y" or "/z"', 'the method GET is not POST or PUT'],
      ['the path does not match "/[0-9]+"'],
      ['it is not a call of the gRPC service s: its content-type is not application/grpc'],
      ['it is not a gRPC call: its content-type is not application/grpc'],
      ['the authority "shop" does not match "*.example"'],
      ['the client address 10.1.2.3 is not in 127.0.0.0/8'],
    ]);
  });

  it('concludes which header failed from the route that took a recorded call', () => {
    const header = (value: object) => ({ headers: [{ name: 'x-a', ...value }] });
    expect(
      reasons(
        [
          header({ exact: '1' }),
          header({}),
          header({ present: false }),
          header({ prefix: 'b', invert: true }),
          { headers: [{ name: 'x-a' }], cookies: [{ name: 'c', exact: '2' }] },
          { pathPrefix: '/b', ...header({}) },
          {},
        ],
        webCall({ route: 'r6' }),
      ),
    ).to.deep.equal([
      ['no header x-a is "1"'],
      ['the header x-a is absent'],
      ['the header x-a is present'],
      ['the header x-a begins with "b"'],
      ['at least one of these is not true: the header x-a is present, the cookie c is "2"'],
      ['the path does not begin with "/b"'],
      ['it matches every request'],
    ]);
  });

  it('shows no configured credential, and is no part of any JSON', () => {
    const routes = named({ headers: [{ name: 'authorization', exact: 'Bearer s3cret' }] }, {});
    const call = webCall({ route: 'r1', routes: new ListenerRoutes(routes, options) });
    expect(JSON.stringify(call.routes!.explain(call))).to.include('no header authorization is •••');
    expect(JSON.stringify(call)).not.to.include('s3cret').and.not.to.include('"routes"');
  });

  it('lists a bounded number of routes, and always the one that took the call', () => {
    const routes = named(...Array.from({ length: 200 }, (_, i) => ({ path: `/${i}` })), {});
    const { steps, leftOut } = new ListenerRoutes(routes, options).explain(webCall({ route: 'r200' }));
    expect([steps.length, steps.at(-1)!.route, leftOut]).to.deep.equal([routeStepsMax, 'r200', 151]);
    const none = new ListenerRoutes(routes.slice(0, 100), options).explain(webCall({}));
    expect([none.steps.length, none.leftOut]).to.deep.equal([routeStepsMax, 50]);
  });

  it('has nothing to say of a target that was refused before any route was asked', () => {
    expect(reasons([{}], webCall({ error: 'protocol_error', path: 'x' }))).to.deep.equal([]);
  });
});
