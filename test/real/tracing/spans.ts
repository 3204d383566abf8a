import { randomBytes } from 'node:crypto';
import * as grpc from '@grpc/grpc-js';

/**
 * The spans of instrumented services, sent as OTLP in JSON: what a client and a server with an OpenTelemetry SDK would send, in as
 * few lines as the test needs.
 */
export interface ServiceSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: 'server' | 'client';
  readonly startMs: number;
  readonly endMs: number;
  readonly failed: boolean;
}

export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
}

export function newTrace(): SpanContext {
  return { traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') };
}

export function childOf({ traceId }: SpanContext): SpanContext {
  return { traceId, spanId: randomBytes(8).toString('hex') };
}

export function traceparent({ traceId, spanId }: SpanContext): string {
  return `00-${traceId}-${spanId}-01`;
}

/** Wall time with fractions, as the sidecars have it. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Sends spans to an OTLP/HTTP receiver; rejects where it does not take them. */
export async function sendSpans(otlpHttp: string, spans: readonly ServiceSpan[]): Promise<void> {
  const nanos = (ms: number) => String(BigInt(Math.round(ms * 1000)) * 1000n);
  const resourceSpans = spans.map((span) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: span.service } }] },
    scopeSpans: [
      {
        spans: [
          {
            traceId: span.traceId,
            spanId: span.spanId,
            parentSpanId: span.parentSpanId,
            name: span.name,
            kind: span.kind === 'server' ? 2 : 3,
            startTimeUnixNano: nanos(span.startMs),
            endTimeUnixNano: nanos(span.endMs),
            status: { code: span.failed ? 2 : 0 },
          },
        ],
      },
    ],
  }));
  const reply = await fetch(`http://${otlpHttp}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans }),
  });
  if (reply.status !== 200) throw new Error(`OTLP answered ${reply.status}: ${await reply.text()}`);
  await reply.text();
}

/** A server interceptor that makes a span of each call that came with a context, and says who called. */
export function serverSpans(
  service: string,
  done: (span: ServiceSpan) => void,
): (
  call: grpc.ServerMethodDefinition<unknown, unknown>,
  next: grpc.ServerInterceptingCallInterface,
) => grpc.ServerInterceptingCall {
  return (method, next) => {
    const startMs = wallMs();
    let parent: RegExpExecArray | null = null;
    let own = '';
    let over = false;
    const end = (failed: boolean): void => {
      if (over || parent === null) return;
      over = true;
      const [, traceId, parentSpanId] = parent;
      const name = method.path.slice(1);
      done({
        service,
        traceId,
        spanId: own,
        parentSpanId,
        name,
        kind: 'server',
        startMs,
        endMs: wallMs(),
        failed,
      });
    };
    return new grpc.ServerInterceptingCall(next, {
      start: (pass) =>
        pass({
          onReceiveMetadata: (metadata, go) => {
            parent = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(
              String(metadata.get('traceparent')[0] ?? ''),
            );
            own = randomBytes(8).toString('hex');
            // For a handler that calls on: its calls are children of this span.
            if (parent !== null) metadata.set(ownSpanKey, own);
            go(metadata);
          },
          onCancel: () => end(true),
        }),
      sendStatus: (status, pass) => {
        end(status.code !== grpc.status.OK);
        pass(status);
      },
    });
  };
}

/** Metadata key under which a handler finds the span of its own call. */
export const ownSpanKey = 'x-own-span';

/** The context in which a handler runs. */
export function contextOf(metadata: grpc.Metadata): SpanContext | null {
  const [, traceId] = /^00-([0-9a-f]{32})-/.exec(String(metadata.get('traceparent')[0] ?? '')) ?? [];
  const spanId = String(metadata.get(ownSpanKey)[0] ?? '');
  return traceId === undefined || spanId === '' ? null : { traceId, spanId };
}
