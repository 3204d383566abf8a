import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** An OTLP receiver, over gRPC or HTTP, that keeps what it was sent, decoded. */
export interface Collector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  readonly spans: ReceivedSpan[];
  readonly metrics: ReceivedMetric[];
  /** Attributes of the last resource. */
  resource: Record<string, unknown>;
  close(): Promise<void>;
}

export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  traceState: string;
  name: string;
  /** 2 is SERVER, 3 is CLIENT. */
  kind: number;
  startNanos: bigint;
  endNanos: bigint;
  attributes: Record<string, unknown>;
  /** 0 unset, 2 error. */
  statusCode: number;
  statusMessage: string;
  flags: number;
  scope: string;
}

export interface ReceivedMetric {
  name: string;
  unit: string;
  type: 'gauge' | 'sum' | 'histogram';
  points: Array<{
    attributes: Record<string, unknown>;
    value: number;
    count: number;
    buckets: number[];
    bounds: number[];
  }>;
}

const definition = loadSync(fileURLToPath(new URL('telemetry-otlp.proto', import.meta.url)), {
  longs: String,
  defaults: true,
});
const traceService = definition['opentelemetry.proto.TraceService'] as ServiceDefinition;
const metricsService = definition['opentelemetry.proto.MetricsService'] as ServiceDefinition;
const [tracePath, metricsPath] = ['trace.v1.TraceService', 'metrics.v1.MetricsService'].map(
  (name) => `/opentelemetry.proto.collector.${name}/Export`,
);

export async function startGrpcCollector(): Promise<Collector> {
  const store = createStore();
  const server = new Server();
  server.addService(
    {
      traces: { ...traceService.Export, path: tracePath },
      metrics: { ...metricsService.Export, path: metricsPath },
    },
    {
      traces: (call: { request: unknown }, reply: (error: null, value: object) => void) => {
        store.takeSpans(call.request);
        reply(null, {});
      },
      metrics: (call: { request: unknown }, reply: (error: null, value: object) => void) => {
        store.takeMetrics(call.request);
        reply(null, {});
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    ...store.received,
    get resource() {
      return store.received.resource;
    },
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
  };
}

export async function startHttpCollector(): Promise<Collector> {
  const store = createStore();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const known = request.headers['content-type'] === 'application/x-protobuf' && request.method === 'POST';
      if (known && request.url === '/v1/traces')
        store.takeSpans(traceService.Export.requestDeserialize(body));
      else if (known && request.url === '/v1/metrics')
        store.takeMetrics(metricsService.Export.requestDeserialize(body));
      else response.statusCode = 404;
      response.setHeader('content-type', 'application/x-protobuf');
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...store.received,
    get resource() {
      return store.received.resource;
    },
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface KeyValue {
  key: string;
  value: { value: string; stringValue: string; boolValue: boolean; intValue: string; doubleValue: number };
}
interface WireSpan {
  traceId: Uint8Array;
  spanId: Uint8Array;
  parentSpanId: Uint8Array;
  traceState: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: KeyValue[];
  status: { code: number; message: string } | null;
  flags: number;
}
interface WirePoint {
  attributes: KeyValue[];
  asDouble: number;
  count?: string;
  sum?: number;
  bucketCounts?: string[];
  explicitBounds?: number[];
}
interface WireMetric {
  name: string;
  unit: string;
  gauge: { dataPoints: WirePoint[] } | null;
  sum: { dataPoints: WirePoint[] } | null;
  histogram: { dataPoints: WirePoint[] } | null;
}
interface WireScope<T> {
  scope: { name: string };
  items: T[];
}

function createStore() {
  const received = {
    spans: [] as ReceivedSpan[],
    metrics: [] as ReceivedMetric[],
    resource: {} as Record<string, unknown>,
  };
  const each = <T>(request: unknown, outer: string, scopes: string, items: string): Array<WireScope<T>> => {
    const list: Array<WireScope<T>> = [];
    for (const one of (request as Record<string, Array<Record<string, unknown>>>)[outer]) {
      received.resource = attributesOf((one.resource as { attributes: KeyValue[] }).attributes);
      for (const scope of one[scopes] as Array<Record<string, unknown>>)
        list.push({ scope: scope.scope as { name: string }, items: scope[items] as T[] });
    }
    return list;
  };
  return {
    received,
    takeSpans(request: unknown): void {
      for (const { scope, items } of each<WireSpan>(request, 'resourceSpans', 'scopeSpans', 'spans'))
        for (const span of items) received.spans.push(spanOf(span, scope.name));
    },
    takeMetrics(request: unknown): void {
      for (const { items } of each<WireMetric>(request, 'resourceMetrics', 'scopeMetrics', 'metrics'))
        for (const metric of items) received.metrics.push(metricOf(metric));
    },
  };
}

function spanOf(span: WireSpan, scope: string): ReceivedSpan {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    traceState: span.traceState,
    name: span.name,
    kind: span.kind,
    startNanos: BigInt(span.startTimeUnixNano),
    endNanos: BigInt(span.endTimeUnixNano),
    attributes: attributesOf(span.attributes),
    statusCode: span.status?.code ?? 0,
    statusMessage: span.status?.message ?? '',
    flags: span.flags,
    scope,
  };
}

function metricOf(metric: WireMetric): ReceivedMetric {
  const type = metric.gauge ? 'gauge' : metric.sum ? 'sum' : 'histogram';
  const points = (metric.gauge ?? metric.sum ?? metric.histogram)?.dataPoints ?? [];
  return {
    name: metric.name,
    unit: metric.unit,
    type,
    points: points.map((point) => ({
      attributes: attributesOf(point.attributes),
      value: type === 'histogram' ? (point.sum ?? 0) : point.asDouble,
      count: Number(point.count ?? 0),
      buckets: (point.bucketCounts ?? []).map(Number),
      bounds: point.explicitBounds ?? [],
    })),
  };
}

function attributesOf(list: KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(
    list.map(({ key, value }) => [
      key,
      value.stringValue ||
        (value.intValue !== '0' ? Number(value.intValue) : value.doubleValue || value.boolValue || ''),
    ]),
  );
}
