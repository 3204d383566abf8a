import type { Cell, Table } from './tables.ts';

/**
 * p99 in milliseconds, as another simulator of the same model had it when the defaults were chosen (300,000 calls, at least three
 * seeds): by table, by policy, in the order of the columns. What a table of ours has more of was not in it.
 */
export const referenceP99: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  exponential: {
    random: [17.2, 17.3, 17.2, 18.1, 17.9],
    round_robin: [13.3, 12.1, 12.2, 13.7, 13.3],
    'P2C with replacement': [11.0, 10.0, 11.0, 13.6, 13.5],
    'least_request, choices 2': [10.8, 9.95, 10.9, 13.4, 13.5],
    least_request: [10.6, 9.65, 10.3, 13.4, 13.5],
    peak_ewma: [10.8, 10.0, 10.9, 13.9, 13.6],
    JSQ: [10.6, 9.65, 9.64, 9.65, 9.44],
  },
  bimodal: {
    random: [42, 44, 44, 44, 45],
    round_robin: [39, 37, 39, 41, 36],
    'P2C with replacement': [24.0, 21.5, 23.3, 29.3, 28.8],
    'least_request, choices 2': [23.5, 21.4, 23.0, 28.8, 28.6],
    least_request: [23.3, 21.0, 21.8, 28.6, 28.1],
    peak_ewma: [23.5, 21.4, 22.9, 29.2, 29.1],
    JSQ: [23.3, 21.0, 20.9, 20.9, 20.8],
  },
  slow: {
    'least_request, choices 2': [17.6, 73, 475],
    least_request: [12.6, 33, 390],
    peak_ewma: [10.2, 10.6, 12.2],
  },
};

export interface Comparison {
  readonly table: string;
  readonly policy: string;
  readonly column: string;
  readonly referenceMs: number;
  readonly p99Ms: number;
}

/** Every cell of a table that the reference has, beside it. */
export function compared(table: Table, cells: readonly (readonly Cell[])[]): Comparison[] {
  const reference = referenceP99[table.name] ?? {};
  return table.policies.flatMap((policy, p) =>
    (reference[policy.name] ?? []).map((referenceMs, c) => ({
      table: table.name,
      policy: policy.name,
      column: table.columns[c].name,
      referenceMs,
      p99Ms: cells[p][c].p99Ms,
    })),
  );
}
