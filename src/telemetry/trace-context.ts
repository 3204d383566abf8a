import { hexValues, hexWordAt } from '../core/hex.ts';
import { SpanId, TraceId } from '../core/trace-id.ts';
import { traceparentChars } from '../core/traceparent-field.ts';

/**
 * W3C Trace Context, levels 1 and 2: `traceparent` and `tracestate`. What is malformed is as if it were absent;
 * nothing here throws. `baggage` has no place here: it passes through a call as any other header does.
 */

/** What `traceparent` says (W3C Trace Context section 3.2). */
export interface TraceParent {
  readonly traceId: TraceId;
  /** The span of the sender. */
  readonly spanId: SpanId;
  /** Only the bits that are defined: `TraceFlag`. */
  readonly flags: number;
}

/** Section 3.2.2.5; `random` is of level 2 and says that the low 7 bytes of the trace id are random. */
export const TraceFlag = { sampled: 1, random: 2 } as const;

/** Section 3.3.1.5: what every vendor should pass on; more is dropped. */
export const tracestateCharsMax = 512;
/** Section 3.3.1.1. */
export const tracestateMembersMax = 32;
/** Section 3.3.1.5: members longer than this are the first to go when the list is too long. */
const longMemberChars = 128;
const readCharsMax = 4096;

const dash = 0x2d;

/** Reads a `traceparent`, or says undefined where the standard has a new trace begin. */
export function parseTraceparent(text: string): TraceParent | undefined {
  if (text.length < traceparentChars) return undefined;
  if (text.charCodeAt(2) !== dash || text.charCodeAt(35) !== dash || text.charCodeAt(52) !== dash)
    return undefined;
  const version = hexPair(text, 0);
  // Version ff is forbidden. Of a future version the known part is used, if what follows is set apart by a dash.
  if (version < 0 || version === 0xff) return undefined;
  if (text.length > traceparentChars && (version === 0 || text.charCodeAt(traceparentChars) !== dash))
    return undefined;
  const flags = hexPair(text, 53);
  if (flags < 0) return undefined;
  // Lower-case hex only (section 3.2.2.3), not all zero.
  const a = hexWordAt(text, 3);
  const b = hexWordAt(text, 11);
  const c = hexWordAt(text, 19);
  const d = hexWordAt(text, 27);
  const spanA = hexWordAt(text, 36);
  const spanB = hexWordAt(text, 44);
  if (Number.isNaN(a + b + c + d + spanA + spanB)) return undefined;
  if ((a | b | c | d) === 0 || (spanA | spanB) === 0) return undefined;
  return {
    traceId: new TraceId(a, b, c, d),
    spanId: new SpanId(spanA, spanB),
    flags: flags & (TraceFlag.sampled | TraceFlag.random),
  };
}

function hexPair(text: string, at: number): number {
  const highDigit = hexValues[text.charCodeAt(at)];
  const lowDigit = hexValues[text.charCodeAt(at + 1)];
  return highDigit < 16 && lowDigit < 16 ? (highDigit << 4) | lowDigit : -1;
}

/**
 * Makes a list of `tracestate` values fit to be sent on (section 3.3): members that are malformed or repeat a key
 * are left out, and what exceeds the limits is dropped, long members first, then from the right. The very string
 * that came comes back where nothing had to change.
 */
export function cleanTracestate(values: readonly string[]): string {
  let text = values.length === 1 ? values[0] : values.join(',');
  if (text === '') return '';
  // Far beyond the limit nothing is worth the reading. The cut falls between members, never within one.
  if (text.length > readCharsMax) text = text.slice(0, Math.max(0, text.lastIndexOf(',', readCharsMax)));
  let members: string[] = [];
  const keys = new Set<string>();
  let intact = text.length <= tracestateCharsMax;
  for (const part of text.split(',')) {
    const member = trimSpace(part);
    if (member === '') continue; // allowed, section 3.3.1.1
    const key = memberKey(member);
    if (key === undefined || keys.has(key) || members.length === tracestateMembersMax) {
      intact = false;
      continue;
    }
    keys.add(key);
    members.push(member);
  }
  if (intact) return members.length === 0 ? '' : text;
  if (listChars(members) > tracestateCharsMax)
    members = members.filter((member) => member.length <= longMemberChars);
  while (listChars(members) > tracestateCharsMax) members.pop();
  return members.join(',');
}

function listChars(members: readonly string[]): number {
  let chars = Math.max(0, members.length - 1);
  for (const member of members) chars += member.length;
  return chars;
}

/** Without the optional white space of RFC 9110 section 5.6.3, which is space and tab and nothing else. */
function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && (text[start] === ' ' || text[start] === '\t')) start++;
  while (end > start && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return text.slice(start, end);
}

const simpleKey = /^[a-z0-9][a-z0-9_\-*/]{0,255}$/;
const tenantKey = /^[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}$/;
const memberValue = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** The key of a well-formed member, `key=value` (section 3.3.1.3), or undefined. */
function memberKey(member: string): string | undefined {
  const equals = member.indexOf('=');
  if (equals < 1) return undefined;
  const key = member.slice(0, equals);
  if (!simpleKey.test(key) && !tenantKey.test(key)) return undefined;
  return memberValue.test(member.slice(equals + 1)) ? key : undefined;
}
