import { durationText, percentText, rateText } from '../quantities.ts';
import { type Column, textTable } from '../text-table.ts';
import {
  type CallFilters,
  type CallGroup,
  type CallView,
  callViews,
  type GroupsReport,
} from './group-calls.ts';

const filterNames = [...callViews, 'status'] as const;

/** Reads the view and the filters of a question: `method` of `/calls/by/method?cluster=orders`. The view is undefined if there is none. */
export function viewOf(
  name: string,
  query: URLSearchParams,
): { readonly by: CallView; readonly filters: CallFilters } | undefined {
  const by = callViews.find((view) => view === name);
  if (by === undefined) return undefined;
  const filters = filterNames.flatMap((filter) => {
    const value = query.get(filter);
    return value === null ? [] : [[filter, value] as const];
  });
  return { by, filters: Object.fromEntries(filters) };
}

const right = (title: string): Column => ({ title, align: 'right' });

export function groupsText({ by, observedMs, groups, leftOut }: GroupsReport): string {
  const head = `requests that ended in the last ${(observedMs / 1000).toFixed(1)} s, by ${by}`;
  if (observedMs === 0) return `${head}: Outrigger observes requests from now on; ask again in a second\n`;
  const titles = [
    'PER S',
    'REQUESTS',
    'ERRORS',
    'CLIENT ERRORS',
    'ERROR RATE',
    'ATTEMPTS',
    'P50',
    'P90',
    'P99',
  ];
  const table = textTable([...titles.map(right), { title: by.toUpperCase() }], groups.map(row));
  return `${head}\n${table}${leftOut > 0 ? `and ${leftOut} more\n` : ''}`;
}

function row(group: CallGroup): string[] {
  const { calls, errors, clientErrors, attempts, perSecond, p50Ms, p90Ms, p99Ms } = group;
  return [
    rateText(perSecond),
    String(calls),
    String(errors),
    String(clientErrors),
    percentText(calls === 0 ? null : errors / calls),
    String(attempts),
    durationText(p50Ms),
    durationText(p90Ms),
    durationText(p99Ms),
    groupName(group),
  ];
}

/** `outbound orders` of a route, `orders 10.0.0.2:50051` of an endpoint, `-` for none. */
export function groupName({ name, scope }: CallGroup): string {
  return scope === '' ? name || '-' : `${scope} ${name || '-'}`;
}
