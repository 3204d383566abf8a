import type { CallFilters, CallView, GroupsReport } from '../admin/call-groups/group-calls.ts';
import { durationText, percentText, rateText } from '../admin/quantities.ts';
import type { Environment } from '../config/environment.ts';
import { pause } from '../core/clock.ts';
import type { AdminAnswer } from './admin-client.ts';
import { type AdminTarget, type AskArguments, adminTarget } from './admin-target.ts';
import { askGroups } from './call-groups/ask-groups.ts';
import { type GroupSort, groupSorts } from './call-groups/flags.ts';
import { groupsText } from './call-groups/groups-text.ts';
import { type CliIo, ExitCode, type Screen } from './io.ts';
import { reportFailure } from './report-failure.ts';
import type { RunSignals } from './signals.ts';
import { styled } from './styles.ts';
import { clip, type Layout } from './table.ts';
import { firstRows, layoutOf, showView } from './watch.ts';

export interface TopArguments extends AskArguments {
  readonly by: CallView;
  readonly sort: GroupSort;
  readonly filters: CallFilters;
  /** Time between two answers, milliseconds. */
  readonly intervalMs: number;
}

/** What the keys of a user change. */
export interface TopState {
  readonly by: CallView;
  readonly sort: GroupSort;
  readonly isPaused: boolean;
  readonly isOver: boolean;
}

const viewKeys: Readonly<Record<string, CallView>> = {
  m: 'method',
  r: 'route',
  l: 'listener',
  c: 'cluster',
  e: 'endpoint',
  i: 'client',
};

/** Returns what a key makes of the state; the same state for a key without a meaning. */
export function afterKey(state: TopState, key: string): TopState {
  if (key === 'q' || key === '\x03' || key === '\x04') return { ...state, isOver: true };
  if (key === ' ' || key === 'p') return { ...state, isPaused: !state.isPaused };
  if (key === 's') {
    const next = (groupSorts.indexOf(state.sort) + 1) % groupSorts.length;
    return { ...state, sort: groupSorts[next] };
  }
  return key in viewKeys ? { ...state, by: viewKeys[key] } : state;
}

/** Shows what calls a running sidecar handles, live on a terminal with a keyboard, else once. */
export async function top(
  args: TopArguments,
  io: CliIo,
  env: Environment,
  signals: Pick<RunSignals, 'onTerminate'>,
): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  const { screen } = io;
  if (screen === undefined || screen.onKey === null || args.output === 'json')
    return showView(io, { output: args.output, watchMs: undefined }, async () => {
      const answer = await askGroups(target.value, args.by, args.filters);
      if (answer.error !== undefined) return answer;
      const report = answer.value;
      return { value: { json: report, text: (layout) => groupsText(report, args.sort, layout) } };
    });
  io.stderr.write('observing calls for 2 s …\n');
  const first = await askGroups(target.value, args.by, args.filters);
  if (first.error !== undefined) return reportFailure(first, io);
  return live(target.value, args, io, screen, signals, first);
}

/** The alternate screen without a cursor, and back: what was on the terminal before is there again afterwards. */
const enterScreen = '\x1b[?1049h\x1b[?25l';
const leaveScreen = '\x1b[?25h\x1b[?1049l';

async function live(
  target: AdminTarget,
  args: TopArguments,
  io: CliIo,
  screen: Screen,
  signals: Pick<RunSignals, 'onTerminate'>,
  first: AdminAnswer<GroupsReport>,
): Promise<number> {
  let state: TopState = { by: args.by, sort: args.sort, isPaused: false, isOver: false };
  let answer = first;
  let wake = (): void => {};
  const change = (next: TopState): void => {
    state = next;
    wake();
  };
  const stopKeys = screen.onKey?.((key) => change(afterKey(state, key)));
  signals.onTerminate(() => change({ ...state, isOver: true }));
  screen.write(enterScreen);
  try {
    while (!state.isOver && !io.isClosed?.()) {
      screen.write(frame(state, answer, screen, layoutOf(io)));
      const shown = state;
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([pause(args.intervalMs), changed]);
      // A key shows at once what is known, and a new view is asked for at once.
      const isRequested = state.by !== shown.by || (state === shown && !state.isPaused);
      if (!state.isOver && isRequested) answer = await askGroups(target, state.by, args.filters);
    }
  } finally {
    stopKeys?.();
    screen.write(leaveScreen);
  }
  return ExitCode.Fine;
}

/** 80 columns. */
const keyHelp = '[m]ethod [r]oute [l]istener [c]luster [e]ndpoint cl[i]ent  [s]ort [p]ause [q]uit';

/** Returns the text that redraws the terminal, from its first row to its last. */
export function frame(
  state: TopState,
  answer: AdminAnswer<GroupsReport>,
  { rows, columns }: Pick<Screen, 'rows' | 'columns'>,
  layout: Layout,
): string {
  const body =
    answer.error === undefined ? groupsText(answer.value, state.sort, layout) : `${answer.error}\n`;
  const totals = answer.error === undefined ? totalsText(answer.value) : 'no answer';
  const head = clip(`outrigger top  ${totals}${state.isPaused ? '  PAUSED' : ''}`, columns);
  const mode = clip(`by ${state.by}, sorted by ${state.sort}`, columns);
  const text = [
    styled(head, 'bold', layout.hasStyles),
    mode,
    ...firstRows(body, rows - 4, columns)
      .trimEnd()
      .split('\n'),
    '',
    styled(clip(keyHelp, columns), 'dim', layout.hasStyles),
  ];
  // Each line clears the rest of its row, and the last one what is below.
  return `\x1b[H${text.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`;
}

function totalsText({ total }: GroupsReport): string {
  const errors = percentText(total.calls === 0 ? null : total.errors / total.calls);
  return `${rateText(total.perSecond)} calls/s  errors ${errors}  p50 ${durationText(total.p50Ms)}  p99 ${durationText(total.p99Ms)}`;
}
