import {
  burstTables,
  faultTables,
  healthyTables,
  partialTable,
  reportSweeps,
  troubleTables,
  unequalTables,
} from './report-tables.ts';
import { type Sweep, sweeps, type Table, tables } from './tables.ts';
import { zoneTables } from './zone-tables.ts';

/** A file of `results/`. */
export interface Page {
  /** One word, for `--only`. */
  readonly name: string;
  /** Its name in `results/`. */
  readonly file: string;
  readonly title: string;
  /** What a reader must know before the tables. */
  readonly opening: string;
  readonly tables: readonly Table[];
  readonly plot?: { readonly file: string; readonly title: string; readonly sweeps: readonly Sweep[] };
}

/** @param calls of each run, where a scenario does not say how long it lasts */
export function pages(calls: number): Page[] {
  const half = Math.ceil(calls / 2);
  const third = Math.ceil(calls / 3);
  return [
    {
      name: 'own',
      file: 'README.md',
      title: 'Which replica: the simulation',
      opening:
        'Here no replica reports its load: a sidecar knows of its own calls alone. The other pages: [reports](reports.md), [unequal replicas](unequal.md), [replicas in trouble](troubles.md), [faulty reports](faults.md), [zones](zones.md). Goals are judged in `goals.md`.',
      tables: tables(calls),
      plot: { file: 'p99.svg', title: 'Which replica: p99 by policy', sweeps: sweeps(half) },
    },
    {
      name: 'reports',
      file: 'reports.md',
      title: 'Replicas that report their load',
      opening:
        'Replies carry the calls in flight of the replica, at the pace that the product has. At load 0.85 all policies are compared, at others a few.',
      tables: [...healthyTables(half), ...burstTables(third)],
      plot: { file: 'reports.svg', title: 'Reported load: p99 by policy', sweeps: reportSweeps(third) },
    },
    {
      name: 'unequal',
      file: 'unequal.md',
      title: 'Replicas of unequal speed',
      opening:
        'Nothing is configured; what knows of the speeds learns them from replies. "JSQ by rate" knows them.',
      tables: unequalTables(2 * third),
    },
    {
      name: 'troubles',
      file: 'troubles.md',
      title: 'Replicas in trouble that report their load',
      opening:
        'As on [the page without reports](README.md), with reports on replies. Only the policies of the product (`least_request`, `peak_ewma`, `weighted_round_robin`) are told of failed calls: "used once", WF and Prequal have no fail penalty here.',
      tables: troubleTables(),
    },
    {
      name: 'faults',
      file: 'faults.md',
      title: 'Reports that are late, false or missing',
      opening:
        'The limit is the p99 that sidecars have who count their own calls alone. Liars are the first replicas.',
      tables: [...faultTables(), partialTable(third)],
    },
    {
      name: 'zones',
      file: 'zones.md',
      title: 'Two zones with uneven callers',
      opening:
        'Each zone has five of ten replicas; four fifths of the sidecars are in one zone, so that it has 1.6 times the calls for which it has replicas. 0.1 ms of network each way within a zone, 1 ms between zones. Runs last 6 to 17 s from a cold start; "zoneSpill" moves calls step by step and is still on its way then. "Own zone + 4": used once with a mean for each zone, where a replica of the other zone counts as 4 calls more.',
      tables: zoneTables(third),
    },
    { name: 'goals', file: 'goals.md', title: 'Goals of balancing', opening: '', tables: [] },
  ];
}
