/**
 * Whether a method can be sent in HTTP/1.1: a token (RFC 9110 section 5.6.2) without lower-case letters, since node's client
 * writes methods in upper case and methods are case-sensitive (section 9.1); and not CONNECT, which has no place on a
 * pooled connection.
 */
export function isHttp1Method(method: string): boolean {
  return method !== 'CONNECT' && /^[A-Z][A-Z0-9!#$%&'*+.^_`|~-]{0,31}$/.test(method);
}
