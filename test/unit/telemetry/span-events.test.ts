import { expect } from 'chai';
import { clientEvents, type SpanEvent, serverEvents } from '../../../src/telemetry/span-events.ts';
import { attemptRecord, callRecord } from './records.ts';

/** `name at ms: key=value, …`, for comparing. */
function shown(events: readonly SpanEvent[]): string[] {
  return events.map(
    ({ name, atMs, attributes }) =>
      `${name} at ${atMs}: ${attributes.map(([key, value]) => `${key.name}=${value}`).join(', ')}`,
  );
}

describe('telemetry/span-events', () => {
  it('a call that went well has none, and neither has its attempt', () => {
    const record = callRecord();
    expect(serverEvents(record)).to.deep.equal([]);
    expect(clientEvents(record, record.attempts[0])).to.deep.equal([]);
  });

  it('each attempt after the first is an event at its start, with the reason for it', () => {
    const attempts = [
      attemptRecord({ verdict: 'retried: UNAVAILABLE' }),
      attemptRecord({ number: 2, kind: 'retry', startedMs: 1005 }),
      attemptRecord({ number: 3, kind: 'hedge', startedMs: 1010 }),
    ];
    expect(shown(serverEvents(callRecord({ attempts })))).to.deep.equal([
      'outrigger.retry at 1005: outrigger.attempt=2, outrigger.attempt.kind=retry, outrigger.reason=retried: UNAVAILABLE',
      'outrigger.hedge at 1010: outrigger.attempt=3, outrigger.attempt.kind=hedge',
    ]);
  });

  it('a deadline that passed is an event of the call and of the attempt that it ended', () => {
    const attempt = attemptRecord({ error: 'deadline_exceeded', grpcStatus: 4 });
    const record = callRecord({
      error: 'deadline_exceeded',
      detail: 'the deadline passed',
      attempts: [attempt],
    });
    expect(shown(serverEvents(record))).to.deep.equal([
      'outrigger.deadline at 1020: outrigger.reason=the deadline passed',
    ]);
    expect(shown(clientEvents(record, attempt))).to.deep.equal([
      'outrigger.deadline at 1019: outrigger.reason=deadline_exceeded',
    ]);
    expect(shown(clientEvents(record, attemptRecord({ error: 'per_try_timeout' })))).to.deep.equal([
      'outrigger.deadline at 1019: outrigger.reason=per_try_timeout',
    ]);
  });

  it('a reset says who sent it', () => {
    const record = callRecord({ endedBy: 'client', detail: 'the client ended the request', grpcStatus: 1 });
    expect(shown(serverEvents(record))).to.deep.equal([
      'outrigger.reset at 1020: outrigger.reset.by=client, outrigger.reason=the client ended the request',
    ]);
    const cut = attemptRecord({ grpcStatus: -1, httpStatus: 0 });
    expect(shown(clientEvents(record, cut))).to.deep.equal([
      'outrigger.reset at 1019: outrigger.reset.by=outrigger, outrigger.reason=the client ended the request',
    ]);
    const overtaken = attemptRecord({
      grpcStatus: 1,
      httpStatus: 0,
      verdict: 'cancelled: attempt 2 replied first',
    });
    expect(shown(clientEvents(callRecord(), overtaken))).to.deep.equal([
      'outrigger.reset at 1019: outrigger.reset.by=outrigger, outrigger.reason=cancelled: attempt 2 replied first',
    ]);
    const reset = attemptRecord({ error: 'upstream_reset', message: 'code INTERNAL_ERROR' });
    expect(shown(clientEvents(callRecord(), reset))).to.deep.equal([
      'outrigger.reset at 1019: outrigger.reset.by=upstream, outrigger.reason=code INTERNAL_ERROR',
    ]);
  });

  it('an attempt that still ran as its call settled has its event at the end of the call', () => {
    const running = attemptRecord({ endedMs: 0, grpcStatus: -1, httpStatus: 0 });
    expect(shown(clientEvents(callRecord(), running))).to.deep.equal([
      'outrigger.reset at 1020: outrigger.reset.by=outrigger',
    ]);
  });
});
