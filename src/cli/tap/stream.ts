import { type IncomingMessage, request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { adminServerName } from '../../admin/reply.ts';
import { formatAddress } from '../../core/address.ts';
import type { Clock } from '../../core/clock.ts';
import { adminAnswerTimeoutMs, connectTrouble } from '../admin-client.ts';
import type { AdminTarget } from '../admin-target.ts';

/** A tap sends its counts every 10 seconds: one that sends nothing for this long is gone, milliseconds. */
const silenceMaxMs = 30_000;
/** A line is one call. */
const lineCharsMax = 16 * 1024 * 1024;
/** Characters that may wait for the terminal before no more is read from the sidecar, which then leaves calls out. */
const waitingCharsMax = 256 * 1024;
const waitingPollMs = 20;

export interface TapStream {
  readonly query: URLSearchParams;
  readonly descriptors: Buffer | null;
  readonly clock: Clock;
  onLine(line: string): void;
  /** Characters that wait to be shown. */
  waiting(): number;
  /** Nobody reads any more. */
  isClosed(): boolean;
}

/** How a tap ended where that was not its own end: see `reportFailure`. */
export interface TapFailure {
  readonly error: string;
  readonly unanswered?: boolean;
}

/** Reads the lines of `/tap` until it ends; gives why it broke off, or null. Never rejects. */
export function readTap({ address, token, tls }: AdminTarget, stream: TapStream): Promise<TapFailure | null> {
  const at = formatAddress(address);
  const { query, descriptors } = stream;
  return new Promise((resolve) => {
    const unanswered = (error: string): void => resolve({ error, unanswered: true });
    const target =
      address.kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port };
    const headers = {
      accept: 'application/x-ndjson',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(descriptors === null
        ? {}
        : { 'content-type': 'application/x-protobuf', 'content-length': descriptors.length }),
    };
    const path = `/tap${query.size === 0 ? '' : `?${query}`}`;
    const method = descriptors === null ? 'GET' : 'POST';
    const asking = (tls === undefined ? request : tlsRequest)(
      { ...target, ...tls, path, method, agent: false, headers, timeout: adminAnswerTimeoutMs },
      (response) => {
        if (response.headers.server !== adminServerName) {
          response.destroy();
          return unanswered(`${at} is not Outrigger's admin server; name the right address with --admin`);
        }
        asking.setTimeout(silenceMaxMs);
        response.on('error', (error) => resolve({ error: `${at} broke off the tap: ${error.message}` }));
        if (response.statusCode === 200) readLines(response, stream, resolve);
        else readRefusal(response, at, resolve);
      },
    );
    asking.on('timeout', () => asking.destroy(new Error('it sends nothing')));
    asking.on('error', (error: NodeJS.ErrnoException) => unanswered(connectTrouble(at, error)));
    asking.end(descriptors ?? undefined);
  });
}

function readLines(
  response: IncomingMessage,
  stream: TapStream,
  resolve: (failure: TapFailure | null) => void,
): void {
  let rest = '';
  const resume = (): void => {
    if (stream.waiting() > waitingCharsMax) stream.clock.after(waitingPollMs, resume);
    else response.resume();
  };
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > lineCharsMax) response.destroy(new Error('a line is too long'));
    for (const line of lines) stream.onLine(line);
    if (stream.isClosed()) {
      resolve(null);
      response.destroy();
      return;
    }
    if (stream.waiting() <= waitingCharsMax) return;
    response.pause();
    resume();
  });
  response.on('end', () => resolve(null));
}

function readRefusal(
  response: IncomingMessage,
  at: string,
  resolve: (failure: TapFailure | null) => void,
): void {
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    if (text.length < 4_096) text += chunk;
  });
  response.on('end', () => {
    const said = text.split('\n', 1)[0].slice(0, 500);
    if (response.statusCode !== 404) return resolve({ error: said });
    resolve({
      error: `${at} serves no /tap; name the address of admin.listen with --admin, or update the sidecar`,
    });
  });
}
