import { bytesText, durationText } from '../../admin/quantities.ts';
import { pluralize } from '../../core/pluralize.ts';
import type {
  CallEvent,
  CallIdentity,
  MessageEvent,
  ShownHeaders,
  ShownMessage,
  ShownSide,
  StartedEvent,
} from '../../tap/events.ts';

const statusColumns = 12;
const durationColumns = 8;

/** The lines of a call that is over; with `headers`, also its headers and trailers. */
export function callText(call: CallEvent, headers: boolean): string {
  const { request, response } = call;
  const lines = [
    [
      timeOf(call),
      call.status.padEnd(statusColumns),
      durationText(call.durationMs).padStart(durationColumns),
      `${nameOf(call)} ${peersOf(call)} id=${call.id}`,
    ].join('  '),
  ];
  const said = [call.error, call.detail === '' ? call.message : call.detail].filter((part) => part !== '');
  if (said.length > 0) lines.push(`    ${said.join(': ')}`);
  if (call.attempts.length > 1)
    for (const { kind, endpoint, status, error, durationMs } of call.attempts)
      lines.push(
        `    attempt (${kind}) at ${endpoint}: ${error === '' ? status : error} after ${durationText(durationMs)}`,
      );
  lines.push(...sideLines('>', request, headers));
  if (response !== null) lines.push(...sideLines('<', response, headers));
  return `${lines.join('\n')}\n`;
}

/** With `--live`: the lines of a call that starts. */
export function startedText(started: StartedEvent, headers: boolean): string {
  const head = `${timeOf(started)}  ${'started'.padEnd(statusColumns)}  ${''.padStart(durationColumns)}  ${nameOf(started)} from ${started.client} id=${started.id}`;
  return `${[head, ...(headers ? headerLines('>', started.headers) : [])].join('\n')}\n`;
}

/** With `--live`: a message that passed. */
export function messageText(message: MessageEvent): string {
  return `    id=${message.id} ${message.direction === 'request' ? '>' : '<'} ${contentOf(message)}\n`;
}

function sideLines(mark: string, side: ShownSide, headers: boolean): string[] {
  const lines = headers ? headerLines(mark, side.headers) : [];
  for (const message of side.messages ?? []) lines.push(`    ${mark} ${contentOf(message)}`);
  if (side.messagesNotShown > 0)
    lines.push(`    ${mark} (${pluralize(side.messagesNotShown, 'more message')})`);
  if (headers && side.trailers !== null) lines.push(...headerLines(mark, side.trailers));
  return lines;
}

function headerLines(mark: string, headers: ShownHeaders): string[] {
  return headers.map(([name, value]) => `    ${mark} ${name}: ${value}`);
}

function contentOf(message: ShownMessage): string {
  if ('problem' in message) return `(a message of ${bytesText(message.bytes)} ${message.problem})`;
  return JSON.stringify(message.json);
}

/** The time of day in UTC, as in `time` of the event. */
function timeOf({ time }: CallIdentity): string {
  return time.slice(11, 23);
}

function nameOf({ traffic, httpMethod, path, listener }: CallIdentity): string {
  if (traffic === 'grpc') return path.slice(1);
  return path === '' ? `${traffic} on ${listener}` : `${httpMethod} ${path}`;
}

function peersOf({ client, endpoint }: CallEvent): string {
  return endpoint === '' ? `from ${client}` : `${client} -> ${endpoint}`;
}
