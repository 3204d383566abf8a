import { shortestQueue } from './baselines.ts';
import { ownCounts, peakEwma, sharedLoad, weightedRoundRobin } from './policies.ts';
import { product } from './product.ts';
import { reportFaults, withFault } from './report-faults.ts';
import { unequalSpeeds } from './report-goals.ts';
import { localShortestQueue } from './rivals/local-shortest-queue.ts';
import { peakTimesLoad } from './rivals/peak-times-load.ts';
import { prequal } from './rivals/prequal.ts';
import { shortestByRate } from './rivals/shortest-by-rate.ts';
import { tidalWaterFilling } from './rivals/tidal-water-filling.ts';
import { usedOnce } from './rivals/used-once.ts';
import { wf } from './rivals/wf.ts';
import { lasting, type Scenario, scenario, steady } from './scenario.ts';
import { bimodal, exponential, lognormal, type ServiceTime } from './service-time.ts';
import type { Policy } from './spreader.ts';
import { type Column, crowds, type Sweep, type Table } from './tables.ts';
import { coldReplica, failingReplica, slowReplica, slowStart } from './troubles.ts';

/** Tables and plots where replicas report their load on replies. */

/** Sidecars and replicas. */
const layouts = [
  [1, 10],
  [10, 10],
  [100, 10],
  [100, 100],
  [1000, 100],
] as const;
const loads = [0.5, 0.7, 0.85, 0.95];
/** At this load all policies are compared, at the others the few that matter. */
const fullLoad = 0.85;
const few = [ownCounts, usedOnce, sharedLoad, shortestQueue];
const all = [
  ownCounts,
  weightedRoundRobin,
  peakEwma,
  peakTimesLoad,
  prequal,
  localShortestQueue,
  tidalWaterFilling,
  usedOnce,
  wf,
  sharedLoad,
  shortestQueue,
];

const columnsOf = (scenarioOf: (sidecars: number, replicas: number) => Scenario): Column[] =>
  layouts.map(([sidecars, replicas]) => ({
    name: `${sidecars}, ${replicas}`,
    scenario: scenarioOf(sidecars, replicas),
  }));

/** All is well, at every load; with two thirds of the calls where few policies are compared. */
export function healthyTables(most: number): Table[] {
  const tableOf = (service: ServiceTime, load: number): Table => {
    const calls = load === fullLoad ? most : Math.ceil((most * 2) / 3);
    return {
      name: `${service.name}-${load}`,
      title: `Load ${load}, ${service.name} service of 2 ms, ${calls} calls`,
      columns: columnsOf((sidecars, replicas) =>
        steady(scenario({ sidecars, replicas, service, load, calls })),
      ),
      policies: load === fullLoad ? all : few,
      shows: 'p99',
      relativeTo: shortestQueue.name,
      details: 'none',
    };
  };
  return [exponential(2), bimodal(2), lognormal(2)].flatMap((service) =>
    loads.map((load) => tableOf(service, load)),
  );
}

export function unequalTables(calls: number): Table[] {
  const policies = [...all.filter((policy) => policy !== shortestQueue), shortestQueue, shortestByRate];
  return unequalSpeeds.map(({ name, speeds }, i) => ({
    name: i === 0 ? 'unequal-2' : 'unequal-10',
    title: `Replicas of unequal speed (${name}: ${i === 0 ? 'five of ten twice as fast' : 'one of ten ten times as slow'}), no configured weights: load 0.95, exponential service of 2 ms at speed 1, ${calls} calls`,
    columns: crowds.map((sidecars) => ({
      name: `${sidecars}, 10`,
      scenario: steady(scenario({ sidecars, speeds, load: 0.95, calls })),
    })),
    policies,
    shows: 'p99',
    relativeTo: shortestByRate.name,
    details: 'none',
  }));
}

/** The troubles of single replicas, as without reports. */
export function troubleTables(): Table[] {
  const policies = [
    ownCounts,
    weightedRoundRobin,
    peakEwma,
    prequal,
    usedOnce,
    wf,
    sharedLoad,
    product('least_request, slowStart', { slowStart }),
    shortestQueue,
  ];
  const kinds: Array<readonly [string, string, (sidecars: number) => Omit<Column, 'name'>]> = [
    ['reports-slow', 'One of ten replicas 10 × slow for 6 s: load 0.7', slowReplica],
    [
      'reports-cold',
      'A tenth replica joins, 10 × slow for its first 5 s: load 0.85; slow start of 10 s where it is named',
      coldReplica,
    ],
    [
      'reports-failing',
      'One of ten replicas fails every call in 0.2 ms for 10 s: load 0.7, measured from half a second on',
      (sidecars) => failingReplica(sidecars, 10_000),
    ],
  ];
  return kinds.map(([name, title, columnOf]) => ({
    name,
    title: `${title}; exponential service of 2 ms`,
    columns: crowds.map((sidecars) => ({ name: `${sidecars}, 10`, ...columnOf(sidecars) })),
    policies: policies.filter((one) => name === 'reports-cold' || !one.name.endsWith('slowStart')),
    shows: name === 'reports-failing' ? 'errors' : 'p99',
    relativeTo: name === 'reports-failing' ? undefined : shortestQueue.name,
  }));
}

/** Arrivals that come in bursts, at all sidecars at once. */
export function burstTables(calls: number): Table[] {
  const phases = (everyMs: number, fromMs: number, untilMs: number, factor: number): Scenario['bursts'] =>
    Array.from({ length: 500 }, (_, i) => ({
      fromMs: i * everyMs + fromMs,
      untilMs: i * everyMs + untilMs,
      factor,
    }));
  const kinds = [
    {
      name: 'bursts-double',
      title: 'Load 0.48, doubled for the first 50 ms of every 200 ms',
      load: 0.48,
      bursts: phases(200, 0, 50, 2),
    },
    {
      name: 'bursts-on-off',
      title: 'Load 0.9 for 20 ms, then a tenth of it for 20 ms, and so on',
      load: 0.9,
      bursts: phases(40, 20, 40, 0.1),
    },
  ];
  return kinds.map(({ name, title, load, bursts }) => ({
    name,
    title: `${title}; exponential service of 2 ms, ${calls} calls`,
    columns: columnsOf((sidecars, replicas) => steady(scenario({ sidecars, replicas, load, bursts, calls }))),
    policies: [
      ownCounts,
      prequal,
      localShortestQueue,
      tidalWaterFilling,
      usedOnce,
      sharedLoad,
      shortestQueue,
    ],
    shows: 'p99',
    relativeTo: shortestQueue.name,
    details: 'none',
  }));
}

/** Every second sidecar is one that does not understand reports. */
const halfOfTheSidecars = (policy: Policy): Policy => ({
  name: `${policy.name}, at half of the sidecars`,
  build(deps) {
    const [one, other] = [policy, ownCounts].map((each) => each.build(deps));
    return one.map((spreader, i) => (i % 2 === 0 ? spreader : other[i]));
  },
});

/** Where the sidecars are updated one after the other. */
export function partialTable(calls: number): Table {
  return {
    name: 'partial',
    title: `Half of the sidecars use reports: load 0.85, exponential service of 2 ms, ${calls} calls`,
    columns: [
      [10, 10],
      [100, 10],
    ].map(([sidecars, replicas]) => ({
      name: `${sidecars}, ${replicas}`,
      scenario: steady(scenario({ sidecars, replicas, calls })),
    })),
    policies: [ownCounts, halfOfTheSidecars(sharedLoad), sharedLoad],
    shows: 'p99',
    relativeTo: ownCounts.name,
    details: 'none',
  };
}

/** Reports that are late, false or missing: load 0.85, one table for each layout, a column for each fault. */
export function faultTables(): Table[] {
  return [
    [10, 10],
    [100, 10],
    [100, 100],
  ].map(([sidecars, replicas]) => ({
    name: `faults-${sidecars}-${replicas}`,
    title: `${sidecars} sidecars, ${replicas} replicas, load 0.85, exponential service of 2 ms, measured from 1 s on`,
    columns: reportFaults.map((fault) => ({
      name: fault.name,
      scenario: withFault(fault, sidecars, replicas),
    })),
    policies: [
      ownCounts,
      ...(replicas > 10 ? [] : [localShortestQueue, tidalWaterFilling]),
      usedOnce,
      wf,
      sharedLoad,
    ],
    shows: 'p99',
    relativeTo: ownCounts.name,
    details: 'share',
  }));
}

export function reportSweeps(calls: number): Sweep[] {
  const policies = [ownCounts, weightedRoundRobin, prequal, usedOnce, sharedLoad, shortestQueue];
  return [
    {
      title: 'p99 by sidecars, load 0.85, 10 replicas that report their load',
      xLabel: 'sidecars in front of the same replicas',
      yScale: 'linear',
      xs: [1, 10, 30, 100, 300],
      policies,
      scenarioAt: (sidecars) => steady(scenario({ sidecars, calls })),
    },
    {
      title: 'p99 by load, 100 sidecars and 10 replicas',
      xLabel: 'offered load, share of capacity',
      yScale: 'log',
      xs: [0.5, 0.7, 0.8, 0.9, 0.95],
      policies,
      scenarioAt: (load) => steady(scenario({ sidecars: 100, load, calls })),
    },
    {
      title: 'p99 while one of ten replicas is 10 × slow, load 0.7',
      xLabel: 'sidecars in front of the same replicas',
      yScale: 'log',
      xs: [1, 10, 30, 100],
      policies,
      scenarioAt: (sidecars) => lasting(8000, slowReplica(sidecars).scenario),
    },
  ];
}
