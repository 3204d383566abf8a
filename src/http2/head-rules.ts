import { FieldKind } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';

/**
 * Which header sections are well-formed (RFC 9113 sections 8.2 and 8.3). What is not is a stream error
 * PROTOCOL_ERROR before anything is routed: nothing that could be read two ways goes further.
 */

const Verdict = { Unknown: 0, Request: 1, Response: 2, Trailers: 3, Malformed: 4 } as const;

export function isRequest(block: HeaderBlock): boolean {
  if (block.verdict === Verdict.Unknown) {
    block.verdict = requestIsWellFormed(block) ? Verdict.Request : Verdict.Malformed;
  }
  return block.verdict === Verdict.Request;
}

export function isResponse(block: HeaderBlock): boolean {
  if (block.verdict === Verdict.Unknown) {
    block.verdict = responseIsWellFormed(block) ? Verdict.Response : Verdict.Malformed;
  }
  return block.verdict === Verdict.Response;
}

export function isTrailers(block: HeaderBlock): boolean {
  if (block.verdict === Verdict.Unknown) {
    block.verdict = trailersAreWellFormed(block) ? Verdict.Trailers : Verdict.Malformed;
  }
  return block.verdict === Verdict.Trailers;
}

/** What a request has and CONNECT without `:protocol` has not (section 8.5). */
const targetPseudo = (1 << FieldKind.Scheme) | (1 << FieldKind.Path);

/** Kinds of which one field more may end the good form of a head. */
const decisiveKinds = (1 << (FieldKind.ContentLength + 1)) - (1 << FieldKind.Malformed);

function requestIsWellFormed(block: HeaderBlock): boolean {
  // The common part of a client's heads is mostly one by itself, and what follows mostly of no consequence here.
  if (block.base !== null && !block.ownHasAny(decisiveKinds) && isRequest(block.base)) return true;
  let method = '';
  let scheme = '';
  let path = '';
  let authority: string | null = null;
  let protocol: string | null = null;
  let host: string | null = null;
  let length: string | null = null;
  let seen = 0;
  let regular = false;
  for (const field of block.allFields) {
    const kind = field.kind;
    if (kind >= FieldKind.Method && kind <= FieldKind.UnknownPseudo) {
      // Pseudo-headers come first, and none twice (section 8.3).
      if (regular || (seen & (1 << kind)) !== 0) return false;
      seen |= 1 << kind;
      if (kind === FieldKind.Method) method = field.value;
      else if (kind === FieldKind.Scheme) scheme = field.value;
      else if (kind === FieldKind.Path) path = field.value;
      else if (kind === FieldKind.Authority) authority = field.value;
      else if (kind === FieldKind.Protocol) protocol = field.value;
      else return false;
      continue;
    }
    regular = true;
    if (kind === FieldKind.Malformed || kind === FieldKind.ConnectionSpecific) return false;
    if (kind === FieldKind.Host) {
      if (host !== null) return false;
      host = field.value;
    } else if (kind === FieldKind.ContentLength) {
      // Twice is once too often, even with one value: whoever reads it next may refuse it (RFC 9110 section 8.6).
      if (!/^\d{1,15}$/.test(field.value) || length !== null) return false;
      length = field.value;
    }
  }
  if (!isToken(method)) return false;
  // One of the two names the target; if both do, they agree, or two hops could route by different ones.
  if (host !== null && authority !== null && host.toLowerCase() !== authority.toLowerCase()) return false;
  if (authority !== null && !isAuthority(authority)) return false;
  if (host !== null && !isAuthority(host)) return false;
  if (protocol !== null) {
    // An extended CONNECT has the target of any request (RFC 8441 section 4), and a body of no length that could be known.
    if (method !== 'CONNECT' || !isToken(protocol) || length !== null) return false;
    if (authority === null && host === null) return false;
  } else if (method === 'CONNECT') return authority !== null && (seen & targetPseudo) === 0;
  if (authority === null && host === null && /^https?$/i.test(scheme)) return false;
  return isScheme(scheme) && isPath(method, path);
}

function responseIsWellFormed(block: HeaderBlock): boolean {
  let status = '';
  let regular = false;
  let length: string | null = null;
  for (const field of block.allFields) {
    const kind = field.kind;
    if (kind >= FieldKind.Method && kind <= FieldKind.UnknownPseudo) {
      if (regular || status !== '' || kind !== FieldKind.Status) return false;
      status = field.value;
      continue;
    }
    regular = true;
    if (kind === FieldKind.Malformed || kind === FieldKind.ConnectionSpecific) return false;
    if (kind === FieldKind.ContentLength) {
      // Twice is once too often, even with one value: whoever reads it next may refuse it (RFC 9110 section 8.6).
      if (!/^\d{1,15}$/.test(field.value) || length !== null) return false;
      length = field.value;
    }
  }
  // An interim reply has no body that could have a length (RFC 9110 section 8.6).
  if (length !== null && status.charCodeAt(0) === 0x31) return false;
  // 101 belongs to HTTP/1.1: there is nothing to switch to here (section 8.6).
  return /^[1-9]\d\d$/.test(status) && status !== '101';
}

function trailersAreWellFormed(block: HeaderBlock): boolean {
  for (const field of block.allFields) {
    const kind = field.kind;
    if (kind !== FieldKind.Regular && kind < FieldKind.Host) return false;
    // A length or a host after the body could only mislead whoever reads them (RFC 9110 section 6.5.1).
    if (kind === FieldKind.Host || kind === FieldKind.ContentLength) return false;
  }
  return true;
}

/** RFC 3986 section 3.1. */
function isScheme(text: string): boolean {
  return text === 'http' || text === 'https' || /^[A-Za-z][A-Za-z0-9+\-.]*$/.test(text);
}

/** A bit for each rule of what a byte may stand in: a table costs a tenth of what a regular expression does. */
const inToken = 1;
const inAuthority = 2;
const allowed = new Uint8Array(256);
const alphanumerics = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
for (const c of `${alphanumerics}!#$%&'*+-.^_\`|~`) allowed[c.charCodeAt(0)] |= inToken;
for (const c of `${alphanumerics}-._~!$&'()*+,;=:%[]`) allowed[c.charCodeAt(0)] |= inAuthority;

/** Is it at least one byte, and all of them allowed in `place`? */
function isMadeOf(place: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if ((allowed[text.charCodeAt(i)] & place) === 0) return false;
  return text !== '';
}

/** RFC 9113 section 8.3.1: not empty; no userinfo; nothing that an HTTP/1.1 request line or host could be split by. */
function isAuthority(text: string): boolean {
  return isMadeOf(inAuthority, text);
}

/** Origin form, or `*` for OPTIONS (section 8.3.1). */
function isPath(method: string, path: string): boolean {
  if (path === '*') return method === 'OPTIONS';
  if (path.charCodeAt(0) !== 0x2f) return false;
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    // A space or a control would split an HTTP/1.1 request line; a fragment never travels.
    if (c <= 0x20 || c === 0x7f || c === 0x23) return false;
  }
  return true;
}

/** RFC 9110 section 5.6.2. */
function isToken(text: string): boolean {
  return isMadeOf(inToken, text);
}
