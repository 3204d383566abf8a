import { expect } from 'chai';
import { type Admission, rateLimited } from '../../../src/call/admit.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { Fault, type FaultSettings } from '../../../src/policies/fault/fault.ts';
import { RateLimit } from '../../../src/policies/rate-limit/rate-limit.ts';
import { type CallRig, callRig, failure, grpcHead, httpHead } from './call-rig.ts';
import { answer } from './tries-support.ts';

function limited(by: Admission['rateLimitBy']): Admission {
  const rateLimit = new RateLimit({ calls: 1, perMs: 2500, burst: 1, keysMax: 10 });
  return { rateLimit, rateLimitBy: by, fault: null };
}

function faulty(settings: Partial<FaultSettings>): Admission {
  const fault = new Fault({ delay: null, abort: null, ...settings }, new SeededRandom(1));
  return { rateLimit: null, rateLimitBy: { kind: 'none' }, fault };
}

function expectOver(rig: CallRig, calls = 1): void {
  expect(rig.cluster.active).to.equal(0);
  expect(rig.context.calls).to.include({ active: 0, ended: calls });
  expect(rig.settled).to.have.length(calls);
  rig.cluster.stop();
  expect(rig.clock.pending).to.equal(0);
}

describe('admission', () => {
  it('a call over the rate limit goes nowhere, and a gRPC client is told when to come again', () => {
    const rig = callRig({ admission: limited({ kind: 'none' }) });
    rig.call(grpcHead());
    const client = rig.call(grpcHead());
    expect(rig.order).to.have.length(1);
    const [head] = client.heads;
    expect(head.get('grpc-status')).to.equal('8');
    expect(head.get('x-outrigger-error')).to.equal('rate_limited');
    expect(head.get('grpc-retry-pushback-ms')).to.equal('2500');
    expect(rig.settled[0]).to.include({ error: 'rate_limited', endedBy: 'outrigger' });
    rig.clock.advance(2500);
    rig.call(grpcHead());
    for (const stream of rig.order) answer(stream);
    expectOver(rig, 3);
  });

  it('an HTTP client gets 429 and retry-after in whole seconds', () => {
    const rig = callRig({ admission: limited({ kind: 'client' }) });
    rig.call(httpHead());
    const [head] = rig.call(httpHead()).heads;
    expect([head.status, head.get('retry-after')]).to.deep.equal([429, '3']);
    answer(rig.order[0]);
    expectOver(rig, 2);
  });

  it('counts by client, and says in how many milliseconds there is room, rounded up', () => {
    const rateLimit = new RateLimit({ calls: 3, perMs: 1000, burst: 1, keysMax: 10 });
    const admission: Admission = { rateLimit, rateLimitBy: { kind: 'client' }, fault: null };
    const admitted = (client: string) => rateLimited(admission, grpcHead(), client, 0);
    expect([admitted('10.0.0.1'), admitted('10.0.0.2')]).to.deep.equal([null, null]);
    expect(admitted('10.0.0.1')).to.deep.equal({
      code: 'rate_limited',
      detail: 'more calls of this client come than the route allows; there is room in 334 ms',
      mayHaveProcessed: false,
      retryAfterMs: 334,
    });
  });

  it('counts by header; calls without it are one', () => {
    const rig = callRig({ admission: limited({ kind: 'header', name: 'x-key' }) });
    const passes = (...more: ReadonlyArray<readonly [string, string]>) => {
      const before = rig.order.length;
      rig.call(grpcHead(...more));
      return rig.order.length > before;
    };
    expect([passes(['x-key', 'a']), passes(['x-key', 'b']), passes(['x-key', 'a'])]).to.deep.equal([
      true,
      true,
      false,
    ]);
    expect([passes(), passes()]).to.deep.equal([true, false]);
  });

  it('fails calls on purpose, with the status that was asked for', () => {
    const rig = callRig({ admission: faulty({ abort: { percent: 100, grpcStatus: 5, httpStatus: 418 } }) });
    expect(rig.call(grpcHead()).heads[0].get('grpc-status')).to.equal('5');
    const http = rig.call(httpHead());
    expect([http.heads[0].status, http.heads[0].get('x-outrigger-error')]).to.deep.equal([
      418,
      'fault_injected',
    ]);
    expect(http.body.toString()).to.match(/did not process the call/);
    expect(rig.settled.map(({ httpStatus }) => httpStatus)).to.deep.equal([200, 418]);
    expect(rig.order).to.have.length(0);
    expectOver(rig, 2);
  });

  it('holds calls up on purpose, with what came of their body meanwhile', () => {
    const rig = callRig({ admission: faulty({ delay: { percent: 100, ms: 200 } }) });
    const client = rig.call(grpcHead(), false);
    client.receiver!.data(Buffer.from('hello'), 0, 5, true);
    rig.clock.advance(199);
    expect([rig.order.length, rig.cluster.active]).to.deep.equal([0, 0]);
    rig.clock.advance(1);
    expect(rig.order[0].said).to.deep.equal(['head POST', 'data 5 last']);
    answer(rig.order[0]);
    expect(rig.settled[0].faultDelayMs).to.equal(200);
    expectOver(rig);
  });

  it('a delay counts to the deadline, and a client may go in it', () => {
    const rig = callRig({ admission: faulty({ delay: { percent: 100, ms: 200 } }) });
    const late = rig.call(grpcHead(['grpc-timeout', '100m']));
    const gone = rig.call(grpcHead());
    gone.receiver!.failed(failure('reset', ErrorCode.CANCEL));
    rig.clock.advance(100);
    expect(late.heads[0].get('grpc-status')).to.equal('4');
    rig.clock.advance(1000);
    expect(rig.order).to.have.length(0);
    expectOver(rig, 2);
  });

  it('who is refused is not held up first', () => {
    const admission = {
      ...limited({ kind: 'none' }),
      fault: faulty({ delay: { percent: 100, ms: 200 } }).fault,
    };
    const rig = callRig({ admission });
    rig.call(grpcHead());
    expect(rig.call(grpcHead()).heads).to.have.length(1);
    rig.clock.advance(200);
    answer(rig.order[0]);
    expectOver(rig, 2);
  });
});
