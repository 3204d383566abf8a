import { expect } from 'chai';
import { callTiming } from '../../../src/admin/call-timing.ts';
import { attemptRecord, callRecord } from '../telemetry/records.ts';

/** The parts of each attempt as text: `queue 1-3, reply 3-15`. */
function partsOf(...over: Parameters<typeof callRecord>): string[] {
  return callTiming(callRecord(...over)).map(({ parts }) =>
    parts.map(({ part, fromMs, toMs }) => `${part} ${fromMs}-${toMs}`).join(', '),
  );
}

describe('admin/call-timing', () => {
  it('divides an attempt into the time to the first byte and the body', () => {
    expect(partsOf()).to.deep.equal(['reply 1-15, body 15-19']);
  });

  it('shows a connection that was opened for the attempt, and a wait for a stream of a full one', () => {
    const dialled = attemptRecord({ wait: { dialedMs: 1001, readyMs: 1008, endedMs: 1008 } });
    expect(partsOf({ attempts: [dialled] })).to.deep.equal(['connect 1-8, reply 8-15, body 15-19']);
    const underway = attemptRecord({ wait: { dialedMs: 900, readyMs: 1004, endedMs: 1006 } });
    expect(partsOf({ attempts: [underway] })).to.deep.equal([
      'connect 1-4, queue 4-6, reply 6-15, body 15-19',
    ]);
    const dialledLater = attemptRecord({ wait: { dialedMs: 1003, readyMs: 1006, endedMs: 1006 } });
    expect(partsOf({ attempts: [dialledLater] })).to.deep.equal([
      'queue 1-3, connect 3-6, reply 6-15, body 15-19',
    ]);
    const full = attemptRecord({ wait: { dialedMs: 100, readyMs: 110, endedMs: 1010 } });
    expect(partsOf({ attempts: [full] })).to.deep.equal(['queue 1-10, reply 10-15, body 15-19']);
  });

  it('shows attempts that failed, with how they ended, and only the chosen one has the first byte', () => {
    const refused = attemptRecord({
      endedMs: 1004,
      grpcStatus: -1,
      httpStatus: 0,
      error: 'connect_failed',
      tally: 'error',
    });
    const second = attemptRecord({ number: 2, startedMs: 1005, kind: 'transparent' });
    const [first, last] = callTiming(callRecord({ attempts: [refused, second] }));
    expect(first).to.deep.equal({
      endpoint: '127.0.0.1:50051',
      kind: 'first',
      outcome: 'connect_failed',
      failed: true,
      parts: [{ part: 'connect', fromMs: 1, toMs: 4 }],
    });
    expect([last.kind, last.outcome, last.failed]).to.deep.equal(['transparent', 'OK', false]);
    expect(last.parts.map(({ part }) => part)).to.deep.equal(['reply', 'body']);
    const overloaded = attemptRecord({ error: 'overloaded', grpcStatus: -1 });
    expect(partsOf({ headMs: 0, attempts: [overloaded] })).to.deep.equal(['queue 1-19']);
  });

  it('ends an attempt that was still running with its call, and shows a limited number', () => {
    expect(partsOf({ headMs: 0, attempts: [attemptRecord({ endedMs: 0 })] })).to.deep.equal(['reply 1-20']);
    const attempts = Array.from({ length: 20 }, (_, i) => attemptRecord({ number: i + 1 }));
    expect(callTiming(callRecord({ attempts }))).to.have.length(8);
    expect(callTiming(callRecord({ attempts: [] }))).to.deep.equal([]);
  });
});
