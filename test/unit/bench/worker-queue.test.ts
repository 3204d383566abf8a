import { expect } from 'chai';
import { arrivals } from '../../balance-sim/arrivals.ts';
import { ownCounts } from '../../balance-sim/policies.ts';
import { run } from '../../balance-sim/run.ts';
import { scenario } from '../../balance-sim/scenario.ts';
import { WorkerQueue } from '../../bench/live/worker-queue.ts';

const networkMs = 0.1;

describe("the live bench's replica", () => {
  it('ends each call when the replica of the simulator does, also while it is slow or fails', () => {
    const window = { replica: 0, fromMs: 500, untilMs: 1500 };
    const slow = { ...window, kind: 'slow', factor: 3 } as const;
    const failing = { ...window, kind: 'failing', share: 1, afterMs: 0.2 } as const;
    for (const troubles of [[], [slow], [failing]]) {
      const one = scenario({ replicas: 1, calls: 3000, networkMs, troubles });
      const simulated = run(one, ownCounts, 1);
      const queue = new WorkerQueue(one.workers, troubles);
      let call = 0;
      for (const { atMs, workMs } of arrivals(one, 1)) {
        const { doneMs, failed } = queue.take(atMs + networkMs, workMs);
        expect(doneMs + networkMs - atMs).to.be.closeTo(simulated.latencyMs[call], 1e-6);
        expect(failed).to.equal(simulated.failed[call] === 1);
        call++;
      }
      expect(call).to.equal(one.calls);
    }
  });
});
