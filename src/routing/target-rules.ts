import { isIPv6 } from 'node:net';
import type { HeaderBlock } from '../core/header-block.ts';
import { hasSomethingToNormalize, normalizePath } from './normal-path.ts';

/**
 * Which targets of requests are served, and in which form they are matched and forwarded (RFC 3986, RFC 9110 section 4).
 * The rules are the same whatever carries the request: two hops that read a target differently can be played off
 * against each other, and so can the two protocols of one listener.
 */
export interface TargetRulesOptions {
  /**
   * `rfc3986`: the grammar of RFC 3986 alone. `browsers`: besides it, what browsers leave as it is (WHATWG URL, "percent-encode
   * sets"): `[ ] ^ |` in the path, and in the query also `` \ ` { } `` and a `%` that encodes nothing.
   */
  readonly characters: 'rfc3986' | 'browsers';
  /** Matches and forwards the normal form of RFC 3986 section 6.2.2: no dot segments, no needless percent-encoding. */
  readonly normalizePath: boolean;
  /** Treats `//` in the path as `/`. */
  readonly mergeSlashes: boolean;
  /** What becomes of `%2F` and `%5C` in the path, which some servers read as a slash. */
  readonly escapedSlashes: 'keep' | 'reject' | 'unescape';
}

export const targetRulesDefaults: TargetRulesOptions = {
  characters: 'browsers',
  normalizePath: true,
  mergeSlashes: false,
  escapedSlashes: 'keep',
};

/** A target that is served, in the form to match and forward; or why it is refused, as words after "the client sent ". */
export type Target = { readonly path: string; readonly refusal: null } | { readonly refusal: string };

/** Longer authorities are refused: no host name has more than 255 characters (RFC 1035 section 2.3.4). */
export const authorityCharsMax = 1024;

/** A bit for each place in which a byte may stand. */
const inPath = 1;
const inQuery = 2;
const unreservedChars = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~';
const grammar = placesOf([
  [`${unreservedChars}!$&'()*+,;=:@/%`, inPath | inQuery],
  ['?', inQuery],
]);
const grammarOfBrowsers = placesOf([
  [`${unreservedChars}!$&'()*+,;=:@/%[]^|`, inPath | inQuery],
  ['?\\`{}', inQuery],
]);

export class TargetRules {
  private readonly options: TargetRulesOptions;
  private readonly places: Uint8Array;
  /** The last target and authority that passed: a client mostly sends the same ones again, as the same strings. */
  private lastTarget: Target = { path: '/', refusal: null };
  private lastPath = '/';
  private lastAuthority = '';

  constructor(options: TargetRulesOptions) {
    this.options = options;
    this.places = options.characters === 'rfc3986' ? grammar : grammarOfBrowsers;
  }

  /** Judges the target of any request but CONNECT, which has none. Never throws. */
  targetOf(head: HeaderBlock): Target {
    const { path, authority, scheme } = head;
    const refusal = schemeFault(scheme) ?? this.authorityFault(authority);
    if (refusal !== null) return { refusal };
    if (path === this.lastPath) return this.lastTarget;
    if (path === '*') return { path, refusal: null };
    const target = this.judgePath(path);
    if (target.refusal !== null) return target;
    this.lastPath = path;
    this.lastTarget = target;
    return target;
  }

  /** The path of a route in the form in which paths of requests are compared. Text beyond ASCII is percent-encoded. */
  configuredPath(text: string): string {
    const path = text.replace(/[^\x21-\x7e]+/gu, (chars) =>
      Buffer.from(chars, 'utf8').reduce((encoded, byte) => `${encoded}%${hexOf(byte)}`, ''),
    );
    return /%(?![0-9A-Fa-f]{2})/.test(path) ? path : normalizePath(path, this.options);
  }

  private authorityFault(authority: string): string | null {
    if (authority === this.lastAuthority) return null;
    const fault = authorityFault(authority);
    if (fault === null) this.lastAuthority = authority;
    return fault;
  }

  private judgePath(path: string): Target {
    const refusal = this.pathFault(path);
    if (refusal !== null) return { refusal };
    const { options } = this;
    if (!hasSomethingToNormalize(path)) return { path, refusal: null };
    if (options.escapedSlashes === 'reject' && /^[^?]*%(?:2f|5c)/i.test(path))
      return { refusal: 'a request target with an escaped slash in its path' };
    return { path: normalizePath(path, options), refusal: null };
  }

  /** One pass over the bytes. */
  private pathFault(path: string): string | null {
    if (path.charCodeAt(0) !== 0x2f) return 'a request target that is no path';
    const { places } = this;
    let place = inPath;
    for (let i = 0; i < path.length; i++) {
      const c = path.charCodeAt(i);
      if (c === 0x3f) place = inQuery;
      if (((places[c] ?? 0) & place) === 0)
        return `a request target with ${nameOf(c)} in its ${place === inPath ? 'path' : 'query'}`;
      if (c === 0x25 && !isPercentEncoded(path, i) && (place === inPath || places === grammar))
        return `a request target with "%" and no two hexadecimal digits in its ${place === inPath ? 'path' : 'query'}`;
    }
    return null;
  }
}

/** Only these two can be forwarded: an HTTP/1.1 request does not name its scheme. HTTP/1.1 refuses others too. */
function schemeFault(scheme: string): string | null {
  if (scheme === 'http' || scheme === 'https' || /^https?$/i.test(scheme)) return null;
  return 'a scheme other than http and https';
}

/**
 * `host[:port]` of RFC 3986 section 3.2, without userinfo (RFC 9110 section 4.2.4), and without a comma, which lists two
 * hosts for some. Empty where an HTTP/1.1 client has none to name (RFC 9112 section 3.2).
 */
const authorityPattern =
  /^(?:\[([0-9A-Fa-f:.]+)\]|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+)(?::(\d{0,5}))?$/;

function authorityFault(authority: string): string | null {
  if (authority === '') return null;
  if (authority.length > authorityCharsMax) return `a host of more than ${authorityCharsMax} characters`;
  const found = authorityPattern.exec(authority);
  if (found === null) return 'a malformed host';
  if (found[1] !== undefined && !isIPv6(found[1])) return 'a host with a malformed IPv6 address';
  return Number(found[2] ?? 0) > 65_535 ? 'a host with a port above 65535' : null;
}

function isPercentEncoded(text: string, at: number): boolean {
  return isHexDigit(text.charCodeAt(at + 1)) && isHexDigit(text.charCodeAt(at + 2));
}

function isHexDigit(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66);
}

function nameOf(c: number): string {
  return c > 0x20 && c < 0x7f ? JSON.stringify(String.fromCharCode(c)) : `the byte 0x${hexOf(c)}`;
}

function hexOf(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}

function placesOf(rules: ReadonlyArray<readonly [chars: string, places: number]>): Uint8Array {
  const places = new Uint8Array(256);
  for (const [chars, bits] of rules) for (const c of chars) places[c.charCodeAt(0)] |= bits;
  return places;
}
