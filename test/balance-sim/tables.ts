import { shortestQueue, twoWithReplacement } from './baselines.ts';
import { product } from './product.ts';
import { run } from './run.ts';
import { lasting, noReports, type Scenario, scenario, steady } from './scenario.ts';
import { bimodal, exponential, lognormal } from './service-time.ts';
import type { Policy } from './spreader.ts';
import { backAfterMs, meanOf, otherZoneShare, type Summary, shareOf, summarise } from './summary.ts';
import { coldReplica, failingReplica, slowReplica, slowStart, troubled } from './troubles.ts';

/** Policies beside each other in some scenarios. */
export interface Table {
  /** One word, for `--only`. */
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly policies: readonly Policy[];
  /** What the overview shows of each cell. */
  readonly shows: 'p99' | 'errors';
  /** A policy that the p99 of the others is shown as a multiple of, beside the milliseconds. */
  readonly relativeTo?: string | undefined;
  /** What follows the overview; everything without. */
  readonly details?: 'all' | 'share' | 'zones' | 'none';
}

export interface Column {
  readonly name: string;
  readonly scenario: Scenario;
  /** From when on the replica that was in trouble is well. */
  readonly wellMs?: number;
}

export interface Cell extends Summary {
  /** Until the replica that was in trouble has 80% of its fair share again; NaN where none was. */
  readonly backMs: number;
  /** Calls of the replica that a trouble or a lie is about over the mean of all replicas. */
  readonly troubledShare: number;
  /** Part of the calls that went to another zone than that of their sidecar. */
  readonly otherZoneShare: number;
}

const off = { load: 0, decayMs: 1000 };
const leastRequest = product('least_request');
const peakEwma = product('peak_ewma', { policy: 'peak_ewma' });
const roundRobin = product('round_robin', { policy: 'round_robin' });
const random = product('random', { policy: 'random' });
const twoDistinct = product('least_request, choices 2', { choices: 2 });
const slowGuard = product('least_request, slowGuard', { slowGuard: true });

/** As `balancing.md` has them: sidecars and replicas. */
const layouts = [
  [1, 3],
  [1, 10],
  [10, 10],
  [100, 10],
  [100, 100],
] as const;
/** Sidecars in front of ten replicas. */
export const crowds = [1, 10, 100] as const;

/** Tables where no replica reports its load: sidecars know of their own calls alone. */
export function tables(calls: number): Table[] {
  const found = [
    ...[exponential(2), bimodal(2), lognormal(2)].map((service) => steadyTable(service, calls)),
    slowTable(),
    failingTable(),
    errorsTable(calls),
    coldTable(),
    keysTable(calls),
  ];
  return found.map((table) => ({ ...table, columns: table.columns.map(silent) }));
}

const silent = (column: Column): Column => ({
  ...column,
  scenario: { ...column.scenario, reports: noReports },
});

function steadyTable(service: Scenario['service'], calls: number): Table {
  return {
    name: service.name,
    title: `All is well: load 0.85, ${service.name} service of 2 ms, ${calls} calls`,
    columns: layouts.map(([sidecars, replicas]) => ({
      name: `${sidecars}, ${replicas}`,
      scenario: steady(scenario({ sidecars, replicas, service, calls })),
    })),
    policies: [
      random,
      roundRobin,
      twoWithReplacement,
      twoDistinct,
      leastRequest,
      product('least_request, choices 100', { choices: 100 }),
      slowGuard,
      peakEwma,
      shortestQueue,
    ],
    shows: 'p99',
  };
}

function slowTable(): Table {
  return {
    name: 'slow',
    title:
      'One of ten replicas 10 × slow for 6 s: load 0.7, exponential service of 2 ms, measured while it is slow',
    columns: crowds.map((sidecars) => ({ name: `${sidecars}, 10`, ...slowReplica(sidecars) })),
    policies: [
      random,
      roundRobin,
      twoWithReplacement,
      twoDistinct,
      leastRequest,
      slowGuard,
      peakEwma,
      shortestQueue,
    ],
    shows: 'p99',
  };
}

function failingTable(): Table {
  return {
    name: 'failing',
    title:
      'One replica fails every call in 0.2 ms for 10 s: load 0.7 of all, exponential service of 2 ms, measured from half a second on',
    columns: [3, 10].flatMap((replicas) =>
      crowds.map((sidecars) => ({
        name: `${sidecars}, ${replicas}`,
        ...failingReplica(sidecars, 10_000, replicas),
      })),
    ),
    policies: [
      random,
      product('choices 2, no penalty', { choices: 2, failPenalty: off }),
      product('least_request, no penalty', { failPenalty: off }),
      leastRequest,
      peakEwma,
    ],
    shows: 'errors',
  };
}

function errorsTable(calls: number): Table {
  const columns = [0.01, 0.05].flatMap((errorShare) =>
    layouts.map(([sidecars, replicas]) => ({
      name: `${errorShare * 100}%: ${sidecars}, ${replicas}`,
      scenario: steady(scenario({ sidecars, replicas, errorShare, calls })),
    })),
  );
  return {
    name: 'errors',
    title: 'Calls fail everywhere, after their ordinary service: load 0.85, exponential service of 2 ms',
    columns,
    policies: [
      product('least_request, no penalty', { failPenalty: off }),
      product('least_request, penalty 5', { failPenalty: { load: 5, decayMs: 1000 } }),
      leastRequest,
    ],
    shows: 'p99',
  };
}

function coldTable(): Table {
  return {
    name: 'cold',
    title:
      'A tenth replica joins, 10 × slow for its first 5 s: load 0.85, exponential service of 2 ms, measured while it is cold; slow starts of 10 s',
    columns: crowds.map((sidecars) => ({ name: `${sidecars}, 10`, ...coldReplica(sidecars) })),
    policies: [
      roundRobin,
      product('round_robin, slowStart', { policy: 'round_robin', slowStart }),
      twoDistinct,
      leastRequest,
      product('least_request, slowStart aggression 1', { slowStart: { ...slowStart, aggression: 1 } }),
      product('least_request, slowStart', { slowStart }),
      slowGuard,
      peakEwma,
      product('peak_ewma, slowStart', { policy: 'peak_ewma', slowStart }),
      shortestQueue,
    ],
    shows: 'p99',
  };
}

function keysTable(calls: number): Table {
  const boundedLoad = { factor: 1.25 };
  return {
    name: 'keys',
    title:
      'Calls of 10,000 keys, the first of them a tenth of all (Zipf): load 0.5, exponential service of 2 ms',
    columns: crowds.map((sidecars) => ({
      name: `${sidecars}, 10`,
      scenario: steady(scenario({ sidecars, load: 0.5, keys: 10_000, calls })),
    })),
    policies: [
      product('ring_hash', { policy: 'ring_hash' }),
      product('ring_hash, bounded load', { policy: 'ring_hash', boundedLoad }),
      product('maglev', { policy: 'maglev' }),
      product('maglev, bounded load', { policy: 'maglev', boundedLoad }),
      leastRequest,
    ],
    shows: 'p99',
  };
}

/** The mean of each figure over the seeds. */
export function cell({ scenario: one, wellMs }: Column, policy: Policy, seeds: readonly number[]): Cell {
  const found = seeds.map((seed) => {
    const ran = run(one, policy, seed);
    return {
      summary: summarise(ran),
      backMs: wellMs === undefined ? Number.NaN : backAfterMs(ran, troubled, wellMs),
      troubledShare: shareOf(ran, troubled),
      otherZoneShare: otherZoneShare(ran),
    };
  });
  const mean = (of: (one: (typeof found)[number]) => number): number =>
    found.reduce((sum, each) => sum + of(each), 0) / found.length;
  return {
    ...meanOf(found.map(({ summary }) => summary)),
    backMs: mean(({ backMs }) => backMs),
    troubledShare: mean(({ troubledShare }) => troubledShare),
    otherZoneShare: mean((each) => each.otherZoneShare),
  };
}

/** One line of a plot for each policy: a figure against something that varies. */
export interface Sweep {
  readonly title: string;
  readonly xLabel: string;
  readonly yScale: 'linear' | 'log';
  readonly xs: readonly number[];
  readonly policies: readonly Policy[];
  scenarioAt(x: number): Scenario;
}

export function sweeps(calls: number): Sweep[] {
  const policies = [random, roundRobin, twoWithReplacement, leastRequest, peakEwma, shortestQueue];
  return [
    {
      title: 'p99 by load, 10 sidecars and 10 replicas',
      xLabel: 'offered load, share of capacity',
      yScale: 'log',
      xs: [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95],
      policies,
      scenarioAt: (load) => steady(scenario({ sidecars: 10, load, calls, reports: noReports })),
    },
    {
      title: 'p99 by sidecars, load 0.85, 10 replicas',
      xLabel: 'sidecars in front of the same replicas',
      yScale: 'linear',
      xs: [1, 2, 5, 10, 20, 50, 100],
      policies,
      scenarioAt: (sidecars) => steady(scenario({ sidecars, calls, reports: noReports })),
    },
    {
      title: 'p99 while one of ten replicas is 10 × slow, load 0.7',
      xLabel: 'sidecars in front of the same replicas',
      yScale: 'log',
      xs: [1, 2, 5, 10, 20, 50, 100],
      policies,
      scenarioAt: (sidecars) => ({ ...lasting(8000, slowReplica(sidecars).scenario), reports: noReports }),
    },
  ];
}
