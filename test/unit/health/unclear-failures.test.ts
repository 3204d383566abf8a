import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { SeededRandom } from '../../../src/core/random.ts';
import {
  othersWithAttempts,
  SuccessGaps,
  Suspicion,
  unclearFailuresMin,
} from '../../../src/health/unclear-failures.ts';

/** An endpoint as the cluster keeps it. */
class Rated {
  success = 0;
  unclear = 0;
  suspicion: Suspicion | null = null;
  /** Failures that were held against it. */
  counted = 0;
  succeed(): void {
    this.success++;
    this.suspicion = null;
  }
  fail(all: readonly Rated[]): void {
    this.unclear++;
    this.suspicion ??= new Suspicion();
    this.counted += this.suspicion.add(() => all.filter((one) => one !== this), true);
  }
}
const pool = (size: number): Rated[] => Array.from({ length: size }, () => new Rated());

describe('failures that requests may have caused', () => {
  it('count, all at once, where one endpoint fails and another does well', () => {
    const [bad, good] = pool(2);
    for (let i = 1; i < unclearFailuresMin; i++) {
      bad.fail([bad, good]);
      good.succeed();
      good.succeed();
    }
    expect(bad.counted).to.equal(0);
    bad.fail([bad, good]);
    expect(bad.counted).to.equal(unclearFailuresMin);
    bad.fail([bad, good]);
    expect(bad.counted, 'and each that follows').to.equal(unclearFailuresMin + 1);
  });

  it('do not count before the endpoint has been without a success for longer than usual', () => {
    const [bad, good] = pool(2);
    const suspicion = new Suspicion();
    const fail = (silent: boolean) => {
      for (let i = 0; i < 10; i++) good.succeed();
      return suspicion.add(() => [good], silent);
    };
    for (let i = 0; i < 40; i++) expect(fail(false)).to.equal(0);
    expect(fail(true), 'all at once').to.equal(41);
    expect(fail(false), 'it stood out once').to.equal(1);
    expect(bad.counted).to.equal(0);
  });

  it('count no more after a success, until there are as many again', () => {
    const all = pool(2);
    const [bad, good] = all;
    const failing = (times: number): void => {
      for (let i = 0; i < times; i++) {
        bad.fail(all);
        good.succeed();
        good.succeed();
      }
    };
    failing(20);
    const before = bad.counted;
    expect(before).to.equal(20);
    bad.succeed();
    failing(unclearFailuresMin - 1);
    expect(bad.counted).to.equal(before);
    failing(1);
    expect(bad.counted).to.equal(before + unclearFailuresMin);
  });

  it('count for each of several broken endpoints while half of the others do well', () => {
    const all = pool(4);
    for (let i = 0; i < 40; i++) {
      for (const bad of all.slice(0, 2)) bad.fail(all);
      for (const good of all.slice(2)) good.succeed();
    }
    expect(all.map(({ counted }) => counted > 0)).to.deep.equal([true, true, false, false]);
  });

  it('count beside ordinary errors of the others', () => {
    const all = pool(2);
    const [bad, good] = all;
    for (let i = 0; i < 300; i++) {
      bad.fail(all);
      if (i % 50 === 1) good.fail(all);
      else good.succeed();
    }
    expect(bad.counted).to.be.above(200);
    expect(good.counted).to.equal(0);
  });

  it('count though the broken endpoint gets most of the calls, because it is quick', () => {
    const all = pool(6);
    for (let i = 0; i < 400; i++) {
      all[0].fail(all);
      if (i % 4 === 0) all[1 + ((i / 4) % 5)].succeed();
    }
    expect(all[0].counted).to.be.above(100);
  });

  it('count nowhere without anybody to compare with, or where all others fail as well', () => {
    const [alone] = pool(1);
    for (let i = 0; i < 100; i++) alone.fail([alone]);
    const all = pool(3);
    for (let i = 0; i < 300; i++) all[i % 3].fail(all);
    const idle = pool(2);
    for (let i = 0; i < 100; i++) idle[0].fail(idle);
    expect([alone, ...all, ...idle].map(({ counted }) => counted)).to.deep.equal([0, 0, 0, 0, 0, 0]);
  });

  it('a witness that recovers is believed again', () => {
    const all = pool(2);
    for (let i = 0; i < 60; i++) all[i % 2].fail(all);
    expect(all[0].counted).to.equal(0);
    for (let i = 0; i < 100; i++) {
      all[0].fail(all);
      all[1].succeed();
    }
    expect(all[0].counted).to.be.above(0);
  });

  it('count nowhere when bad requests are spread over the endpoints, whatever their part of all', () => {
    const seed = randomInt(2 ** 31);
    const random = new SeededRandom(seed);
    for (const size of [2, 3, 10])
      for (const part of [0.05, 0.3, 0.5, 0.7, 0.95]) {
        const all = pool(size);
        for (let i = 0; i < 5000; i++) {
          const one = all[Math.floor(random.next() * size)];
          if (random.next() < part) one.fail(all);
          else one.succeed();
        }
        expect(
          all.map(({ counted }) => counted),
          `${part} of the calls to ${size}, seed ${seed}`,
        ).to.deep.equal(Array(size).fill(0));
      }
  });
});

describe('the gaps between successes of an endpoint', () => {
  /** Succeeds every `everyMs`, `times` times, and returns when the last one was. */
  const succeed = (gaps: SuccessGaps, fromMs: number, everyMs: number, times: number): number => {
    for (let i = 1; i <= times; i++) gaps.succeeded(fromMs + i * everyMs);
    return fromMs + times * everyMs;
  };

  it('are silence where one is 16 times as long as usual', () => {
    const gaps = new SuccessGaps(0);
    const lastMs = succeed(gaps, 0, 10, 1000);
    expect(gaps.isSilent(lastMs + 159)).to.equal(false);
    expect(gaps.isSilent(lastMs + 161)).to.equal(true);
    gaps.succeeded(lastMs + 161);
    expect(gaps.isSilent(lastMs + 162), 'a success ends it').to.equal(false);
  });

  it('are silence from the start where there was no success, and soon where there were few', () => {
    const gaps = new SuccessGaps(0);
    expect(gaps.isSilent(0)).to.equal(true);
    gaps.succeeded(10);
    expect(gaps.isSilent(20)).to.equal(true);
  });

  it('follow the traffic of the moment, and a night without any counts as two seconds', () => {
    const gaps = new SuccessGaps(0);
    const eveningMs = succeed(gaps, 0, 10, 1000);
    gaps.succeeded(eveningMs + 36_000_000);
    const morningMs = eveningMs + 36_000_000;
    expect(gaps.isSilent(morningMs + 1200), 'a mean of 72 ms').to.equal(true);
    const noonMs = succeed(gaps, morningMs, 10, 300);
    expect(gaps.isSilent(noonMs + 162)).to.equal(true);
  });
});

describe('Suspicion', () => {
  const witness = () => ({ success: 5, unclear: 3, suspicion: null });
  type Witness = ReturnType<typeof witness>;
  /** Fails so often, the others being what `others` says; gives what counted each time. */
  const failing = (suspicion: Suspicion, times: number, others: () => readonly Witness[]): number[] =>
    Array.from({ length: times }, () => suspicion.add(others, true));

  it('compares the others from the third failure on, and at what they do after it', () => {
    const suspicion = new Suspicion();
    const good = witness();
    let asked = 0;
    const others = () => {
      asked += 1;
      return [good];
    };
    failing(suspicion, 2, others);
    expect(asked).to.equal(0);
    failing(suspicion, 1, others);
    expect(asked).to.equal(1);
    good.success += 9;
    expect(failing(suspicion, 7, others), 'nine successes').to.deep.equal([0, 0, 0, 0, 0, 0, 0]);
    good.success += 1;
    expect(failing(suspicion, 2, others), 'ten').to.deep.equal([11, 1]);
    expect(asked).to.equal(1);
  });

  it('needs ten failures, whatever the others do', () => {
    const suspicion = new Suspicion();
    const good = witness();
    failing(suspicion, 3, () => [good]);
    good.success += 1000;
    expect(failing(suspicion, 7, () => [])).to.deep.equal([0, 0, 0, 0, 0, 0, 10]);
  });

  it('allows a witness one failure for 16 successes', () => {
    for (const [successes, failures, counted] of [
      [16, 1, 10],
      [15, 1, 0],
      [32, 2, 10],
      [31, 2, 0],
    ]) {
      const suspicion = new Suspicion();
      const other = witness();
      failing(suspicion, 9, () => [other]);
      other.success += successes;
      other.unclear += failures;
      expect(
        suspicion.add(() => [], true),
        `${failures} of ${successes}`,
      ).to.equal(counted);
    }
  });

  it('needs at least as many that do well as do not', () => {
    for (const [bad, counted] of [
      [1, 10],
      [2, 0],
    ]) {
      const suspicion = new Suspicion();
      const all = Array.from({ length: bad + 1 }, witness);
      failing(suspicion, 9, () => all);
      all[0].success += 10;
      for (const other of all.slice(1)) other.unclear += 1;
      expect(suspicion.add(() => [], true)).to.equal(counted);
    }
  });

  it('compares with eight others', () => {
    for (const [idle, counted] of [
      [7, 10],
      [8, 0],
    ]) {
      const suspicion = new Suspicion();
      const good = witness();
      const all = [...Array.from({ length: idle }, witness), good];
      failing(suspicion, 9, () => all);
      good.success += 10;
      expect(suspicion.add(() => [], true)).to.equal(counted);
    }
  });

  it('chooses others after 32 failures where those it chose are idle, and waits for those that are not', () => {
    for (const successes of [0, 1]) {
      const suspicion = new Suspicion();
      const first = witness();
      const later = witness();
      failing(suspicion, 31, () => [first]);
      first.success += successes;
      failing(suspicion, 1, () => [later]);
      later.success += 10;
      expect(
        suspicion.add(() => [], true),
        `${successes} successes`,
      ).to.equal(successes === 0 ? 33 : 0);
    }
  });

  it('compares an endpoint with those after it in the list first, and with none that never had an attempt', () => {
    const rated = (name: string, total: number) => ({ ...witness(), name, total });
    const all = [rated('a', 1), rated('b', 1), rated('c', 0), rated('d', 2), rated('e', 1)];
    const names = (of: (typeof all)[number]) => othersWithAttempts(all, of).map(({ name }) => name);
    expect(names(all[1])).to.deep.equal(['d', 'e', 'a']);
    expect(names(all[0])).to.deep.equal(['b', 'd', 'e']);
    expect(names(all[4])).to.deep.equal(['a', 'b', 'd']);
    // One that has left.
    expect(names(rated('x', 1))).to.deep.equal(['a', 'b', 'd', 'e']);
  });
});
