import { expect } from 'chai';
import {
  ObservedCalls,
  observedCallsMax,
  observeForMs,
} from '../../../../src/admin/call-groups/observed-calls.ts';
import type { CallRecord } from '../../../../src/telemetry/call-record.ts';

function call(endedMs: number, overrides: object = {}): CallRecord {
  return {
    grpc: true,
    path: '/shop.Orders/Get',
    httpMethod: 'POST',
    listener: 'outbound',
    route: 'orders',
    cluster: 'orders',
    clientAddress: '10.0.0.7',
    startedMs: endedMs - 5,
    endedMs,
    grpcStatus: 0,
    httpStatus: 200,
    endedBy: 'upstream',
    attempts: [{ endpoint: '10.0.1.1:50051' }],
    chosen: 0,
    ...overrides,
  } as unknown as CallRecord;
}

describe('admin/call-groups', () => {
  it('observes calls from the first question on, and counts them by each name they have', () => {
    const observed = new ObservedCalls();
    observed.add(call(500));
    expect(observed.report('method', {}, 1000)).to.deep.include({ observedMs: 0, groups: [] });
    observed.add(call(1500));
    observed.add(call(2000, { clientAddress: '10.0.0.8', grpcStatus: 14 }));
    observed.add(call(2500, { path: '/shop.Orders/Put', startedMs: 2400, grpcStatus: 5 }));

    const methods = observed.report('method', {}, 3000);
    expect(methods.observedMs).to.equal(2000);
    expect(methods.total).to.include({ calls: 3, errors: 1, clientErrors: 1, perSecond: 1.5 });
    expect(methods.groups.map(({ name, calls }) => [name, calls])).to.deep.equal([
      ['shop.Orders/Get', 2],
      ['shop.Orders/Put', 1],
    ]);
    expect(methods.groups[1]).to.include({ p50Ms: 100, p99Ms: 100, clientErrors: 1 });
    expect(observed.report('route', {}, 3000).groups[0]).to.include({ name: 'orders', scope: 'outbound' });
    expect(observed.report('endpoint', {}, 3000).groups[0]).to.include({
      name: '10.0.1.1:50051',
      scope: 'orders',
    });
    expect(observed.report('client', {}, 3000).groups.map(({ name }) => name)).to.have.members([
      '10.0.0.7',
      '10.0.0.8',
    ]);
  });

  it('applies every filter before it groups', () => {
    const observed = new ObservedCalls();
    observed.report('method', {}, 0);
    observed.add(call(100));
    observed.add(call(200, { grpcStatus: 14 }));
    observed.add(
      call(300, { grpc: false, httpMethod: 'GET', path: '/items?id=7', httpStatus: 503, grpcStatus: -1 }),
    );
    const counted = (filters: object) => observed.report('method', filters, 1000).total.calls;
    expect(counted({ method: 'Get' })).to.equal(2);
    expect(counted({ method: 'shop.Orders/*', status: 'unavailable' })).to.equal(1);
    expect(counted({ status: '503' })).to.equal(1);
    expect(counted({ endpoint: '10.0.1.1' })).to.equal(3);
    expect(counted({ client: '10.0.0.9' })).to.equal(0);
    // The query of a web request may differ in each of them.
    expect(observed.report('method', { method: 'GET /items' }, 1000).groups[0].name).to.equal('GET /items');
  });

  it('keeps a bounded number of calls, and says how much time they cover', () => {
    const observed = new ObservedCalls();
    observed.report('method', {}, 0);
    for (let i = 0; i < observedCallsMax + 1000; i++) observed.add(call(i / 10));
    const nowMs = (observedCallsMax + 1000) / 10;
    const { total, observedMs } = observed.report('method', {}, nowMs);
    expect(total.calls).to.equal(observedCallsMax);
    expect(observedMs).to.be.closeTo(observedCallsMax / 10, 1);
  });

  it('covers the last ten seconds at most', () => {
    const observed = new ObservedCalls();
    observed.report('method', {}, 0);
    for (let second = 1; second <= 14; second++) observed.add(call(second * 1000));
    const { total, observedMs } = observed.report('method', {}, 14_500);
    expect([total.calls, observedMs]).to.deep.equal([10, 10_000]);
  });

  it('drops all calls when nobody has asked for some time, and begins anew', () => {
    const observed = new ObservedCalls();
    observed.report('method', {}, 0);
    observed.add(call(1000));
    observed.add(call(observeForMs + 1));
    observed.add(call(observeForMs + 2));
    expect(observed.report('method', {}, observeForMs + 3).total.calls).to.equal(0);
  });
});
