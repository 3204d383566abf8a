import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { prometheusText } from '../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../src/telemetry/metrics/registry.ts';
import { answer } from '../call/attempt-policies.ts';
import { type CallRig, callRig, failure, grpcHead, httpHead } from '../call/call-rig.ts';

const limited = (more: { by?: string; header?: string } = {}) => ({
  rateLimit: { requests: 1, per: '2500ms', ...more },
});
const delayed = { fault: { delay: { percent: 100, time: '200ms' } } };

function expectOver(rig: CallRig, calls = 1): void {
  expect(rig.cluster.active).to.equal(0);
  expect(rig.context.calls).to.include({ active: 0, ended: calls });
  expect(rig.settled).to.have.length(calls);
  rig.cluster.stop();
  expect(rig.clock.pending).to.equal(0);
}

describe('policies before an endpoint is picked', () => {
  it('a call over the rate limit goes nowhere, and a gRPC client gets a retry delay', () => {
    const rig = callRig({ policies: limited() });
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
    const rig = callRig({ policies: limited({ by: 'client' }) });
    rig.call(httpHead());
    const [head] = rig.call(httpHead()).heads;
    expect([head.status, head.get('retry-after')]).to.deep.equal([429, '3']);
    answer(rig.order[0]);
    expectOver(rig, 2);
  });

  it('shows in how many milliseconds there is room, rounded up, and counts what it refuses', () => {
    const registry = createRegistry();
    const policies = { rateLimit: { requests: 3, burst: 1, by: 'client' } };
    const rig = callRig({ policies, registry });
    rig.call(httpHead());
    const refused = rig.call(httpHead());
    expect(refused.body.toString()).to.match(
      /^more calls of this client come than the route allows; there is room in 334 ms; /,
    );
    const series = prometheusText(registry, undefined)
      .body.split('\n')
      .filter((line) => line.startsWith('outrigger_rate_limited_total'));
    expect(series).to.deep.equal([
      'outrigger_rate_limited_total{outrigger_listener="in",outrigger_route="hello"} 1',
    ]);
  });

  it('counts by header; calls without it are one', () => {
    const rig = callRig({ policies: limited({ by: 'header', header: 'X-Key' }) });
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

  it('injects failures, with the status that was asked for', () => {
    const rig = callRig({
      policies: { fault: { abort: { percent: 100, grpcStatus: 'not-found', httpStatus: 418 } } },
    });
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

  it('injects delays, with what came of their body meanwhile', () => {
    const rig = callRig({ policies: delayed });
    const client = rig.call(grpcHead(), false);
    client.receiver!.data(Buffer.from('hello'), 0, 5, true);
    rig.clock.advance(199);
    expect([rig.order.length, rig.cluster.active]).to.deep.equal([0, 0]);
    rig.clock.advance(1);
    expect(rig.order[0].said).to.deep.equal(['head POST', 'data 5 last']);
    answer(rig.order[0]);
    expect(rig.settled[0].notes).to.deep.equal([
      { policy: 'fault', text: 'delayed the request by 200 ms', facts: { faultDelayMs: 200 } },
    ]);
    expectOver(rig);
  });

  it('a delay counts to the deadline, and a client may go in it', () => {
    const rig = callRig({ policies: delayed });
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
    const rig = callRig({ policies: { ...limited(), ...delayed } });
    rig.call(grpcHead());
    expect(rig.call(grpcHead()).heads).to.have.length(1);
    rig.clock.advance(200);
    answer(rig.order[0]);
    expectOver(rig, 2);
  });
});
