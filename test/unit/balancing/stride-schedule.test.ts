import { expect } from 'chai';
import { StrideSchedule } from '../../../src/balancing/stride-schedule.ts';
import { SeededRandom } from '../../../src/core/random.ts';

/** Has a schedule begin with this sequence number. */
class StartAt extends SeededRandom {
  private readonly start: number;
  constructor(start: number) {
    super(1);
    this.start = start;
  }
  override next(): number {
    return this.start / 2 ** 32;
  }
}

function picks(weights: readonly number[], start: number, count: number, bounded = true): number[] {
  const schedule = new StrideSchedule(weights.length, new StartAt(start));
  schedule.setWeights(Float64Array.from(weights), bounded);
  return Array.from({ length: count }, () => schedule.next());
}

describe('balancing/stride-schedule', () => {
  // Printed by the scheduler of grpc-go 1.84.0 (balancer/weightedroundrobin) for these weights and sequence numbers.
  for (const [weights, start, ofGo] of [
    [[1, 2, 3], 0, '1220121220121220121220121220121220121220'],
    [[1, 2, 3], 123_456, '2012122012122012122012122012122012122012'],
    [[120, 40, 0, 75.5], 0, '0230120302301203020123030201230302012300'],
    [[120, 40, 0, 75.5], 123_456, '0301230203012302030120230301202303012023'],
    [[5, 5, 5], 0, '0120120120120120120120120120120120120120'],
    [[0, 7, 0], 123_456, '0120120120120120120120120120120120120120'],
    [[10, 1], 0, '0000010000000000100000000001000000000010'],
    [[10, 1], 123_456, '0001000000000010000000000100000000001000'],
  ] as const)
    it(`picks in the order of gRPC with weights ${weights.join(', ')} from ${start}`, () => {
      expect(picks(weights, start, 40).join('')).to.equal(ofGo);
    });

  it('has exact shares over a whole cycle, also where the sequence number wraps', () => {
    const counts = [0, 0, 0];
    for (const index of picks([1, 2, 5], 2 ** 32 - 50_000, 104_856)) counts[index]++;
    for (const [i, weight] of [1, 2, 5].entries())
      expect(counts[i] / 104_856).to.be.closeTo(weight / 8, 0.0005);
  });

  it('keeps weights within ten times the mean and a tenth of it, where they are bounded', () => {
    const shares = (weights: readonly number[], bounded: boolean): number[] => {
      const schedule = new StrideSchedule(weights.length, new SeededRandom(1));
      schedule.setWeights(Float64Array.from(weights), bounded);
      return weights.map((_, i) => schedule.shareOf(i));
    };
    const weights = [1, 100, 100, 100, 100];
    expect(shares(weights, true)[0] / shares(weights, true)[1]).to.be.closeTo(0.0802, 0.0001);
    expect(shares(weights, false)[0] / shares(weights, false)[1]).to.be.closeTo(0.01, 0.0001);
    const many = [1000, ...Array.from({ length: 49 }, () => 1)];
    expect(shares(many, true)[0] / shares(many, true)[1]).to.be.closeTo(100, 1);
  });
});
