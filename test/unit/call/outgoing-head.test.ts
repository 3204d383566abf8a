import { expect } from 'chai';
import type { Attempt } from '../../../src/call/attempt.ts';
import { headOfAttempt, outgoingHead, withPreviousAttempts } from '../../../src/call/outgoing-head.ts';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { noTrace } from '../../../src/telemetry/tracing.ts';
import { attemptRecord } from '../telemetry/records.ts';
import { grpcHead } from './call-rig.ts';

const traceparent = new Field('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
const never = Number.POSITIVE_INFINITY;
const previous = 'grpc-previous-rpc-attempts';

describe('the head of an attempt', () => {
  it('has the trace context and what is left of the deadline, each where there is one', () => {
    const sent = (tracestate: string, leftMs: number) => {
      const trace = { ...noTrace, tracestate };
      const head = outgoingHead(grpcHead(), traceparent, trace, attemptRecord(), leftMs);
      return ['traceparent', 'tracestate', 'grpc-timeout'].map((name) => head.all(name).join());
    };
    expect(sent('a=1', 1500)).to.deep.equal([traceparent.value, 'a=1', '1500000u']);
    expect(sent('', 1500)).to.deep.equal([traceparent.value, '', '1500000u']);
    expect(sent('a=1', never)).to.deep.equal([traceparent.value, 'a=1', '']);
    const bare = outgoingHead(grpcHead(), traceparent, noTrace, attemptRecord(), never);
    expect(bare.allFields.map(({ name }) => name)).not.to.include('tracestate');
  });

  it('has its own fields as ordinary ones, which compression may index', () => {
    const head = outgoingHead(grpcHead(), traceparent, noTrace, attemptRecord(), 1500);
    expect(head.allFields.filter(({ sensitive }) => sensitive)).to.deep.equal([]);
  });

  it('without an authority gets that of a Unix socket', () => {
    const base = HeaderBlock.of([':method', 'GET'], [':authority', ''], [':path', '/']);
    const endpoint = { target: { kind: 'unix', path: '/run/a.sock' } };
    const attempt = { traceparent: null, endpoint, record: attemptRecord() } as unknown as Attempt;
    const head = headOfAttempt(base, attempt, noTrace, never, 0);
    expect(head.all(':authority')).to.deep.equal(['localhost']);
  });

  it('adds to the attempts of the client before, where that says a number of them', () => {
    for (const [said, expected] of [
      [null, '2'],
      ['3', '5'],
      ['1', '3'],
      ['0', '2'],
      ['-1', '2'],
      ['1.5', '2'],
      ['many', '2'],
    ] as const) {
      const head = said === null ? grpcHead() : grpcHead([previous, said]);
      expect(withPreviousAttempts(head, 2).all(previous), `${said}`).to.deep.equal([expected]);
    }
  });
});
