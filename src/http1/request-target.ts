/**
 * Host and path of a request, as one value each, so that nothing behind us can read another request out of them.
 */

const alphanumerics = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const tokenBytes = new Uint8Array(256);
for (const c of `${alphanumerics}!#$%&'*+-.^_\`|~`) tokenBytes[c.charCodeAt(0)] = 1;

/** RFC 9110 section 5.6.2: tchar. */
export function isTokenByte(byte: number): boolean {
  return tokenBytes[byte] === 1;
}

/** RFC 9110 section 5.6.2. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (tokenBytes[text.charCodeAt(i)] !== 1) return false;
  return text !== '';
}

/**
 * A reg-name, an IPv4 address or a bracketed IPv6 address, and at most one port (RFC 3986 section 3.2), without userinfo. The comma
 * that a reg-name may hold is refused: it is what a list of two hosts has between them.
 */
const authorityPattern =
  /^(?:(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+|\[[0-9A-Fa-f:.]+\])(?::(\d{0,5}))?$/;
const authorityCharsMax = 1024;
const portMax = 65_535;

/** True for what may stand in `host`; empty is allowed (RFC 9112 section 3.2). */
export function isAuthority(text: string): boolean {
  if (text === '') return true;
  if (text.length > authorityCharsMax) return false;
  const match = authorityPattern.exec(text);
  return match !== null && Number(match[1] ?? 0) <= portMax;
}

/** True for origin-form, or `*` with OPTIONS: visible bytes only, no fragment (RFC 9112 section 3.2). */
export function isPath(method: string, path: string): boolean {
  if (path.charCodeAt(0) !== 0x2f) return path === '*' && method === 'OPTIONS';
  for (let i = 1; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c <= 0x20 || c === 0x7f || c === 0x23 || c > 0xff) return false;
  }
  return true;
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
