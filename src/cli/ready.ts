import type { ClusterUsability, Readiness } from '../admin/deps.ts';
import { readyText } from '../admin/text-pages.ts';
import { printable } from '../admin/text-table.ts';
import type { Environment } from '../config/environment.ts';
import { pause, systemClock } from '../core/clock.ts';
import { nearestName } from '../core/nearest.ts';
import { listed, shown } from '../schema/problem.ts';
import { adminAnswerTimeoutMs, askAdmin } from './admin-client.ts';
import { type AdminTarget, type AskArguments, adminTarget } from './admin-target.ts';
import { type CliIo, ExitCode } from './io.ts';

export interface ReadyArguments extends AskArguments {
  /** How long to wait, milliseconds; 0 for one poll. */
  readonly waitMs: number;
  /** Clusters that must have a usable endpoint; empty for all that a listener uses, undefined for none. */
  readonly usable: readonly string[] | undefined;
}

/** Between two polls, milliseconds. */
const pollIntervalMs = 100;
/** However little time is left, an answer gets this long, milliseconds. */
const answerTimeoutMsMin = 500;
/** Names of clusters that an error lists. */
const namesMax = 8;

/** What one poll of the sidecar found. */
interface Found {
  /** No sidecar answers. */
  readonly unanswered?: boolean;
  readonly readiness: Readiness;
  /** Why a cluster that must be usable is not, in plain words. */
  readonly missing: readonly string[];
  /** The command line cannot be satisfied however long one waits. */
  readonly mistake?: string;
}

/**
 * Reports whether a sidecar is ready, at once or, with `waitMs`, once it is. 0 when it is, 1 with the reason when not, 2
 * where a named cluster does not exist, 3 where no sidecar answers.
 */
export async function ready(args: ReadyArguments, io: CliIo, env: Environment): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  const { readiness, missing, mistake, unanswered } = await pollUntilReady(target.value, args);
  if (mistake !== undefined) {
    io.stderr.write(`${mistake}\n`);
    return ExitCode.Usage;
  }
  const isReady = readiness.ready && missing.length === 0;
  if (args.output === 'json') {
    const report = args.usable === undefined ? readiness : { ...readiness, missing };
    io.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } else if (isReady) io.stdout.write(`${readyText(readiness)}\n`);
  else {
    const late = args.waitMs > 0 ? ` after ${args.waitMs / 1000} s` : '';
    io.stderr.write(`not ready${late}: ${printable([...readiness.reasons, ...missing].join('; '))}\n`);
  }
  if (unanswered) return ExitCode.Unanswered;
  return isReady ? ExitCode.Fine : ExitCode.Failed;
}

async function pollUntilReady(target: AdminTarget, { waitMs, usable }: ReadyArguments): Promise<Found> {
  const endMs = systemClock.now() + waitMs;
  for (;;) {
    const leftMs = endMs - systemClock.now();
    const timeoutMs =
      waitMs === 0
        ? adminAnswerTimeoutMs
        : Math.min(adminAnswerTimeoutMs, Math.max(answerTimeoutMsMin, leftMs));
    const answer = await askAdmin(target, '/ready', { timeoutMs });
    // While it waits, nobody there is no more than a reason: the process may be yet to start.
    const found =
      answer.error === undefined
        ? judge(answer.value as ReadyAnswer, usable)
        : withoutAnswer(answer.error, answer.unanswered);
    const isReady = found.readiness.ready && found.missing.length === 0;
    if (isReady || found.mistake !== undefined || leftMs <= 0) return found;
    await pause(Math.min(pollIntervalMs, leftMs));
  }
}

type ReadyAnswer = Readiness & { readonly clusters?: readonly ClusterUsability[] };

function withoutAnswer(error: string, unanswered?: boolean): Found {
  const readiness = { ready: false, reasons: [error], degraded: false, degradedReasons: [] };
  return { readiness, missing: [], unanswered };
}

function judge({ clusters, ...readiness }: ReadyAnswer, usable: readonly string[] | undefined): Found {
  if (usable === undefined) return { readiness, missing: [] };
  if (clusters === undefined)
    return {
      readiness,
      missing: [],
      mistake: 'the sidecar is older than --usable; upgrade it, or leave out --usable',
    };
  const unknown = usable.find((name) => !clusters.some((cluster) => cluster.name === name));
  if (unknown !== undefined) return { readiness, missing: [], mistake: unknownCluster(unknown, clusters) };
  const required = clusters.filter(({ name, routed }) =>
    usable.length === 0 ? routed : usable.includes(name),
  );
  const missing = required.filter((cluster) => cluster.usable === 0).map(({ reason }) => reason);
  return { readiness, missing };
}

function unknownCluster(name: string, clusters: readonly ClusterUsability[]): string {
  const names = clusters.map((cluster) => cluster.name);
  const near = nearestName(name, names);
  const more = names.length > namesMax ? ' (outrigger endpoints shows all)' : '';
  const write =
    near === undefined ? `write ${listed(names.slice(0, namesMax))}${more}` : `did you mean ${near}?`;
  return printable(`--usable: the sidecar has no cluster ${shown(name)}; ${write}`);
}
