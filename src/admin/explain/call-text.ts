import { isoTime } from '../../core/iso-time.ts';
import type { PickCandidate } from '../../core/pick-details.ts';
import { pluralize } from '../../core/pluralize.ts';
import { type SentResource, sentResourceText } from '../../core/sent-resource.ts';
import type { CallRecord, RouteStep } from '../../telemetry/call-record.ts';
import { callIsError } from '../../telemetry/call-status.ts';
import { callDurationMs, callName, callStatus } from '../explain-call.ts';
import { bytesText, durationText } from '../quantities.ts';
import { printable, textTable } from '../text-table.ts';
import {
  type AttemptExplanation,
  asOfNow,
  type CallExplanation,
  explanationOf,
  type PickExplained,
} from './call-explanation.ts';

/** Endpoints that the text shows of each attempt; JSON has them all. */
const candidatesMax = 12;

/**
 * Everything remembered of one call, for a terminal; `traceUrl` is where its trace is shown, '' for nowhere. `resources` are those of a
 * control plane that decided about it.
 */
export function callText(
  record: CallRecord,
  nowWallMs: number,
  traceUrl = '',
  resources: readonly SentResource[] = [],
): string {
  const explanation = explanationOf(record, nowWallMs);
  const call = asOfNow(record, nowWallMs);
  const lines = [heading(call, explanation), '', explanation.outcome, ''];
  for (const [name, value] of facts(call, explanation, traceUrl)) lines.push(`  ${name.padEnd(12)}${value}`);
  lines.push(...routeLines(explanation.routing.steps, explanation.routing.stepsLeftOut));
  lines.push(...resourceLines(resources));
  const { attempts, advice } = explanation;
  lines.push('', attempts.length === 0 ? 'No attempt: no endpoint was picked.' : 'Attempts');
  for (const attempt of attempts) lines.push(...attemptLines(attempt));
  if (advice.length > 0) lines.push('', 'What to change', ...advice.map((line) => `  - ${line}`));
  return `${lines.map(printable).join('\n')}\n`;
}

/** The routes as they were asked, in their order; nothing where none was. */
export function routeLines(steps: readonly RouteStep[], leftOut: number): string[] {
  if (steps.length === 0) return [];
  const width = Math.max(...steps.map(({ route }) => route.length)) + 2;
  const line = ({ route, matched, reasons }: RouteStep): string =>
    `  ${route.padEnd(width)}${matched ? 'matches' : 'no match'}: ${reasons.join('; ')}`;
  const last = steps.at(-1) as RouteStep;
  const between = leftOut === 0 ? [] : [`  … ${pluralize(leftOut, 'more route')} without a match`];
  const shown = last.matched
    ? [...steps.slice(0, -1).map(line), ...between, line(last)]
    : [...steps.map(line), ...between];
  return ['', 'Routes, in the order in which they were compared', ...shown];
}

/** The resources of a control plane; nothing where there are none. */
export function resourceLines(resources: readonly SentResource[]): string[] {
  if (resources.length === 0) return [];
  return ['', 'Resources of the control plane', ...resources.map((one) => `  ${sentResourceText(one)}`)];
}

function heading(call: CallRecord, { inFlight }: CallExplanation): string {
  const took = durationText(callDurationMs(call));
  if (inFlight) return `Call ${call.id}: ${callName(call)} is in flight, for ${took} so far`;
  const outcome = callIsError(call) ? `failed with ${callStatus(call)}` : `ended ${callStatus(call)}`;
  return `Call ${call.id}: ${callName(call)} ${outcome} after ${took}`;
}

function facts(call: CallRecord, explanation: CallExplanation, traceUrl: string): Array<[string, string]> {
  const { inFlight, reference, processed } = explanation;
  const unit = inFlight ? '' : unitOf(call);
  const list: Array<[string, string]> = [
    ['started', isoTime(call.startedWallMs)],
    ['client', call.clientPort > 0 ? `${call.clientAddress}:${call.clientPort}` : call.clientAddress],
    ['authority', call.authority || '-'],
    ['listener', call.listener || '-'],
    ['route', call.route || 'none matched'],
    ['cluster', call.cluster || '-'],
    ['ended by', explanation.endedBy.text],
    ['processed', `${processed.answer}: ${processed.text}`],
    [
      'first reply',
      call.headMs > 0 ? `${durationText(call.headMs - call.startedMs)} after the start` : 'none',
    ],
    ['request', traffic(call.requestBytes, call.requestMessages, unit)],
    ['reply', traffic(call.responseBytes, call.responseMessages, unit)],
    [
      'trace',
      call.traceId.none ? '-' : `${call.traceId}${call.sampled ? '' : ' (Outrigger recorded no spans)'}`,
    ],
  ];
  if (traceUrl !== '') list.push(['trace link', traceUrl]);
  if (call.error !== '') list.push(['error id', reference]);
  for (const { policy, text } of call.notes) list.push([policy, String(text)]);
  return list;
}

function attemptLines(attempt: AttemptExplanation): string[] {
  const { number, endpoint, outcome, durationMs, startedAfterMs, pick, message, kind, verdict } = attempt;
  const took = `${attempt.inFlight ? 'for' : 'after'} ${durationText(durationMs)}`;
  const lines = [`  ${number}. ${endpoint}: ${outcome} ${took}, started at ${durationText(startedAfterMs)}`];
  if (pick.reason !== '') lines.push(`     picked because: ${pick.reason}`);
  if (pick.draws.length > 0) lines.push(`     drawn at random: ${pick.draws.join(', ')}`);
  if (pick.candidates.length > 1) lines.push(...candidateLines(pick, endpoint));
  if (message !== '') lines.push(`     message: ${message}`);
  if (kind !== 'first') lines.push(`     kind: ${kind}`);
  if (verdict !== '') lines.push(`     then: ${verdict}`);
  if (attempt.spanId !== '') lines.push(`     span: ${attempt.spanId}`);
  return lines;
}

/** The endpoints at the moment of the pick; where they are many, the usable ones with the fewest requests first. */
function candidateLines(
  { candidates, candidatesLeftOut, hasActive }: PickExplained,
  picked: string,
): string[] {
  const rank = (one: PickCandidate): number =>
    one.address === picked ? -1 : (one.unusable === '' ? 0 : 1e9) + (one.active ?? 1e6) / one.weight;
  const shown =
    candidates.length <= candidatesMax
      ? candidates
      : candidates.toSorted((a, b) => rank(a) - rank(b)).slice(0, candidatesMax);
  const rows = shown.map(({ address, active, weight, health, unusable }) => [
    address,
    active === null ? '-' : String(active),
    String(Math.round(weight * 100) / 100),
    unusable === '' ? health : `not usable: ${unusable}`,
    address === picked ? 'picked' : '',
  ]);
  const right = { align: 'right' } as const;
  const columns = [
    { title: 'ENDPOINT' },
    { title: 'ACTIVE', ...right },
    { title: 'WEIGHT', ...right },
    { title: 'STATE' },
    { title: '' },
  ];
  const missing = candidates.length - shown.length + candidatesLeftOut;
  return [
    '     endpoints at that moment, before this call was counted:',
    ...textTable(columns, rows)
      .trimEnd()
      .split('\n')
      .map((line) => `       ${line}`),
    ...(missing === 0 ? [] : [`       … ${pluralize(missing, 'more endpoint')}`]),
    ...(hasActive ? [] : ['       ACTIVE is no longer known where it is "-": too many calls have followed']),
  ];
}

/** What the bytes of a call come in; '' where that is not counted. */
function unitOf({ grpc, udp }: CallRecord): string {
  if (grpc) return 'message';
  return udp ? 'datagram' : '';
}

function traffic(bytes: number, count: number, unit: string): string {
  return unit === '' ? bytesText(bytes) : `${bytesText(bytes)} in ${pluralize(count, unit)}`;
}
