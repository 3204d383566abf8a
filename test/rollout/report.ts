import type { Failure, LoadResult } from './load.ts';
import type { FailedCall } from './sidecar.ts';

/** A replica that was killed, and when. */
export interface Kill {
  readonly address: string;
  readonly wallMs: number;
}

/** How a rollout went. */
export interface Outcome {
  readonly name: string;
  readonly calls: number;
  readonly streams: number;
  readonly failed: number;
  /** Of the failed ones: those that a killed replica had begun, by the sidecar's own records. */
  readonly unsaveable: number;
  readonly perSecond: number;
  readonly late: number;
  readonly byClient: string;
  /** The first failures that nothing explains. */
  readonly examples: readonly string[];
}

/** So long after a kill its calls may fail, milliseconds. */
const killWindowMs = 2000;

/**
 * Nothing can save a call that a replica had begun when it was killed: its bytes had left for that very replica (one
 * attempt or several, the last of them there), and the connection broke when it died. All else is our failure.
 */
export function cutByKill(
  { time, durationMs, endpoint, error, requestBytes }: FailedCall,
  kills: readonly Kill[],
): boolean {
  if (error !== 'upstream_closed' && error !== 'upstream_reset') return false;
  const endedMs = Date.parse(time) + durationMs;
  return kills.some(
    (kill) => kill.address === endpoint && requestBytes > 0 && Math.abs(endedMs - kill.wallMs) < killWindowMs,
  );
}

export function judge(
  name: string,
  load: LoadResult & { readonly perSecond: number; readonly byClient: string },
  records: readonly FailedCall[],
  kills: readonly Kill[],
): Outcome {
  const cut = records.filter((record) => cutByKill(record, kills));
  const others = records.filter((record) => !cutByKill(record, kills));
  const { calls, streams, failures, perSecond, late, byClient } = load;
  const told = (failure: Failure): string => `${failure.kind}: ${failure.what}`;
  return {
    name,
    calls,
    streams,
    failed: failures.length,
    unsaveable: Math.min(cut.length, failures.length),
    perSecond,
    late,
    byClient,
    examples: [
      ...others.slice(0, 3).map((record) => `record: ${JSON.stringify(record)}`),
      ...(failures.length > cut.length ? failures.slice(0, 3).map(told) : []),
    ],
  };
}

/** The table, a line for each rollout. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((o) => [
    o.name,
    String(o.calls),
    String(o.streams),
    String(o.perSecond),
    String(o.failed),
    String(o.unsaveable),
    String(o.failed - o.unsaveable),
  ]);
  const table = [['', 'unary', 'streams', 'per s', 'failed', 'cut by a kill', 'lost'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    )
    .join('\n');
}
