import { isGrpcContentType } from '../core/header-block.ts';
import type { Result } from '../core/result.ts';
import type { MadeUpRequest } from './request.ts';

/** A request as a person writes it: on a command line, or in the query of `/explain`. */
export interface WrittenRequest {
  /** `GET /orders/7`, `/orders/7`, `https://shop.example/orders/7`, or for gRPC `pkg.Service/Method`. */
  readonly request: string;
  /** `undefined` for none. */
  readonly authority?: string | undefined;
  /** `name: value`. */
  readonly headers?: readonly string[];
  readonly client?: string | undefined;
  readonly listener?: string | undefined;
}

export const writtenRequestCharsMax = 8192;
export const writtenHeadersMax = 100;
/** A client always sends one. */
const authorityDefault = 'localhost';

const tokenForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Text without control characters; a value may contain spaces and tabs. */
const pathForm = /^[!-~\x80-\u{10ffff}]+$/u;
const valueForm = /^[\t -~\x80-\u{10ffff}]*$/u;
const grpcForm = /^[A-Za-z_][\w.]*\/[A-Za-z_]\w*$/;
const examples = '"GET /orders/7" or "helloworld.Greeter/SayHello"';

/** Returns the request, or what is wrong with it and what to write instead. Never throws. */
export function parseWrittenRequest(written: WrittenRequest): Result<MadeUpRequest> {
  const { request, headers = [], client = '', listener = '' } = written;
  if (request.length > writtenRequestCharsMax)
    return { error: `the request has more than ${writtenRequestCharsMax} characters; write a shorter one` };
  if (headers.length > writtenHeadersMax)
    return { error: `there are more than ${writtenHeadersMax} headers; write fewer` };
  const line = parseLine(request.trim());
  if (line.error !== undefined) return line;
  const fields: Array<readonly [string, string]> = [];
  for (const header of headers) {
    const field = parseHeader(header);
    if (field.error !== undefined) return field;
    fields.push(field.value);
  }
  const type = fields.find(([name]) => name === 'content-type')?.[1];
  if (line.value.grpc && type === undefined) fields.push(['content-type', 'application/grpc']);
  const host = fields.find(([name]) => name === 'host')?.[1];
  const authority = written.authority ?? (line.value.authority || host || authorityDefault);
  if (/[^\x21-\x7e]/.test(authority))
    return { error: `the authority ${shown(authority)} is not a host; write greeter or greeter:50051` };
  const grpc = type === undefined ? line.value.grpc : isGrpcContentType(type);
  const { method, path } = line.value;
  return { value: { method, path, authority, headers: fields, grpc, client, listener } };
}

interface Line {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly grpc: boolean;
}

function parseLine(text: string): Result<Line> {
  if (grpcForm.test(text)) return { value: { method: 'POST', path: `/${text}`, authority: '', grpc: true } };
  const words = text.split(/ +/);
  if (text === '' || words.length > 2) return { error: `${shown(text)} is not a request; write ${examples}` };
  const [method, target] = words.length === 2 ? words : ['GET', words[0]];
  if (!tokenForm.test(method))
    return { error: `the method ${shown(method)} is not a token; write ${examples}` };
  const url = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target);
  const authority = url?.[1] ?? '';
  const path = url === null ? target : url[2].startsWith('/') ? url[2] : `/${url[2]}`;
  if (path !== '*' && !path.startsWith('/'))
    return { error: `the path ${shown(path)} does not begin with "/"; write ${examples}` };
  if (!pathForm.test(path))
    return { error: `the path ${shown(path)} contains a control character; percent-encode it` };
  return { value: { method, path, authority, grpc: false } };
}

/** The value is never quoted in an error: it may be a credential. */
function parseHeader(text: string): Result<readonly [string, string]> {
  const colon = text.indexOf(':', 1);
  const name = (colon < 0 ? text : text.slice(0, colon)).trim().toLowerCase();
  if (name.startsWith(':'))
    return { error: `the header ${shown(name)} is a pseudo-header; write it in --request or --authority` };
  if (colon < 0 && !tokenForm.test(name)) return { error: 'a header has no colon; write "name: value"' };
  if (colon < 0) return { error: `the header ${shown(name)} has no colon; write "${name}: value"` };
  if (!tokenForm.test(name))
    return { error: `the header name ${shown(name)} is not a token; write "name: value"` };
  const value = text.slice(colon + 1).trim();
  if (!valueForm.test(value))
    return { error: `the header ${shown(name)} has a control character in its value; remove it` };
  return { value: [name, value] };
}

/** Characters quoted of what was wrong. */
const shownCharsMax = 80;

function shown(text: string): string {
  return JSON.stringify(text.length <= shownCharsMax ? text : `${text.slice(0, shownCharsMax - 1)}…`);
}
