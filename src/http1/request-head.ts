import type { IncomingMessage } from 'node:http';
import { Field } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import { readFields } from './fields.ts';
import { isAuthority, parseRequestTarget } from './request-target.ts';

export interface RequestHead {
  readonly head: HeaderBlock;
  /** No body follows. */
  readonly end: boolean;
}
export type RequestHeadResult =
  | { value: RequestHead; refusal?: undefined }
  | { value?: undefined; refusal: RequestRefusal };

/** Why a request that node's parser let through is still refused. */
export interface RequestRefusal {
  readonly httpStatus: 400 | 417 | 501;
  /** The words after "the client sent ". */
  readonly reason: string;
}

/**
 * Turns a parsed HTTP/1.x request into the head of a message: pseudo-headers and end-to-end fields. node's strict parser
 * has refused bad syntax, and content-length beside transfer-encoding; here follows what only an intermediary must mind
 * (RFC 9112 sections 3.2, 6.1 and 6.3). Never throws.
 */
export function readRequestHead(request: IncomingMessage, scheme: 'http' | 'https'): RequestHeadResult {
  const read = readFields(request.rawHeaders);
  if (read.error !== undefined) return refuse(read.error);
  const { fields, hosts, codings, contentLength } = read.value;
  const old = request.httpVersionMajor === 1 && request.httpVersionMinor === 0;
  if (codings.length > 0) {
    // Another coding would reach the next hop without the word that says so: transfer-encoding ends here.
    if (codings.length > 1 || codings[0] !== 'chunked') return refuse('an unknown transfer coding', 501);
    if (old) return refuse('transfer-encoding in HTTP/1.0');
  }
  if (hosts.length > 1) return refuse('more than one host');
  if (hosts.length === 0 && !old) return refuse('no host');
  const method = request.method ?? '';
  const target = parseRequestTarget(method, request.url ?? '');
  if (target === null) return refuse('a malformed request target');
  // RFC 9112 section 3.2.2: the authority of an absolute-form wins over host.
  const authority = target.authority ?? hosts[0] ?? '';
  if (!isAuthority(authority) || !isAuthority(hosts[0] ?? '')) return refuse('a malformed host');
  const pseudo = [
    new Field(':method', method),
    new Field(':scheme', scheme),
    new Field(':authority', authority),
    new Field(':path', target.path),
  ];
  // Whoever asks for 100-continue is answered by this hop.
  const forwarded = fields.filter((field) => field.name !== 'expect');
  const end = codings.length === 0 && contentLength <= 0;
  return { value: { head: new HeaderBlock([...pseudo, ...forwarded]), end } };
}

function refuse(reason: string, httpStatus: RequestRefusal['httpStatus'] = 400): RequestHeadResult {
  return { refusal: { httpStatus, reason } };
}
