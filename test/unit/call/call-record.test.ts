import { expect } from 'chai';
import { newAttemptRecord } from '../../../src/call/call-records.ts';
import { replayBytesPerCallMax } from '../../../src/call/replay-buffer.ts';
import { type Ending, endings } from '../../../src/core/ending.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { decodeGrpcMessage } from '../../../src/core/grpc-message.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { Endpoint } from '../../../src/upstream/endpoint.ts';
import type { Lease } from '../../../src/upstream/lease.ts';
import type { MethodRef } from '../../../src/upstream/method-slots.ts';
import { watchLeases } from '../../support/leases.ts';
import { callRecord } from '../telemetry/records.ts';
import { answer, expectAttemptsOver, hedgePolicy, retryPolicy, trailers } from './attempt-policies.ts';
import {
  bytes,
  type CallRig,
  callRig,
  expectOver,
  failure,
  grpcHead,
  httpHead,
  replyHead,
  send,
} from './call-rig.ts';

interface EndSeen {
  readonly ending: Ending;
  readonly tookMs: number;
  readonly method: MethodRef | null | undefined;
}

/** How the attempts of a rig ended, as its cluster is told. */
function endsOf({ cluster }: CallRig): EndSeen[] {
  const seen: EndSeen[] = [];
  watchLeases(cluster, {
    ended: (ending, tookMs, method) => seen.push({ ending, tookMs, method }),
  });
  return seen;
}

/** Two messages of gRPC, the second without content. */
const messages = Buffer.from('0000000002616200' + '00000000', 'hex');

describe('the record of a call', () => {
  it('has its sizes, messages and moments, wherever the bytes lie in what was read', () => {
    const rig = callRig();
    const ends = endsOf(rig);
    const client = rig.call(grpcHead(), false);
    const read = Buffer.concat([bytes('before'), messages]);
    client.receiver!.data(read, 6, read.length, true);
    rig.clock.advance(30);
    const upstream = rig.order[0].receiver!;
    upstream.head(replyHead(), false);
    rig.clock.advance(12);
    upstream.data(read, 6, 13, false);
    upstream.trailers(trailers(0));
    const [record] = rig.settled;
    expect(record).to.include({
      tcp: false,
      udp: false,
      requestBytes: 12,
      responseBytes: 7,
      requestMessages: 2,
      responseMessages: 1,
      detail: '',
      chosen: 0,
      sampled: false,
      httpStatus: 200,
    });
    expect(record.headMs - record.startedMs).to.equal(30);
    expect(record.endedMs - record.startedMs).to.equal(42);
    const [attempt] = record.attempts;
    expect(attempt).to.include({
      number: 1,
      kind: 'first',
      peerHost: '10.0.0.1',
      peerPort: 1000,
      tally: 'ok',
      error: '',
      verdict: '',
      withheld: '',
      httpStatus: 200,
      grpcStatus: 0,
    });
    expect(attempt.endedMs - attempt.startedMs).to.equal(42);
    expect(ends.map(({ ending, tookMs }) => [ending, tookMs])).to.deep.equal([[endings.answered, 42]]);
    expect(ends[0].method, 'figures by method').not.to.equal(null);
    expectOver(rig);
  });

  it('has no messages, no gRPC status and no method where the call is not gRPC', () => {
    const rig = callRig();
    const ends = endsOf(rig);
    const client = rig.call(httpHead('POST'), false);
    client.receiver!.data(messages, 0, messages.length, true);
    rig.order[0].receiver!.head(HeaderBlock.of([':status', '200']), false);
    rig.order[0].receiver!.data(messages, 0, messages.length, true);
    expect(rig.settled[0]).to.include({ grpcStatus: -1, requestMessages: 0, responseMessages: 0 });
    expect(rig.settled[0].attempts[0]).to.include({ grpcStatus: -1, tally: 'ok' });
    expect(rig.endpoints[0]).to.include({ success: 1, other: 0 });
    expect(ends[0].method).to.equal(null);
    expectOver(rig);
  });

  it('is empty of what did not happen: a call that goes nowhere', () => {
    const rig = callRig();
    rig.call(httpHead('GET', '/other'));
    const [{ startedWallMs, ...record }] = rig.settled;
    expect(startedWallMs).to.equal(rig.clock.wallMs());
    expect(record).to.deep.include({
      clientAddress: '127.0.0.9',
      clientPort: 9,
      headMs: 0,
      grpcStatus: -1,
      httpStatus: 404,
      endedBy: 'outrigger',
      error: 'no_route',
      detail: 'no route matches GET orders/other',
      requestBytes: 0,
      responseBytes: 0,
      attempts: [],
      chosen: 0,
    });
    rig.call(httpHead('GET', '/other'));
    expect(rig.settled[1].id).to.equal(record.id + 1);
  });

  it('has the path of a Unix socket as the peer of its attempt, and no port', () => {
    const endpoint = {
      address: 'unix:/run/a.sock',
      target: { kind: 'unix', path: '/run/a.sock' },
      dial: { tls: null, httpVersion: '2' },
    } as Endpoint;
    const call = callRecord({ attempts: [] });
    expect(
      newAttemptRecord(call, { endpoint, reason: '', startedMs: 7 } as unknown as Lease, 'first'),
    ).to.include({
      peerHost: '/run/a.sock',
      peerPort: 0,
      scheme: 'http',
      httpVersion: '2',
      startedMs: 7,
      endedMs: 0,
      httpStatus: 0,
      grpcStatus: -1,
    });
  });

  it('has a status from 400 as what the upstream said, of any reply of HTTP', () => {
    const rig = callRig();
    rig.call(httpHead());
    rig.order[0].receiver!.head(HeaderBlock.of([':status', '400'], ['x-outrigger-error', 'denied']), true);
    expect(String(rig.settled[0].attempts[0].message)).to.equal('x-outrigger-error: denied');
    expectOver(rig);
  });

  it('of a reply without trailers says what is missing, and of a status without a message nothing', () => {
    const rig = callRig();
    rig.call(grpcHead());
    rig.order[0].receiver!.head(replyHead(), false);
    rig.order[0].receiver!.data(messages, 0, messages.length, true);
    rig.call(grpcHead());
    rig.order[1].receiver!.head(replyHead('200', ['grpc-status', '5']), true);
    const told = rig.settled.map(({ grpcStatus, attempts }) => [grpcStatus, String(attempts[0].message)]);
    expect(told).to.deep.equal([
      [2, 'HTTP 200 without a grpc-status'],
      [5, ''],
    ]);
    expectOver(rig, 2);
  });

  it('of a dropped reply has what it said, in the form of its protocol', () => {
    const policy = retryPolicy({ on: [503] });
    const rig = callRig({ attemptPolicy: policy });
    rig.call(httpHead());
    rig.order[0].receiver!.head(HeaderBlock.of([':status', '503'], ['x-outrigger-error', 'draining']), true);
    rig.clock.advance(25);
    rig.order[1].receiver!.head(HeaderBlock.of([':status', '200']), true);
    expect(rig.settled[0].attempts.map(({ message }) => String(message))).to.deep.equal([
      'x-outrigger-error: draining',
      '',
    ]);
    expectAttemptsOver(rig, policy);
  });

  it('has the gRPC status that a failed attempt stands for, and none for HTTP', () => {
    for (const [head, kind, code, status] of [
      [grpcHead(), 'closed', 0, 14],
      [grpcHead(), 'reset', ErrorCode.ENHANCE_YOUR_CALM, 8],
      [httpHead(), 'closed', 0, -1],
    ] as const) {
      const rig = callRig();
      rig.call(head);
      rig.order[0].receiver!.failed(failure(kind, code));
      expect(rig.settled[0].attempts[0].grpcStatus).to.equal(status);
      expectOver(rig);
    }
  });

  it('keeps the status that the client got where the call breaks off later', () => {
    for (const [head, grpcStatus] of [
      [grpcHead(), 14],
      [httpHead(), -1],
    ] as const) {
      const rig = callRig();
      rig.call(head);
      rig.order[0].receiver!.head(HeaderBlock.of([':status', '200']), false);
      rig.order[0].receiver!.failed(failure('closed'));
      const detail = 'endpoint 10.0.0.1:1000 failed: it was closed';
      expect(rig.settled[0]).to.include({ httpStatus: 200, grpcStatus, error: 'upstream_closed', detail });
      expectOver(rig);
    }
  });

  it('says how the client ended it, and has no gRPC status where the call is not gRPC', () => {
    const rig = callRig();
    const ends = endsOf(rig);
    rig.call(httpHead()).receiver!.failed(failure('reset', ErrorCode.CANCEL));
    expect(rig.settled[0]).to.include({
      endedBy: 'client',
      grpcStatus: -1,
      httpStatus: 0,
      detail: 'the client ended the request: it was reset',
    });
    expect(ends[0].ending).to.equal(endings.cancelled);
    expectOver(rig);
  });

  it('says why a call that no endpoint began was sent to another one, and why another was not', () => {
    const rig = callRig({ endpoints: 2 });
    const client = rig.call(grpcHead(), false);
    rig.order[0].receiver!.failed(failure('refused', ErrorCode.REFUSED_STREAM));
    send(client, 'x'.repeat(replayBytesPerCallMax + 1));
    rig.order[1].receiver!.sent(replayBytesPerCallMax + 1);
    send(client, 'x');
    rig.order[1].receiver!.failed(failure('unsent'));
    expect(rig.settled[0].attempts.map(({ verdict }) => verdict)).to.deep.equal([
      'retried on another endpoint: the endpoint did not process the request',
      'not retried on another endpoint: the request is larger than the replay buffer',
    ]);
    expectOver(rig);
  });

  it('has whose doing it was that an attempt ended: of the client, of this process, of the deadline', () => {
    const attemptPolicy = hedgePolicy(2);
    const rig = callRig({ endpoints: 2, attemptPolicy });
    const ends = endsOf(rig);
    const client = rig.call(grpcHead());
    rig.clock.advance(100);
    client.receiver!.failed(failure('reset', ErrorCode.CANCEL));
    expect(ends.splice(0).map(({ ending }) => ending)).to.deep.equal([endings.cancelled, endings.cancelled]);
    rig.call(grpcHead());
    rig.context.calls.abortAll();
    expect(ends.splice(0).map(({ ending }) => ending)).to.deep.equal([endings.terminated]);
    expectAttemptsOver(rig, attemptPolicy, 2);
    const plain = callRig();
    const plainEnds = endsOf(plain);
    plain.call(grpcHead());
    plain.context.calls.abortAll();
    plain.pools[0].granted = (stream) => {
      plain.order.push(stream);
      Object.assign(stream, { headListBytesMax: 10 });
    };
    plain.call(grpcHead());
    expect(plain.settled[1]).to.include({ error: 'header_too_large', endedBy: 'client' });
    const [cut, tooLarge] = plainEnds.map(({ ending }) => ending);
    expect([cut, tooLarge]).to.deep.equal([endings.terminated, endings.unsendable]);
    expect(cut).to.equal(endings.terminated);
    expect(tooLarge).to.equal(endings.unsendable);
  });

  it("is the client's doing where its request has no form in the protocol of the endpoint", () => {
    const rig = callRig({ protocol: 'http1' });
    rig.call(httpHead('POST'), false);
    rig.order[0].receiver!.failed(failure('unsendable', ErrorCode.PROTOCOL_ERROR));
    expect(rig.settled[0]).to.include({ endedBy: 'client', error: 'protocol_error' });
    expectOver(rig);
  });

  it('of an HTTP call whose deadline passed has no gRPC status', () => {
    const rig = callRig({ timeoutMs: 500 });
    rig.call(httpHead());
    rig.clock.advance(500);
    expect(rig.settled[0].attempts[0]).to.include({ error: 'deadline_exceeded', grpcStatus: -1 });
    expectOver(rig);
  });
});

describe('a call is settled once', () => {
  it('however many ends arrive, and its record stays as it was', () => {
    const rig = callRig();
    const client = rig.call(grpcHead());
    const upstream = rig.order[0].receiver!;
    answer(rig.order[0]);
    const { grpcStatus, detail, endedBy, endedMs } = rig.settled[0];
    rig.clock.advance(10);
    client.receiver!.failed(failure('closed'));
    upstream.failed(failure('closed'));
    expect(client.said).to.deep.equal(['head 200', 'data 5', 'trailers']);
    expect(rig.settled[0]).to.include({ grpcStatus, detail, endedBy, endedMs });
    expectOver(rig);
  });

  it('a client that has gone is not settled again by a reply that was on its way', () => {
    const rig = callRig();
    const client = rig.call(grpcHead());
    const upstream = rig.order[0].receiver!;
    upstream.head(replyHead(), false);
    client.receiver!.failed(failure('reset', ErrorCode.CANCEL));
    rig.clock.advance(10);
    upstream.trailers(trailers(0));
    expect(rig.settled[0].endedBy).to.equal('client');
    expect(rig.settled[0].endedMs).to.equal(rig.clock.now() - 10);
    expectOver(rig);
  });

  it('an error of ours is said once, whatever comes later', () => {
    const rig = callRig();
    const client = rig.call(grpcHead());
    const upstream = rig.order[0].receiver!;
    rig.context.calls.abortAll();
    upstream.failed(failure('closed'));
    expect(client.said).to.deep.equal(['head 200 end']);
    expect(decodeGrpcMessage(client.heads[0].get('grpc-message')!)).to.match(/may have processed the call/);
    expectOver(rig);
  });

  it('a drain says that a call which had no connection was not processed', () => {
    const rig = callRig();
    rig.pools[0].atOnce = null;
    const client = rig.call(grpcHead());
    rig.context.calls.abortAll();
    expect(decodeGrpcMessage(client.heads[0].get('grpc-message')!)).to.match(/did not process the call/);
    expectOver(rig);
  });
});
