import { expect } from 'chai';
import { callHandler } from '../../../src/call/handler.ts';
import { replayBytesTotalMax } from '../../../src/call/replay-buffer.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { decodeGrpcMessage } from '../../../src/core/grpc-message.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { Telemetry } from '../../../src/telemetry/telemetry.ts';
import { noTrace } from '../../../src/telemetry/tracing.ts';
import { answer, expectAttemptsOver, hedgePolicy, retryPolicy, trailers } from './attempt-policies.ts';
import {
  bytes,
  callRig,
  expectOver,
  FakeStream,
  failure,
  grpcHead,
  httpHead,
  replyHead,
  send,
} from './call-rig.ts';

const noFault = { fault: { abort: { percent: 0 } } };

describe('the request of a call', () => {
  it('goes out as it came where nothing is to be added', () => {
    const rig = callRig();
    const [grpc, http] = [grpcHead(), httpHead()];
    rig.call(grpc);
    rig.call(http);
    expect(rig.order.map(({ heads }) => heads[0])).to.deep.equal([grpc, http]);
    for (const { heads } of rig.order) {
      expect(heads[0].get(':authority')).to.equal('orders');
      expect(heads[0].get('grpc-timeout')).to.equal(undefined);
      expect(heads[0].get('grpc-previous-rpc-attempts')).to.equal(undefined);
    }
  });

  it('a single byte that came before the connection is sent with it', () => {
    const rig = callRig();
    rig.pools[0].atOnce = null;
    const client = rig.call(grpcHead(), false);
    send(client, 'x', true);
    rig.pools[0].grant();
    expect(rig.order[0].said).to.deep.equal(['head POST', 'data 1 last']);
  });

  it('of more than a first window waits for a connection, also with a retry policy and when memory is short', () => {
    for (const attemptPolicy of [undefined, retryPolicy()]) {
      const rig = callRig({ attemptPolicy });
      rig.context.replayBudget.take(0.75 * replayBytesTotalMax);
      rig.pools[0].atOnce = null;
      const client = rig.call(grpcHead(), false);
      send(client, 'x'.repeat(110_000));
      send(client, 'y'.repeat(10_000), true);
      expect(client.said).to.deep.equal([]);
      rig.pools[0].grant();
      expect(rig.order[0].said).to.deep.equal(['head POST', 'data 120000 last']);
    }
  });

  it('each byte is credited once it has left, one at a time if need be', () => {
    const rig = callRig();
    const client = rig.call(grpcHead(), false);
    send(client, 'ab');
    rig.order[0].receiver!.sent(1);
    expect(client.credit).to.equal(1);
    rig.order[0].receiver!.sent(1);
    expect(client.credit).to.equal(2);
  });

  it('ends with trailers: they go to the connection that there is, and the reply leaves nothing to decline', () => {
    const rig = callRig();
    const client = rig.call(grpcHead(), false);
    client.receiver!.trailers(HeaderBlock.of(['x-sum', '1']));
    rig.order[0].receiver!.head(replyHead('200', ['grpc-status', '0']), true);
    expect(rig.order[0].said).to.deep.equal(['head POST', 'trailers']);
    expectOver(rig);
  });

  it('what comes of it after the reply goes nowhere, and is credited', () => {
    const rig = callRig();
    const client = rig.call(grpcHead(), false);
    rig.order[0].receiver!.head(replyHead('200', ['grpc-status', '8']), true);
    client.receiver!.data(bytes('..late'), 2, 6, false);
    client.receiver!.trailers(HeaderBlock.of(['x-sum', '1']));
    expect(rig.order[0].said).to.deep.equal(['head POST', 'reset NO_ERROR']);
    expect(client.credit).to.equal(4);
    expectOver(rig);
  });

  it('comes from an address that each attempt knows, for the PROXY protocol and HTTP/1.1', () => {
    for (const attemptPolicy of [undefined, retryPolicy()]) {
      const rig = callRig({ attemptPolicy });
      rig.pools[0].atOnce = null;
      rig.call(grpcHead());
      expect(rig.pools[0].asked[0]).to.include({ clientAddress: '127.0.0.9', forwardsClient: true });
    }
  });
});

describe('the deadline of a call', () => {
  it('is not what a replica names that breaks off at that moment in another way', () => {
    for (const [kind, code, status] of [
      ['reset', ErrorCode.INTERNAL_ERROR, '13'],
      ['closed', ErrorCode.NO_ERROR, '14'],
    ] as const) {
      const rig = callRig();
      const client = rig.call(grpcHead(['grpc-timeout', '1S']));
      rig.clock.advance(999);
      rig.order[0].receiver!.failed(failure(kind, code));
      expect(client.heads[0].get('grpc-status')).to.equal(status);
      expectOver(rig);
    }
  });

  it('passes for a call with attempts of a policy while one of them was at work', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead(['grpc-timeout', '1S']));
    rig.clock.advance(1000);
    expect(decodeGrpcMessage(client.heads[0].get('grpc-message')!)).to.match(
      /^the deadline passed after 1000 ms, while 10\.0\.0\.1:1000 was processing the request/,
    );
    expectAttemptsOver(rig, policy);
  });

  it("is the client's where it is as near as that of the route", () => {
    const rig = callRig({ timeoutMs: 5 });
    rig.call(grpcHead(['grpc-timeout', '5m']));
    rig.clock.advance(5);
    expect(rig.settled[0].endedBy).to.equal('client');
    expectOver(rig);
  });

  it('that passes in an injected delay is no doing of the client', () => {
    const policies = { fault: { delay: { percent: 100, time: '200ms' } } };
    const rig = callRig({ policies });
    rig.call(grpcHead(['grpc-timeout', '100m']));
    rig.clock.advance(200);
    expect(rig.settled[0]).to.include({ endedBy: 'outrigger', error: 'deadline_exceeded' });
    expectOver(rig);
  });
});

describe('a call to a cluster that does not yet know its endpoints', () => {
  it('waits for them, with what came of its request, also behind a policy', () => {
    for (const policies of [{}, noFault]) {
      const rig = callRig({ warming: true, policies });
      const client = rig.call(grpcHead(), false);
      send(client, 'hello', true);
      rig.clock.advance(100);
      expect(client.said).to.deep.equal([]);
      rig.publish();
      expect(rig.order[0].said).to.deep.equal(['head POST', 'data 5 last']);
      answer(rig.order[0]);
      expect(rig.settled[0].attempts).to.have.length(1);
      expectOver(rig);
    }
  });

  it('and goes meanwhile is forgotten: the endpoints that come later are not asked', () => {
    for (const policies of [{}, noFault]) {
      const rig = callRig({ warming: true, policies });
      rig.call(grpcHead()).receiver!.failed(failure('reset', ErrorCode.CANCEL));
      rig.publish();
      expect(rig.order).to.have.length(0);
      expectOver(rig);
    }
  });

  it('waits no longer than the cluster does, and hears then what is the matter', () => {
    const rig = callRig({ warming: true });
    const client = rig.call(grpcHead());
    rig.clock.advance(60_000);
    expect(client.heads[0].get('x-outrigger-error')).to.equal('no_endpoint');
    expect(client.heads).to.have.length(1);
    expectOver(rig);
  });
});

describe('an endpoint that disappears', () => {
  it('gets no more of a request that it refused and that waits for another endpoint', () => {
    const rig = callRig();
    let resume = (): void => {};
    rig.cluster.whenWarm = (then) => {
      resume = then;
      return () => {};
    };
    const client = rig.call(grpcHead(), false);
    rig.cluster.drainEndpoint('10.0.0.1:1000', true);
    rig.order[0].receiver!.failed(failure('refused', ErrorCode.REFUSED_STREAM));
    send(client, 'hello', true);
    expect(rig.order[0].said).to.deep.equal(['head POST']);
    rig.cluster.drainEndpoint('10.0.0.1:1000', false);
    resume();
    expect(rig.order[1].said).to.deep.equal(['head POST', 'data 5 last']);
    answer(rig.order[1]);
    expectOver(rig);
  });

  it('leaves a running attempt alone: its hedge has nobody to go to, and the call goes on', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ warming: true, endpoints: 1, attemptPolicy: policy });
    rig.publish();
    const client = rig.call(grpcHead());
    rig.publish(0);
    rig.clock.advance(100);
    expect(policy.budget.retries).to.equal(0);
    answer(rig.order[0]);
    expect(client.trailersBlock!.get('grpc-status')).to.equal('0');
    rig.publish();
    expect(rig.order).to.have.length(1);
    expectAttemptsOver(rig, policy);
  });
});

describe('callHandler', () => {
  const peer = { address: '127.0.0.9', port: 9 };

  it('makes a call of each stream, on the context of that moment', () => {
    const [before, after] = [callRig(), callRig()];
    let context = before.context;
    const handler = callHandler(() => context, peer);
    handler.stream(new FakeStream(), grpcHead(), false);
    context = after.context;
    handler.stream(new FakeStream(), grpcHead(), true);
    expect(before.order[0].said).to.deep.equal(['head POST']);
    expect(after.order[0].said).to.deep.equal(['head POST end']);
    for (const rig of [before, after]) {
      answer(rig.order[0]);
      expectOver(rig);
    }
  });

  it('refuses a header section over the limit of the listener, and asks no endpoint', () => {
    const rig = callRig();
    const client = new FakeStream();
    const traces: unknown[] = [];
    const telemetry = { ...rig.context.telemetry } as Telemetry;
    telemetry.settled = (record, trace) => {
      traces.push(trace);
      rig.settled.push(record);
    };
    callHandler(() => ({ ...rig.context, telemetry }), peer).oversize(client, grpcHead());
    expect(traces, 'its error is on the trace').to.deep.equal([noTrace]);
    expect(client.heads[0].get('grpc-status')).to.equal('8');
    expect(decodeGrpcMessage(client.heads[0].get('grpc-message')!)).to.match(/did not process the call/);
    expect(rig.settled[0]).to.include({ error: 'header_too_large', endedBy: 'client' });
    expect(rig.order).to.deep.equal([]);
    expectOver(rig);
  });

  it('takes what a client sends behind such a header section, and forgets it', () => {
    const rig = callRig();
    const client = new FakeStream();
    callHandler(() => rig.context, peer).oversize(client, grpcHead());
    client.receiver!.data(bytes('body'), 0, 4, false);
    client.receiver!.trailers(trailers(0));
    expect(client.credit).to.equal(4);
    expect(rig.settled[0].requestBytes).to.equal(0);
    expectOver(rig);
  });
});
