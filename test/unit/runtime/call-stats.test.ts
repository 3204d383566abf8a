import { expect } from 'chai';
import { CallStats } from '../../../src/runtime/call-stats.ts';
import { callRecord } from '../telemetry/records.ts';

describe('CallStats', () => {
  it('counts calls, errors of the server side and errors of clients', () => {
    const stats = new CallStats();
    for (const over of [
      { grpcStatus: 0 },
      { grpcStatus: 5 },
      { grpc: false, grpcStatus: -1, httpStatus: 204 },
      { grpc: false, grpcStatus: -1, httpStatus: 500 },
      { grpc: false, grpcStatus: -1, httpStatus: 0 },
      { grpc: false, grpcStatus: -1, httpStatus: 0, endedBy: 'client' as const },
    ])
      stats.add(callRecord(over));
    expect(stats).to.include({ calls: 6, errors: 2, clientErrors: 2 });
  });

  it('knows latencies and rates of the recent past only', () => {
    const stats = new CallStats();
    expect(stats.quantileMs(0.5, 0)).to.equal(null);
    for (let i = 0; i < 100; i++) {
      const startedMs = 1000 + i * 100;
      stats.add(
        callRecord({ startedMs, endedMs: startedMs + (i < 90 ? 10 : 500), grpcStatus: i < 75 ? 0 : 14 }),
      );
    }
    const nowMs = 11_400;
    expect(stats.quantileMs(0.5, nowMs)).to.be.closeTo(10, 1);
    expect(stats.quantileMs(0.99, nowMs)).to.be.closeTo(500, 50);
    expect(stats.callsPerSecond(nowMs)).to.be.closeTo(10, 1);
    expect(stats.errorsPerSecond(nowMs)).to.be.within(2, 10);
    const laterMs = nowMs + 60_000;
    expect([stats.quantileMs(0.5, laterMs), stats.callsPerSecond(laterMs)]).to.deep.equal([null, 0]);
    expect(stats.calls, 'totals stay').to.equal(100);
  });
});
