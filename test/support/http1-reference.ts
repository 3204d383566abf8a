import type { ParserLimits } from '../../src/http1/message.ts';
import { type ReferenceEvent, type ReferenceHead, ReferenceParser } from '../fuzz/reference/http1.ts';
import { type MessageEvent, type ParseOptions, parse, parserLimits } from './http1-events.ts';

/** What our parser said, in the terms of the reference. */
export function asReference(events: readonly MessageEvent[]): ReferenceEvent[] {
  return events.map((event) => {
    if ('head' in event) return { head: { fields: event.head, ...event.of } satisfies ReferenceHead };
    if ('failed' in event) return { failed: { status: event.failed.status, reason: event.failed.reason } };
    return event;
  });
}

/** Fields in the order of their names: among different ones it has no meaning (RFC 9110 section 5.3). */
function sorted(events: readonly ReferenceEvent[]): ReferenceEvent[] {
  const byName = (fields: string[]): string[] =>
    [...fields].sort((a, b) => {
      const [x, y] = [a.slice(0, a.indexOf(':', 1)), b.slice(0, b.indexOf(':', 1))];
      return x < y ? -1 : x > y ? 1 : 0;
    });
  return events.map((event) =>
    'head' in event ? { head: { ...event.head, fields: byName(event.head.fields) } } : event,
  );
}

/** Sorted keys, so that equal events are equal texts. */
function textOf(events: readonly ReferenceEvent[]): string {
  return sorted(events)
    .map((event) =>
      JSON.stringify(
        event,
        'head' in event
          ? ['head', ...Object.keys(event.head).sort()]
          : 'failed' in event
            ? ['failed', 'reason', 'status']
            : undefined,
      ),
    )
    .join('\n');
}

/** Both readings of a text; they must be equal. */
export function readings(
  role: 'request' | 'reply',
  text: string,
  options: ParseOptions = {},
): { ours: string; reference: string } {
  const limits: ParserLimits = { ...parserLimits, ...options.limits };
  const methods = options.methods ?? ['GET'];
  const reference = new ReferenceParser(role, text, limits, methods, options.websocket).parse();
  return { ours: textOf(asReference(parse(role, text, options).events)), reference: textOf(reference) };
}
