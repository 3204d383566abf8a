import { until } from '../checks.ts';

/** A span as Jaeger's query API returns it, in the words of OpenTelemetry. */
export interface JaegerSpan {
  readonly id: string;
  /** '' for a root. */
  readonly parent: string;
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  readonly startUs: number;
  readonly durationUs: number;
  readonly tags: Readonly<Record<string, unknown>>;
  readonly events: ReadonlyArray<{
    readonly name: string;
    readonly atUs: number;
    readonly fields: Readonly<Record<string, unknown>>;
  }>;
}

interface KeyValue {
  key: string;
  value: unknown;
}

interface ApiSpan {
  spanID: string;
  operationName: string;
  references: Array<{ refType: string; spanID: string }>;
  startTime: number;
  duration: number;
  tags: KeyValue[];
  logs: Array<{ timestamp: number; fields: KeyValue[] }>;
  processID: string;
}

interface ApiTrace {
  spans: ApiSpan[];
  processes: Record<string, { serviceName: string }>;
}

const arrivalMsDefault = 20_000;

/** Asks Jaeger for a trace until it has as many spans; rejects with what there is otherwise. */
export async function traceOf(
  queryUrl: string,
  traceId: string,
  spans: number,
  arrivalMs = arrivalMsDefault,
): Promise<JaegerSpan[]> {
  let found: JaegerSpan[] = [];
  await until(`${spans} spans in Jaeger`, arrivalMs, async () => {
    found = await fetchTrace(queryUrl, traceId);
    return found.length >= spans;
  }).catch((error: Error) => {
    throw new Error(`${error.message}; it has ${found.length}:\n${drawing(found)}`);
  });
  return found;
}

async function fetchTrace(queryUrl: string, traceId: string): Promise<JaegerSpan[]> {
  const reply = await fetch(`${queryUrl}/api/traces/${traceId}`);
  if (reply.status !== 200) {
    await reply.text();
    return [];
  }
  const { data } = (await reply.json()) as { data: ApiTrace[] };
  return data.flatMap(({ spans, processes }) => spans.map((span) => spanOf(span, processes)));
}

function spanOf(span: ApiSpan, processes: ApiTrace['processes']): JaegerSpan {
  const tags = asObject(span.tags);
  return {
    id: span.spanID,
    parent: span.references.find(({ refType }) => refType === 'CHILD_OF')?.spanID ?? '',
    service: processes[span.processID].serviceName,
    name: span.operationName,
    kind: String(tags['span.kind'] ?? ''),
    startUs: span.startTime,
    durationUs: span.duration,
    tags,
    events: span.logs.map(({ timestamp, fields }) => {
      const all = asObject(fields);
      return { name: String(all.event ?? ''), atUs: timestamp, fields: all };
    }),
  };
}

function asObject(list: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, value]));
}

export function childrenOf(spans: readonly JaegerSpan[], { id }: Pick<JaegerSpan, 'id'>): JaegerSpan[] {
  return spans.filter(({ parent }) => parent === id).sort((a, b) => a.startUs - b.startUs);
}

/** The trace as an indented list, for a reader. */
export function drawing(spans: readonly JaegerSpan[]): string {
  const ids = new Set(spans.map(({ id }) => id));
  const first = Math.min(...spans.map(({ startUs }) => startUs));
  const lines: string[] = [];
  const draw = (span: JaegerSpan, depth: number): void => {
    const at = ((span.startUs - first) / 1000).toFixed(2);
    const took = (span.durationUs / 1000).toFixed(2);
    const events = span.events.map(({ name }) => ` [${name}]`).join('');
    lines.push(
      `${'  '.repeat(depth)}${span.service} ${span.kind} ${span.name} +${at} ms, ${took} ms${events}`,
    );
    for (const child of childrenOf(spans, span)) draw(child, depth + 1);
  };
  for (const span of spans) if (!ids.has(span.parent)) draw(span, 0);
  return lines.join('\n');
}
