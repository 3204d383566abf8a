import { expect } from 'chai';
import {
  byOwnCounts,
  byReport,
  notJudged,
  ReportGuard,
} from '../../../../src/balancing/shared-load/report-guard.ts';

/** Replies of picks by own counts and by reports in turn, with latencies that repeat; returns when reports stopped counting. */
function repliesUntilPause(guard: ReportGuard, reportedMs: (i: number) => number, fromMs: number): number {
  for (let i = 0; i < 400; i++) {
    guard.answered(byOwnCounts, 1 + (i % 3), fromMs + i);
    guard.answered(byReport, reportedMs(i), fromMs + i);
    if (!guard.trusts(fromMs + i)) return i;
  }
  return -1;
}

describe('balancing/shared-load/report-guard', () => {
  it('trusts reports as long as picks by them are no slower than the others', () => {
    const guard = new ReportGuard();
    expect(repliesUntilPause(guard, (i) => 1 + (i % 3), 0)).to.equal(-1);
    expect(repliesUntilPause(guard, (i) => 0.5 + (i % 2), 1000)).to.equal(-1);
    expect(guard.trips).to.equal(0);
  });

  it('stops counting them for 10 s when they lead to slower endpoints, and for twice as long each time up to 5 min', () => {
    const guard = new ReportGuard();
    const pauses = [];
    let nowMs = 0;
    for (let i = 0; i < 7; i++) {
      const at = repliesUntilPause(guard, (each) => 8 + (each % 3), nowMs);
      expect(at, 'replies of each kind that it waits for').to.equal(15);
      nowMs += at;
      let pausedMs = 0;
      while (!guard.trusts(nowMs + pausedMs)) pausedMs += 1000;
      pauses.push(pausedMs / 1000);
      nowMs += pausedMs;
    }
    expect(pauses).to.deep.equal([10, 20, 40, 80, 160, 300, 300]);
    expect(guard.trips).to.equal(7);
  });

  it('does not judge by picks that nothing decided, nor while reports do not count', () => {
    const guard = new ReportGuard();
    for (let i = 0; i < 1000; i++) {
      guard.answered(byOwnCounts, 1 + (i % 2), i);
      guard.answered(notJudged, 100, i);
    }
    expect(guard.trips).to.equal(0);
    repliesUntilPause(guard, () => 50, 1000);
    for (let i = 0; i < 1000; i++) guard.answered(byReport, 100, 1100 + i);
    expect(guard.trips).to.equal(1);
  });
});
