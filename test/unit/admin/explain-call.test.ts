import { expect } from 'chai';
import { callText } from '../../../src/admin/explain/call-text.ts';
import { callName, callReason, callStatus } from '../../../src/admin/explain-call.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { CallRecord } from '../../../src/telemetry/call-record.ts';
import { FakeProxy } from '../../support/fake-admin.ts';

const cluster = { name: 'greeter', endpoints: [{ address: '10.0.0.1:50051', medianMs: 8 }] };
const clock = new VirtualClock();
clock.advance(60_000);
const proxy = new FakeProxy([cluster], clock);
const explainNow = (call: CallRecord): string => callText(call, 0);
const failedCall = () => proxy.call(cluster, cluster.endpoints[0], true);
const fineCall = () => proxy.call(cluster, cluster.endpoints[0], false);

describe('admin/explain-call', () => {
  it('names a gRPC call by its method and another by its request', () => {
    expect(callName(fineCall())).to.equal('shop.v1.Greeter/List');
    expect(callName({ ...fineCall(), grpc: false, httpMethod: 'GET', path: '/a?b' })).to.equal('GET /a?b');
  });

  it('says what the client got', () => {
    const http = { ...fineCall(), grpc: false };
    expect(
      [failedCall(), fineCall(), { ...http, httpStatus: 502 }, { ...http, httpStatus: 0 }].map(callStatus),
    ).to.deep.equal(['UNAVAILABLE', 'OK', 'HTTP 502', 'no reply']);
  });

  it('gives the reason in one sentence', () => {
    const reason = (change: Partial<CallRecord>) =>
      callReason({ ...failedCall(), error: '', detail: '', ...change });
    expect(callReason(failedCall())).to.match(
      /^10\.0\.0\.1:50051 closed the connection .*\[upstream_closed\]$/,
    );
    expect(reason({ error: 'no_route' })).to.equal('Outrigger answered no_route.');
    expect(reason({ detail: 'no luck' })).to.equal('No luck.');
    expect(reason({ endedBy: 'client' })).to.equal('The client cancelled the call.');
    expect(reason({ endedBy: 'upstream' })).to.equal('10.0.0.1:50051 answered UNAVAILABLE.');
    expect(reason({ endedBy: 'upstream', attempts: [] })).to.match(
      /^Outrigger answered UNAVAILABLE without contacting/,
    );
    const slow = { ...fineCall(), startedMs: 0, headMs: 50, endedMs: 300 };
    const [attempt] = slow.attempts;
    const took = (ms: number, endpoint: string) => ({ ...attempt, endpoint, startedMs: 0, endedMs: ms });
    expect(callReason({ ...slow, attempts: [took(299, 'a')] })).to.equal(
      'a took 299 ms; the reply started after 50.0 ms.',
    );
    expect(callReason({ ...slow, headMs: 290, attempts: [took(299, 'a')] })).to.equal('a took 299 ms.');
    expect(callReason({ ...slow, attempts: [took(20, 'a'), took(280, 'b')] })).to.equal(
      '2 attempts; b took the longest, 280 ms.',
    );
  });

  it('quotes what the upstream said of its status, and says it of each attempt', () => {
    const call = failedCall();
    const [attempt] = call.attempts;
    const attempts = [
      { ...attempt, error: '', grpcStatus: 14, message: 'not now' },
      { ...attempt, number: 2, error: '', grpcStatus: 5, message: 'no such order' },
    ];
    const answered = {
      ...call,
      error: '',
      detail: '',
      endedBy: 'upstream' as const,
      grpcStatus: 5,
      attempts,
    };
    expect(callReason(answered)).to.equal('10.0.0.1:50051 answered NOT_FOUND: "no such order".');
    expect(callReason(answered, false)).to.equal('10.0.0.1:50051 answered NOT_FOUND.');
    const text = explainNow(answered);
    expect(text).to.include('     message: not now\n').and.include('     message: no such order\n');
    expect(text).to.include('\n\n10.0.0.1:50051 answered NOT_FOUND: "no such order".\n\n');
  });

  it('reports everything of a call on lines that nothing can break out of', () => {
    const told = explainNow({ ...failedCall(), path: '/a.B/C\n\u001b[31mred', route: '' });
    expect(told).to.match(/^Call \d+: a\.B\/C\?\?\[31mred failed with UNAVAILABLE after 12\.0 ms\n/);
    expect(told).to.include('  route       none matched\n');
    expect(told).to.include('  1. 10.0.0.1:50051: upstream_closed after 11.9 ms, started at 0.04 ms\n');
    expect(told).to.include('     picked because: lowest active/weight of 1: 3/1\n');
    expect(told).to.include('  trace       4bf92f3577b34da6a3ce929d0e0e4736\n');
    expect(explainNow({ ...failedCall(), attempts: [] })).to.include('No attempt: no endpoint was picked.\n');
  });
});
