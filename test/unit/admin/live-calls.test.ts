import { expect } from 'chai';
import { LiveCalls, liveCallsMax } from '../../../src/admin/live-calls.ts';
import type { CallRecord } from '../../../src/telemetry/call-record.ts';
import { shownCallsMax } from '../../../src/telemetry/recent-calls.ts';
import { attemptRecord, callRecord } from '../telemetry/records.ts';

const failedCall = (id: number, endpoint: string, over: Partial<CallRecord> = {}): CallRecord =>
  callRecord({
    id,
    grpcStatus: 14,
    endedBy: 'upstream',
    attempts: [attemptRecord({ endpoint, grpcStatus: 14, tally: 'error', message: `order ${id} is gone` })],
    ...over,
  });

const none = { recent: [], slow: [], failed: [], clientErrors: [] };

describe('admin/live-calls', () => {
  it('has a row for all calls that failed in the same way, whatever the upstream said, and each kind', () => {
    const calls = {
      ...none,
      failed: [failedCall(4, 'a'), failedCall(3, 'b'), failedCall(2, 'a'), failedCall(1, 'a')],
      clientErrors: [failedCall(5, 'a', { grpcStatus: 5 })],
      slow: [callRecord({ id: 7 }), callRecord({ id: 6 })],
    };
    const { rows, shown } = new LiveCalls().list(calls, 0);
    expect(rows.map(({ kind, id, times }) => [kind, id, times])).to.deep.equal([
      ['failed', 4, 3],
      ['failed', 3, 1],
      ['client error', 5, 1],
      ['slow', 7, 2],
    ]);
    expect(rows[0].reason).to.include('"order 4 is gone"');
    expect(rows[0]).to.include({ listener: 'outbound', route: 'hello', traceId: '', status: 'UNAVAILABLE' });
    expect(rows[0].timing).to.have.length(1);
    expect(shown.map(({ id }) => id)).to.deep.equal([4, 3, 5, 7]);
  });

  it('keeps the example of a row for a minute, and says when the newest call ended', () => {
    const live = new LiveCalls();
    live.list({ ...none, failed: [failedCall(1, 'a')] }, 0);
    const newer = failedCall(2, 'a', { startedWallMs: 1_700_000_050_000 });
    const calls = { ...none, failed: [newer, failedCall(1, 'a')] };
    const [row] = live.list(calls, 59_999).rows;
    expect([row.id, row.times, row.endedWallMs]).to.deep.equal([1, 2, 1_700_000_050_020]);
    expect(live.list(calls, 60_000).rows[0].id).to.equal(2);
  });

  it('has so few examples that a link to a call works for ten minutes while every call fails in another way', () => {
    const live = new LiveCalls();
    const examples = new Set<number>();
    let id = 0;
    for (let second = 0; second < 600; second++) {
      const failed = Array.from({ length: 40 }, (_, i) => failedCall(++id, `replica ${i}`));
      for (const call of live.list({ ...none, failed }, second * 1000).shown) examples.add(call.id);
    }
    expect(examples.size)
      .to.be.at.most(shownCallsMax)
      .and.at.least(10 * liveCallsMax);
  });

  it('has a limited number of rows of each kind', () => {
    const failed = Array.from({ length: 100 }, (_, i) => failedCall(i, `replica ${i}`));
    expect(new LiveCalls().list({ ...none, failed }, 0).rows).to.have.length(liveCallsMax);
  });
});
