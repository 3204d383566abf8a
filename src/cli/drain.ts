import type { DrainInfo, ListenerSnapshot, ServerInfo } from '../admin/deps.ts';
import { drainText, inboundDrainText, noInboundText } from '../admin/text-pages.ts';
import { printable } from '../admin/text-table.ts';
import type { Environment } from '../config/environment.ts';
import { pause } from '../core/clock.ts';
import { pluralize } from '../core/pluralize.ts';
import type { Result } from '../core/result.ts';
import { type AdminAnswer, askAdmin, askAdminAll } from './admin-client.ts';
import { type AdminTarget, type AskArguments, adminTarget } from './admin-target.ts';
import { type CliIo, ExitCode } from './io.ts';
import { reportFailure } from './report-failure.ts';

/** Between two polls, and between two lines, milliseconds. */
const pollIntervalMs = 100;
const lineEveryMs = 1000;

export interface DrainArguments extends AskArguments {
  /** Only the inbound listeners, which go on serving. */
  readonly inbound: boolean;
}

/** Drains a running sidecar and shows the progress. Returns 0 if no call was terminated, 1 if one was or the result is unknown. */
export async function drain(args: DrainArguments, io: CliIo, env: Environment): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  if (args.inbound) return drainInbound(target.value, args, io);
  const begun = await askAdmin(target.value, '/drain', { method: 'POST' });
  const over: AdminAnswer<DrainInfo> =
    begun.error === undefined
      ? await follow(target.value, (line) => {
          if (args.output === 'text') io.stdout.write(`${line}\n`);
        })
      : begun;
  if (over.error !== undefined) return reportFailure(over, io);
  const { cut, finished, undelivered } = over.value;
  const late = undelivered === 0 ? '' : `, ${pluralize(undelivered, 'connection')} with unread replies`;
  if (args.output === 'json') io.stdout.write(`${JSON.stringify(over.value, null, 2)}\n`);
  else io.stdout.write(`${pluralize(cut, 'request')} terminated, ${finished} finished${late}\n`);
  return cut + undelivered === 0 ? ExitCode.Fine : ExitCode.Failed;
}

/** Returns 0 once the clients have been asked to open another connection. */
async function drainInbound(target: AdminTarget, args: DrainArguments, io: CliIo): Promise<number> {
  const begun = await askAdmin(target, '/drain?direction=inbound', { method: 'POST' });
  if (begun.error !== undefined) return reportFailure(begun, io);
  // Missing where the whole sidecar drains already.
  const { listeners } = begun.value as { readonly listeners?: readonly string[] };
  if (listeners?.length === 0) io.stderr.write(`warning: ${noInboundText}\n`);
  for (let shown = ''; ; await pause(pollIntervalMs)) {
    const answer = await askAdmin(target, '/server_info');
    if (answer.error !== undefined) return reportFailure(answer, io);
    const { inboundDrain, drain: whole } = answer.value as ServerInfo;
    const line = inboundDrainText(inboundDrain);
    // The drain of the whole sidecar, or an undrain, ends this one.
    const isOver = inboundDrain !== 'announcing' || whole !== null;
    if (args.output === 'json' && isOver) io.stdout.write(`${JSON.stringify({ inboundDrain }, null, 2)}\n`);
    else if (args.output === 'text' && line !== shown && inboundDrain !== null) io.stdout.write(`${line}\n`);
    if (inboundDrain === null) io.stderr.write('the drain of the inbound listeners was cancelled\n');
    if (isOver) return inboundDrain === null ? ExitCode.Failed : ExitCode.Fine;
    shown = line;
  }
}

async function follow(target: AdminTarget, print: (line: string) => void): Promise<Result<DrainInfo>> {
  let pid = 0;
  for (let waitedMs = 0; ; waitedMs += pollIntervalMs) {
    const answer = await askAdminAll(target, { server: '/server_info', listeners: '/listeners' });
    if (answer.error !== undefined)
      return { error: `the drain has started, but its result is unknown: ${answer.error}` };
    const server = answer.value.server as ServerInfo;
    if (server.drained !== null) return { value: server.drained };
    if (pid !== 0 && server.pid !== pid)
      return {
        error: `the drain has started, but its result is unknown: another process (${server.pid}) answers at this address now`,
      };
    pid = server.pid;
    if (server.state === 'ready')
      return { error: 'the drain was cancelled (undrain): the sidecar serves as before' };
    if (waitedMs % lineEveryMs === 0) print(nowDoing(server, answer.value.listeners as ListenerSnapshot[]));
    await pause(pollIntervalMs);
  }
}

function nowDoing({ drain: progress }: ServerInfo, listeners: readonly ListenerSnapshot[]): string {
  return progress?.phase === 'accepting' ? drainText(progress) : waitingFor(listeners);
}

/** Returns what the drain waits for: `waiting for 3 requests: outbound 2, inbound 1`, or the clients that are still connected. */
function waitingFor(listeners: readonly ListenerSnapshot[]): string {
  const busy = listeners.filter(({ active }) => active > 0);
  const calls = busy.reduce((sum, { active }) => sum + active, 0);
  if (calls > 0) {
    const each = busy.map(({ name, active }) => `${name} ${active}`).join(', ');
    return printable(`waiting for ${calls} ${calls === 1 ? 'request' : 'requests'}: ${each}`);
  }
  const open = listeners.reduce((sum, { connections }) => sum + connections, 0);
  return `waiting for ${open} ${open === 1 ? 'client' : 'clients'} to close the connection`;
}
