import { type CallFilters, type CallView, callViews } from '../../admin/call-groups/group-calls.ts';
import type { FlagSpec, Given } from '../command.ts';

/** Columns by which groups can be sorted. */
export const groupSorts = ['rate', 'calls', 'errors', 'p50', 'p90', 'p99', 'name'] as const;
export type GroupSort = (typeof groupSorts)[number];

export const byFlag: FlagSpec = {
  name: 'by',
  value: 'VIEW',
  words: callViews,
  doc: `group the calls by ${callViews.slice(0, -1).join(', ')} or ${callViews.at(-1)}`,
};

export const sortFlag: FlagSpec = {
  name: 'sort',
  value: 'COLUMN',
  words: groupSorts,
  doc: `sort by ${groupSorts.slice(0, -1).join(', ')} or ${groupSorts.at(-1)} (rate)`,
};

/** Only the calls that match all of them are shown. */
export const filterFlags: readonly FlagSpec[] = [
  { name: 'method', value: 'NAME', doc: 'only calls of pkg.Service/Method, Method, or "GET /path"' },
  { name: 'status', value: 'STATUS', doc: 'only calls with this status, such as UNAVAILABLE or 503' },
  { name: 'listener', value: 'NAME', doc: 'only calls of this listener' },
  { name: 'route', value: 'NAME', doc: 'only calls of this route' },
  { name: 'cluster', value: 'NAME', doc: 'only calls to this cluster' },
  { name: 'endpoint', value: 'ADDR', doc: 'only calls whose last attempt went to this endpoint' },
  { name: 'client', value: 'IP', doc: 'only calls from this address' },
];

/** Returns the values of `filterFlags` that were given. */
export function filtersOf(one: Given['one']): CallFilters {
  const given = filterFlags.flatMap(({ name }) => (one[name] === undefined ? [] : [[name, one[name]]]));
  return Object.fromEntries(given);
}

export function viewOf(one: Given['one']): CallView | undefined {
  return callViews.find((view) => view === one.by);
}

export function sortOf(one: Given['one']): GroupSort {
  return groupSorts.find((sort) => sort === one.sort) ?? 'rate';
}
