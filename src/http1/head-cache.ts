import { constantField, type Field } from '../core/field.ts';
import { type HeadLine, type LineFault, nameEndOf, nameFault, parseFieldLine } from './head-line.ts';
import { headName } from './head-name.ts';
import { buildReply, buildRequest, type HeadResult } from './message-head.ts';

const colon = 0x3a;

/**
 * What the HTTP/1.1 parsers of a process remember together, so that a head that repeats is judged once and is one object. A
 * process makes one and passes it to all of its parsers.
 */
export class HeadCache {
  private readonly http = constantField(':scheme', 'http');
  private readonly https = constantField(':scheme', 'https');

  scheme(name: 'http' | 'https'): Field {
    return name === 'http' ? this.http : this.https;
  }

  /** Reads the field line from `start` to `end`, line end included. */
  fieldLine(bytes: Uint8Array, start: number, end: number): HeadLine | LineFault {
    const nameEnd = nameEndOf(bytes, start, end);
    if (nameEnd === start || bytes[nameEnd] !== colon) return nameFault(bytes, start, nameEnd);
    return parseFieldLine(bytes, start, nameEnd, end, headName(bytes, start, nameEnd));
  }

  request(lines: readonly HeadLine[], count: number, scheme: Field): HeadResult {
    return buildRequest(lines, count, scheme);
  }

  reply(lines: readonly HeadLine[], count: number): HeadResult {
    return buildReply(lines, count);
  }
}
