import { honestReports, lasting, type Reports, type Scenario, scenario } from './scenario.ts';

/** What may be wrong with reports, by name; from when on a run is measured, milliseconds. */
export const measuredFromMs = 1000;

export interface ReportFault {
  readonly name: string;
  readonly reports: Reports;
}

const fault = (name: string, wrong: Partial<Reports>): ReportFault => ({
  name,
  reports: { ...honestReports, ...wrong },
});

/** Those that goal 8 names. */
export const goalFaults: readonly ReportFault[] = [
  fault('stop after 1 s', { untilMs: measuredFromMs }),
  fault('20 ms late', { lagMs: 20 }),
  fault('200 ms late', { lagMs: 200 }),
  fault('one says 0', { liars: 1, lieFactor: 0 }),
  fault('one says a million times', { liars: 1, lieFactor: 1e6 }),
  fault('one says half', { liars: 1, lieFactor: 0.5 }),
  fault('half of the replicas', { share: 0.5 }),
];

export const reportFaults: readonly ReportFault[] = [
  ...goalFaults,
  fault('two say 0', { liars: 2, lieFactor: 0 }),
  fault('two say double', { liars: 2, lieFactor: 2 }),
  fault('half are lost', { lostShare: 0.5 }),
  fault('a tenth of the replicas', { share: 0.1 }),
];

/** Load 0.85 with such reports, for so long that sidecars of the layout see the fault for seconds. */
export function withFault({ reports }: ReportFault, sidecars: number, replicas: number): Scenario {
  const changes = { sidecars, replicas, reports, measureFromMs: measuredFromMs };
  return lasting(replicas > 10 ? 2000 : 12_000, scenario(changes));
}
