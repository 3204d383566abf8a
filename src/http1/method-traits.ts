import type { HeaderBlock } from '../core/header-block.ts';

/** Methods whose requests carry no body as a rule; they get no `content-length: 0` (RFC 9110 section 8.6). */
const bodiless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** RFC 9110 section 9.2.2: sending it twice has the effect of sending it once. */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export function isIdempotent(method: string): boolean {
  return idempotent.has(method);
}

/** Waiting for the first byte is worthwhile: the length of the body is unknown, and it is most likely empty. */
export function maybeEmpty(head: HeaderBlock): boolean {
  return head.contentLength === -1 && bodiless.has(head.method);
}
