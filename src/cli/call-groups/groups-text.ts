import type { CallGroup, GroupsReport } from '../../admin/call-groups/group-calls.ts';
import { groupName } from '../../admin/call-groups/reply.ts';
import { durationText, percentText, rateText } from '../../admin/quantities.ts';
import { pluralize } from '../../core/pluralize.ts';
import { type Cell, type Layout, type TableColumn, table } from '../table.ts';
import type { GroupSort } from './flags.ts';

const figures: readonly TableColumn[] = [
  { title: 'PER S', align: 'right' },
  { title: 'CALLS', align: 'right', dropOrder: 3 },
  { title: 'ERRORS', align: 'right' },
  { title: 'ERROR RATE', align: 'right', dropOrder: 2 },
  { title: 'CLIENT ERRORS', align: 'right', dropOrder: 5 },
  { title: 'ATTEMPTS', align: 'right', dropOrder: 4 },
  { title: 'P50', align: 'right' },
  { title: 'P90', align: 'right', dropOrder: 1 },
  { title: 'P99', align: 'right' },
];

/** Figures go from the greatest to the least. */
const figureOf: Readonly<Record<Exclude<GroupSort, 'name'>, (group: CallGroup) => number>> = {
  rate: (group) => group.perSecond,
  calls: (group) => group.calls,
  errors: (group) => group.errors,
  p50: (group) => group.p50Ms ?? -1,
  p90: (group) => group.p90Ms ?? -1,
  p99: (group) => group.p99Ms ?? -1,
};

export function sortGroups(groups: readonly CallGroup[], sort: GroupSort): readonly CallGroup[] {
  const byName = (a: CallGroup, b: CallGroup): number => groupName(a).localeCompare(groupName(b), 'en');
  if (sort === 'name') return groups.toSorted(byName);
  const of = figureOf[sort];
  return groups.toSorted((a, b) => of(b) - of(a) || byName(a, b));
}

/** A line with the time that the figures cover, and a table with a row for each group. */
export function groupsText(report: GroupsReport, sort: GroupSort, layout: Layout): string {
  const { by, groups, observedMs, leftOut, total } = report;
  const head = `${pluralize(total.calls, 'call')} ended in the last ${(observedMs / 1000).toFixed(1)} s.`;
  if (groups.length === 0) return `${head}\n`;
  const columns: readonly TableColumn[] = [...figures, { title: by.toUpperCase(), keepsEnd: true }];
  const rows = sortGroups(groups, sort).map(cells);
  const more = leftOut > 0 ? `and ${leftOut} more with fewer calls\n` : '';
  return `${head}\n${table(columns, rows, layout)}${more}`;
}

function cells(group: CallGroup): Cell[] {
  const { calls, errors, clientErrors, attempts, perSecond, p50Ms, p90Ms, p99Ms } = group;
  const style = errors > 0 ? 'bad' : undefined;
  return [
    rateText(perSecond),
    String(calls),
    { text: String(errors), style },
    { text: percentText(calls === 0 ? null : errors / calls), style },
    String(clientErrors),
    String(attempts),
    durationText(p50Ms),
    durationText(p90Ms),
    durationText(p99Ms),
    groupName(group),
  ];
}
