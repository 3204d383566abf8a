import { request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { adminServerName } from '../admin/reply.ts';
import { printable } from '../admin/text-table.ts';
import { formatAddress } from '../core/address.ts';
import type { AdminTarget } from './admin-target.ts';

/** A sidecar that is alive answers in milliseconds. */
export const adminAnswerTimeoutMs = 5_000;
/** Some 50,000 endpoints; more than this is no admin server. */
export const adminAnswerBytesMax = 32 * 1024 * 1024;

/** What is asked of the admin server: to tell something, or with POST to do it. */
export interface AdminQuestion {
  readonly method?: 'GET' | 'POST';
  /** How long the answer may take, milliseconds. */
  readonly timeoutMs?: number;
  /** Returns the answer as plain text, and not the value of its JSON. */
  readonly text?: boolean;
  /** 400, 404 and 410 come with a sentence for the user, which becomes the error. */
  readonly showsRefusal?: boolean;
}

/**
 * The JSON of an answer, or a sentence for the user. `unanswered` where no sidecar answers at the address at all, `isUsage` where
 * the sidecar says that the question is wrong.
 */
export type AdminAnswer<T = unknown> =
  | { readonly value: T; readonly error?: undefined }
  | {
      readonly value?: undefined;
      readonly error: string;
      readonly unanswered?: boolean;
      readonly isUsage?: boolean;
    };

/**
 * Gets one JSON answer from the admin server of a running sidecar. The error is a sentence for the user: who does not
 * answer and what to do. `/ready` answers 503 and `/reload` 409 with the same JSON as 200, so those are no errors here.
 */
export function askAdmin(
  { address, token, tls }: AdminTarget,
  path: string,
  question: AdminQuestion = {},
): Promise<AdminAnswer> {
  const { method = 'GET', timeoutMs = adminAnswerTimeoutMs, text = false } = question;
  const at = formatAddress(address);
  return new Promise((resolve) => {
    const trouble = (error: string) => resolve({ error, unanswered: true });
    const target =
      address.kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port };
    const headers = {
      accept: text ? 'text/plain' : 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const asking = (tls === undefined ? request : tlsRequest)(
      { ...target, ...tls, path, method, agent: false, headers, timeout: timeoutMs },
      (response) => {
        if (response.headers.server !== adminServerName) {
          response.destroy();
          return trouble(`${at} is not Outrigger's admin server; name the right address with --admin`);
        }
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > adminAnswerBytesMax) asking.destroy(new Error('it sends too much'));
          else chunks.push(chunk);
        });
        response.on('error', (error) => trouble(`${at} broke off its answer to ${path}: ${error.message}`));
        response.on('end', () =>
          resolve(readAnswer(at, path, question, response.statusCode ?? 0, Buffer.concat(chunks).toString())),
        );
      },
    );
    asking.on('timeout', () => asking.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    asking.on('error', (error: NodeJS.ErrnoException) => trouble(connectTrouble(at, error)));
    asking.end();
  });
}

/** Asks for several at once; the first error is the answer. */
export async function askAdminAll<K extends string>(
  target: AdminTarget,
  paths: Readonly<Record<K, string>>,
): Promise<AdminAnswer<Record<K, unknown>>> {
  const names = Object.keys(paths) as K[];
  const answers = await Promise.all(names.map((name) => askAdmin(target, paths[name])));
  const value = {} as Record<K, unknown>;
  for (const [i, answer] of answers.entries()) {
    if (answer.error !== undefined) return answer;
    value[names[i]] = answer.value;
  }
  return { value };
}

function readAnswer(
  at: string,
  path: string,
  { text = false, showsRefusal }: AdminQuestion,
  status: number,
  body: string,
): AdminAnswer {
  if (showsRefusal === true && (status === 400 || status === 404 || status === 410))
    return { error: refusalOf(body), isUsage: status === 400 };
  try {
    if (status === 200 || status === 503 || status === 409) return { value: text ? body : JSON.parse(body) };
  } catch {
    // said below
  }
  const firstLine = body.split('\n', 1)[0].slice(0, 200);
  const said = /^[\x20-\x7e]+$/.test(firstLine) ? `: ${firstLine}` : '';
  // It is Outrigger's by its headers, so it is the other address, or an older version.
  if (status === 404)
    return {
      error: `${at} serves no ${path}; name the address of admin.listen with --admin: admin.probes serves /ready, /live and /metrics only`,
    };
  if (status === 403 || status === 401) return { error: `${at} refused ${path}${said}` };
  return { error: `${at} answered ${path} with ${status}${said}; is that Outrigger's admin address?` };
}

/** Characters shown of a refusal. */
const refusalCharsMax = 1000;

/** The sentence of `{ error: { message } }`, or the first line of a text. */
function refusalOf(body: string): string {
  let message: unknown;
  try {
    message = (JSON.parse(body) as { error?: { message?: unknown } } | null)?.error?.message;
  } catch {
    // It is text.
  }
  const sentence = typeof message === 'string' ? message : body.split('\n', 1)[0];
  return printable(sentence.slice(0, refusalCharsMax));
}

/** Returns a sentence for the user: why the admin server at an address does not answer, and what to do. */
export function connectTrouble(at: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return `nothing listens on ${at}; start the sidecar, or name its admin address with --admin`;
    case 'ENOTFOUND':
      return `${at} has no address; correct --admin`;
    case 'ECONNRESET':
      return `${at} closed the connection; if it is an admin server with TLS, add --admin-tls-ca FILE`;
    default:
      // What Node's parser says of bytes that are not HTTP/1.1 names protocols that nobody has heard of.
      if (error.code?.startsWith('HPE_'))
        return `${at} does not answer in HTTP/1.1, as Outrigger's admin server does; check --admin`;
      return `${at} does not answer as Outrigger's admin server does: ${error.message || error.code}; check --admin`;
  }
}
