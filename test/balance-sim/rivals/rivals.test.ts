import { expect } from 'chai';
import { SeededRandom } from '../../../src/core/random.ts';
import type { Policy, ReplicaReport, SpreaderDeps } from '../spreader.ts';
import { World } from '../world.ts';
import { localShortestQueue } from './local-shortest-queue.ts';
import { ownZoneFirst } from './own-zone-first.ts';
import { peakTimesLoad } from './peak-times-load.ts';
import { chooseHotCold, prequal } from './prequal.ts';
import { ReportGuard } from './report-guard.ts';
import { shortestByRate } from './shortest-by-rate.ts';
import { tidalWaterFilling, waterLevel } from './tidal-water-filling.ts';
import { usedOnce } from './used-once.ts';
import { wf } from './wf.ts';

const networkMs = 0.1;
const reported = (inFlight: number, latencyMs = 2): ReplicaReport => ({
  inFlight,
  latencyMs,
  utilization: 0.5,
  requestsPerSecond: 100,
});

/** One sidecar in front of replicas that say how many calls they have, or nothing (null). */
class Sidecar {
  readonly world = new World();
  private readonly spreader;
  private calls = 0;

  constructor(
    policy: Policy,
    loads: readonly (number | null)[],
    speeds: readonly number[] = [],
    zones: SpreaderDeps['zones'] = null,
  ) {
    [this.spreader] = policy.build({
      sidecars: 1,
      replicas: loads.length,
      clock: this.world,
      random: () => new SeededRandom(1),
      speeds: loads.map((_, i) => speeds[i] ?? 1),
      networkMs,
      zones,
      loadOf: (replica) => reported(loads[replica] ?? 0),
    });
    // A call to each, so that each reply brings its report.
    for (const [i, load] of loads.entries()) {
      this.spreader.discover([i]);
      this.call(load);
    }
    this.spreader.discover(loads.map((_, i) => i));
  }

  pick(): number {
    return this.spreader.pick(this.world.nowMs, '', this.calls++);
  }

  /** A call that comes back at once with such a report; the replica. */
  call(load: number | null, latencyMs: (replica: number) => number = () => 2): number {
    const replica = this.pick();
    this.spreader.settle({
      call: this.calls - 1,
      replica,
      failed: false,
      latencyMs: latencyMs(replica),
      nowMs: this.world.nowMs,
      report: load === null ? null : reported(load),
    });
    return replica;
  }

  after(ms: number): this {
    this.world.runUntil(this.world.nowMs + ms, () => {});
    return this;
  }
}

const pickTwice = (policy: Policy): number[] => {
  const sidecar = new Sidecar(policy, [6, 4, 6]);
  return [sidecar.pick(), sidecar.pick()];
};

describe('the rivals of the balancing simulator', () => {
  it('"used once" takes the queue that was reported shortest, once', () => {
    const [first, second] = pickTwice(usedOnce);
    expect(first).to.equal(1);
    expect(second).not.to.equal(1);
  });

  it('LSQ takes it again as long as it seems shorter with its own calls in it, and forgets within milliseconds', () => {
    expect(pickTwice(localShortestQueue)).to.deep.equal([1, 1]);
    const later = new Sidecar(localShortestQueue, [6, 2, 6]).after(100);
    const [first, second, third] = [later.pick(), later.pick(), later.pick()];
    expect(new Set([first, second, third])).to.deep.equal(new Set([0, 1, 2]));
  });

  it('tidal water filling levels the queues with the calls of all: a queue above the level gets none', () => {
    expect(waterLevel(Float64Array.of(5, 1, 2), 2)).to.equal(2.5);
    expect(waterLevel(Float64Array.of(1, 1, 2), 5)).to.equal(3);
    const firsts = Array.from({ length: 50 }, () => new Sidecar(tidalWaterFilling, [9, 2, 9]).pick());
    expect(new Set(firsts)).to.deep.equal(new Set([1]));
  });

  it('peak EWMA with reports weighs calls there by the latency, which jumps up to a peak', () => {
    const sidecar = new Sidecar(peakTimesLoad, [3, 3, 3]);
    const slow = sidecar.call(3, () => 100);
    expect([sidecar.pick(), sidecar.pick()]).not.to.include(slow);
  });

  it('JSQ by rate joins the queue that is served soonest', () => {
    const sidecar = new Sidecar(shortestByRate, [0, 0], [1, 3]);
    expect([1, 2, 3].map(() => sidecar.pick()).filter((replica) => replica === 1)).to.have.length.at.least(2);
  });

  it('own zone first goes to another zone once it is shorter by what the way there costs', () => {
    const zones = { ofSidecar: [0], ofReplica: [0, 1], betweenMs: 1 };
    const picks = (far: number): number[] => {
      const sidecar = new Sidecar(ownZoneFirst(4.5), [6, far], [], zones);
      return [sidecar.pick(), sidecar.pick()];
    };
    expect(picks(3)).to.deep.equal([0, 0]);
    expect(picks(1)).to.deep.equal([1, 0]);
  });

  it('WF takes a reported short queue once, and drops a report beyond what is plausible', () => {
    const [first, second] = pickTwice(wf);
    expect(first).to.equal(1);
    expect(second).not.to.equal(1);
    const lied = new Sidecar(wf, [4, 4, 1e9]);
    expect(new Set([lied.pick(), lied.pick(), lied.pick()])).to.deep.equal(new Set([0, 1, 2]));
  });
});

describe('Prequal', () => {
  it('prefers the fastest that is not hot, and of hot ones the least loaded', () => {
    const [fast, slow, idle] = [
      { inFlight: 9, latencyMs: 1 },
      { inFlight: 3, latencyMs: 5 },
      { inFlight: 1, latencyMs: 8 },
    ];
    expect(chooseHotCold([fast, slow, idle], 20)).to.equal(fast);
    expect(chooseHotCold([fast, slow, idle], 5)).to.equal(slow);
    expect(chooseHotCold([fast, slow, idle], 0)).to.equal(idle);
  });

  it('knows of a load once the answer to a probe is back', () => {
    const sidecar = new Sidecar(prequal, [50, 50, 50, 50, 50, 50, 50, 0]);
    const picks = Array.from({ length: 100 }, () => {
      const replica = sidecar.call(null, (one) => (one === 7 ? 2 : 50));
      sidecar.after(3 * networkMs);
      return replica;
    });
    expect(picks.filter((replica) => replica === 7).length).to.be.above(20);
  });
});

describe('the guard of WF', () => {
  const feed = (guard: ReportGuard, byReportMs: number, otherMs: number, nowMs = 1000): void => {
    for (let i = 0; i < 50; i++) {
      // The latencies of each kind differ, so that there is a variance to compare with.
      guard.ended(true, byReportMs * (1 + (i % 5) / 10), nowMs);
      guard.ended(false, otherMs * (1 + (i % 5) / 10), nowMs);
    }
  };

  it('ignores reports for ten seconds where the picks that they decided are slower, and twice as long next time', () => {
    const guard = new ReportGuard();
    feed(guard, 6, 2);
    const trustedAt = [1000, 10_999, 11_000].map((ms) => guard.trusts(ms));
    expect(trustedAt).to.deep.equal([false, false, true]);
    feed(guard, 6, 2, 11_000);
    expect([guard.trusts(30_999), guard.trusts(31_000)]).to.deep.equal([false, true]);
  });

  it('trusts them where those picks are faster or alike', () => {
    for (const byReportMs of [1, 2]) {
      const guard = new ReportGuard();
      feed(guard, byReportMs, 2);
      expect(guard.trusts(1000)).to.equal(true);
    }
  });
});
