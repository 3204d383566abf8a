import { leastConn, shortestQueue, twoWithReplacement } from './baselines.ts';
import { meanOver, measure } from './measure.ts';
import { product } from './product.ts';
import { run } from './run.ts';
import { type Scenario, scenario, steady } from './scenario.ts';
import { bimodal, exponential, lognormal } from './service-time.ts';
import { backAfterMs, summarise } from './summary.ts';
import { coldReplica, failingReplica, slowOfThree, slowReplica, slowStart, troubled } from './troubles.ts';
import type { Extent, Verdict } from './verdict.ts';

/** What the product does without configuration. */
const byDefault = product('least_request');

/** The scenario where replicas report as the goal is judged. */
const under = (extent: Extent, one: Scenario): Scenario => ({ ...one, reports: extent.reports });

/** p99 of the first policy over that of the second, on the same calls. */
function ratio(one: Scenario, policies: Parameters<typeof measure>[1][], extent: Extent): number {
  const [p99, than] = policies.map((policy) => measure(under(extent, one), policy, extent.seeds).p99Ms);
  return p99 / than;
}

/** Of cases, that which is worst: the goal holds for all if it holds for this one. */
function worst<T>(cases: readonly T[], figure: (one: T) => number): { one: T; figure: number } {
  return cases.map((one) => ({ one, figure: figure(one) })).reduce((a, b) => (b.figure > a.figure ? b : a));
}

/** 1. With one sidecar own counts are all there is to know. */
export function oneSidecar(extent: Extent): Verdict[] {
  const cases = [];
  for (const load of extent.short ? [0.95] : [0.5, 0.85, 0.95])
    for (const replicas of extent.short ? [3] : [3, 10])
      for (const service of [exponential(2), bimodal(2), lognormal(2)])
        cases.push(steady(scenario({ load, replicas, service, calls: extent.calls })));
  const { one, figure } = worst(cases, (each) => ratio(each, [byDefault, shortestQueue], extent));
  const where = `${one.replicas} replicas, ${one.service.name}, load ${one.load}`;
  return [{ goal: `1. one sidecar: p99 (at worst: ${where})`, figure, limit: 1.03, unit: '× JSQ' }];
}

/** 2. A replica that fails at once does not look idle, and is back soon after. */
export function fastFailing(extent: Extent): Verdict[] {
  // Sidecars try it again every 3.7 s, so what is seen depends on when it recovers: over several such moments.
  const lasts = extent.short ? [5500, 6400, 7300, 8200] : [10_000, 10_600, 11_200, 11_800, 12_400, 13_000];
  return [1, 10, 100].flatMap((sidecars) => {
    const runs = lasts.map((lastsMs, i) => {
      const { scenario: one, wellMs } = failingReplica(sidecars, lastsMs);
      return { wellMs, ran: run(under(extent, one), byDefault, extent.seeds[0] + i) };
    });
    const errors = meanOver(
      runs.map(({ ran }) => ran),
      (ran) => summarise(ran).errorShare,
    );
    const backMs = runs.reduce((sum, { ran, wellMs }) => sum + backAfterMs(ran, troubled, wellMs), 0);
    const goal = `2. one of ten fails fast, ${sidecars} sidecars:`;
    return [
      { goal: `${goal} errors`, figure: errors * 100, limit: sidecars > 10 ? 0.2 : 0.03, unit: '% of calls' },
      { goal: `${goal} back (mean)`, figure: backMs / runs.length / 1000, limit: 2.5, unit: 's' },
    ];
  });
}

/** 3. The defence against 2 does no harm where calls fail everywhere. */
export function errorsEverywhere(extent: Extent): Verdict[] {
  const unpunished = product('no penalty', { failPenalty: { load: 0, decayMs: 1000 } });
  const layouts = extent.short
    ? [[10, 10]]
    : [
        [1, 3],
        [1, 10],
        [10, 10],
        [100, 10],
        [100, 100],
      ];
  const cases = layouts.map(([sidecars, replicas]) =>
    steady(scenario({ sidecars, replicas, errorShare: 0.01, calls: extent.calls })),
  );
  const { one, figure } = worst(cases, (each) => ratio(each, [byDefault, unpunished], extent));
  const where = `${one.sidecars} sidecars, ${one.replicas} replicas`;
  return [
    { goal: `3. 1% errors everywhere: p99 (at worst: ${where})`, figure, limit: 1.05, unit: '× no penalty' },
  ];
}

/** 4. One sidecar sees a slow replica by the calls that do not come back. */
export function slowOfTen(extent: Extent): Verdict[] {
  const { scenario: one, wellMs } = slowReplica(1);
  const backMs = meanOver(
    extent.seeds.map((seed) => run(under(extent, one), byDefault, seed)),
    (ran) => backAfterMs(ran, troubled, wellMs),
  );
  const p99 = ratio(one, [byDefault, shortestQueue], extent);
  return [
    { goal: '4. one of ten 10 × slow, one sidecar: p99', figure: p99, limit: 1.3, unit: '× JSQ' },
    { goal: '4. one of ten 10 × slow, one sidecar: back', figure: backMs / 1000, limit: 1.5, unit: 's' },
  ];
}

/**
 * 5. A cold replica is warmed up gently. With a hundred sidecars this does not hold (twice the p99 of JSQ): none of them
 * has a second call in flight there, so that counts say nothing, and any weight above a tenth is too much for it.
 */
export function coldOfTen(extent: Extent): Verdict[] {
  const gentle = product('least_request, slowStart', { slowStart });
  return [1, 10].map((sidecars) => {
    const { scenario: one } = coldReplica(sidecars);
    const figure = ratio(one, [gentle, shortestQueue], extent);
    return { goal: `5. one of ten cold, ${sidecars} sidecars: p99`, figure, limit: 1.25, unit: '× JSQ' };
  });
}

/** Of performance.md: one replica of three 10 × slow, beside the best of what HAProxy and Envoy do. */
export function slowBesideOthers(extent: Extent): Verdict[] {
  const p99 = (load: number, policy: Parameters<typeof measure>[1]): number =>
    measure(under(extent, slowOfThree(load, extent.calls)), policy, extent.seeds).p99Ms;
  const { one, figure } = worst(extent.short ? [0.5] : [0.3, 0.5, 0.6], (load) => {
    const best = Math.min(p99(load, leastConn), p99(load, twoWithReplacement));
    return p99(load, byDefault) / best;
  });
  return [
    {
      goal: `one of three 10 × slow, one sidecar: p99 (at worst: load ${one})`,
      figure,
      limit: 1.2,
      unit: '× the best of leastconn and P2C with replacement',
    },
  ];
}

/** Those that hold whether replicas report their load or not. */
export const ownGoals = [oneSidecar, fastFailing, errorsEverywhere, slowOfTen, coldOfTen, slowBesideOthers];
