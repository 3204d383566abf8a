/**
 * Host and path of a request, as one value each, so that nothing behind us can read another request out of them.
 */

/** reg-name, IPv4 or bracketed IPv6, and a port (RFC 3986 section 3.2), without userinfo. */
const authorityPattern = /^[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]*$/;

/** True for what may stand in `host`; empty is allowed (RFC 9112 section 3.2). */
export function isAuthority(text: string): boolean {
  return text.length <= authorityCharsMax && authorityPattern.test(text);
}
const authorityCharsMax = 1024;

/** True for origin-form, or `*` with OPTIONS: visible bytes only, no fragment (RFC 9112 section 3.2). */
export function isPath(method: string, path: string): boolean {
  if (path === '*') return method === 'OPTIONS';
  return /^\/[\x21\x22\x24-\x7e\x80-\xff]*$/.test(path);
}

export interface RequestTarget {
  /** From absolute-form, else null: then `host` says it. */
  readonly authority: string | null;
  readonly path: string;
}

/** Splits the target of a request line: origin-form, asterisk-form or absolute-form. Null where it is neither. */
export function parseRequestTarget(method: string, target: string): RequestTarget | null {
  if (isPath(method, target)) return { authority: null, path: target };
  const absolute = /^https?:\/\/([^/?]*)(.*)$/i.exec(target);
  if (absolute === null) return null;
  const [, authority, rest] = absolute;
  // RFC 9112 section 3.2.4: OPTIONS of an absolute-form without a path means the server itself.
  const path = rest === '' ? (method === 'OPTIONS' ? '*' : '/') : rest.startsWith('?') ? `/${rest}` : rest;
  return authority !== '' && isAuthority(authority) && isPath(method, path) ? { authority, path } : null;
}
