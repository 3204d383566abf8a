import type { HeaderBlock } from '../core/header-block.ts';
import type { Result } from '../core/result.ts';
import { pushFraming, removeField, writeFields } from './fields.ts';
import { isAuthority, isPath, isToken } from './request-target.ts';

/** A request as node writes it to an HTTP/1.1 upstream. */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** `name, value, name, value`, framing included. */
  readonly headers: string[];
  /** Bytes the body must have, or -1 where it is chunked. */
  readonly contentLength: number;
  readonly chunked: boolean;
}

/** Written again, or between Outrigger and the client only. */
const replaced: ReadonlySet<string> = new Set(['host', 'cookie', 'expect', 'x-forwarded-for']);

/** Methods whose requests carry no body as a rule; they get no `content-length: 0` (RFC 9110 section 8.6). */
const bodiless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/**
 * The head toward an HTTP/1.1 upstream, whatever carried it here. Framing is rebuilt: `content-length` where the head
 * has one, else chunked, for every method alike, so that a body can never be taken for the next request. `host` is
 * the `:authority`, or `fallbackHost`; cookie crumbs become one field (RFC 9113 section 8.2.3). `x-forwarded-for` gets
 * `clientAddress` behind what came, unless it is '' (unknown), and `x-forwarded-proto` the scheme where the request has none. Where
 * `clientAddress` is null, the head says all that the endpoint is to know, and nothing is added. `via` and `forwarded` pass as they
 * came: Outrigger stands beside one service and is no hop that a client should see.
 */
export function upstreamRequest(
  head: HeaderBlock,
  end: boolean,
  fallbackHost: string,
  clientAddress: string | null,
): Result<UpstreamRequest> {
  const { method, path } = head;
  if (!isToken(method) || method === 'CONNECT') return { error: 'a method that HTTP/1.1 cannot carry' };
  if (!isPath(method, path)) return { error: 'a malformed path' };
  const authority = head.authority;
  if (!isAuthority(authority)) return { error: 'a malformed authority' };
  const written = writeFields(head, replaced);
  if (written.error !== undefined) return { error: written.error };

  const { raw, contentLength } = written.value;
  const headers = ['host', authority === '' ? fallbackHost : authority, ...raw];
  const cookies = head.all('cookie');
  if (cookies.length > 0) headers.push('cookie', cookies.join('; '));
  const through = head.all('x-forwarded-for');
  if (clientAddress !== null && clientAddress !== '') through.push(clientAddress);
  if (through.length > 0) headers.push('x-forwarded-for', through.join(', '));
  if (clientAddress !== null && head.get('x-forwarded-proto') === undefined) {
    headers.push('x-forwarded-proto', head.scheme === 'https' ? 'https' : 'http');
  }
  if (end && contentLength > 0) return { error: 'a content-length without a body' };
  const chunked = !end && contentLength < 0;
  if (chunked) pushFraming(headers, 'chunked');
  else {
    // `trailer` announces what only a chunked message can hold.
    removeField(headers, 'trailer');
    if (contentLength >= 0 || !bodiless.has(method)) pushFraming(headers, Math.max(contentLength, 0));
  }
  return {
    value: { method, path, headers, contentLength: chunked ? -1 : Math.max(contentLength, 0), chunked },
  };
}
