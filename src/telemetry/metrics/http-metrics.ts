import type { AttemptRecord, CallRecord } from '../call-record.ts';
import { attemptMs, callIsError, isClientSpanError, wallEndMs } from '../call-status.ts';
import type { HistogramData, Labels, Registry } from './registry.ts';

/** Methods that get a label of their own (RFC 9110 section 9, RFC 5789); others are `_OTHER` as the conventions say. */
const methodNames: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
]);

/** `http.request.method` of a request: the method, or `_OTHER`, so that no peer makes up labels. */
export function httpMethodLabel(method: string): string {
  return methodNames.has(method) ? method : '_OTHER';
}

/**
 * Requests that are not gRPC and their attempts, in the names of OpenTelemetry's conventions for HTTP. Paths are the client's to choose,
 * so routes and clusters take their place, which are configuration's.
 */
export function createHttpMetrics(registry: Registry, bounds: readonly number[]) {
  const served = createServerDurations(registry, bounds);
  const attempted = createClientDurations(registry, bounds);
  const bytes = registry.counter({
    name: 'outrigger.http.body',
    unit: 'By',
    help: 'Bytes of request and reply bodies that Outrigger forwarded.',
  });
  const sent = bytes.bind({ 'outrigger.direction': 'request' });
  const received = bytes.bind({ 'outrigger.direction': 'response' });
  return {
    settled(record: CallRecord): void {
      count(served(record), record, record.endedMs - record.startedMs);
      const { attempts } = record;
      for (let i = 0; i < attempts.length; i++)
        count(attempted(record, attempts[i]), record, attemptMs(record, attempts[i]));
      sent.add(record.requestBytes);
      received.add(record.responseBytes);
    },
  };
}

function count(into: HistogramData, record: CallRecord, durationMs: number): void {
  if (record.sampled) into.recordExemplar(durationMs / 1000, record.traceId, wallEndMs(record));
  else into.record(durationMs / 1000);
}

type ByMethod = Map<string, Map<number, HistogramData>>;

function createServerDurations(registry: Registry, bounds: readonly number[]) {
  const durations = registry.histogram({
    name: 'http.server.request.duration',
    unit: 's',
    help: 'Duration of a request that is not gRPC.',
    bounds,
  });
  const byListener = new Map<string, Map<string, ByMethod>>();
  // Most requests are of the listener that had the one before.
  let lastListener = '';
  let last: Map<string, ByMethod> | null = null;

  const bind = (record: CallRecord, method: string, status: number, isError: boolean): HistogramData => {
    const error: Labels = isError ? { 'error.type': status === 0 ? 'no_response' : String(status) } : {};
    return durations.bind({
      ...httpLabels(method, status, record),
      'outrigger.route': record.route,
      'outrigger.listener': record.listener,
      ...error,
    }).data;
  };
  return (record: CallRecord): HistogramData => {
    const { listener, route } = record;
    if (last === null || listener !== lastListener) {
      last = memo(byListener, listener, () => new Map());
      lastListener = listener;
    }
    const method = httpMethodLabel(record.httpMethod);
    const byKey = memo(
      memo(last, route, newMap<string, Map<number, HistogramData>>),
      method,
      newMap<number, HistogramData>,
    );
    const status = httpStatusLabel(record.httpStatus);
    const isError = callIsError(record);
    const key = keyOf(status, isError, record);
    return byKey.get(key) ?? keep(byKey, key, bind(record, method, status, isError));
  };
}

function createClientDurations(registry: Registry, bounds: readonly number[]) {
  const durations = registry.histogram({
    name: 'http.client.request.duration',
    unit: 's',
    help: 'Duration of one attempt of a request that is not gRPC at an endpoint.',
    bounds,
  });
  const byCluster = new Map<string, Map<string, ByMethod>>();

  const bind = (
    { cluster }: CallRecord,
    attempt: AttemptRecord,
    method: string,
    status: number,
    error: string,
  ): HistogramData =>
    durations.bind({
      ...httpLabels(method, status, attempt),
      'outrigger.cluster': cluster,
      ...(error === '' ? {} : { 'error.type': error }),
    }).data;
  return (record: CallRecord, attempt: AttemptRecord): HistogramData => {
    const status = httpStatusLabel(attempt.httpStatus);
    const error = isClientSpanError(record, attempt) ? attemptErrorType(attempt, status) : '';
    const byError = memo(byCluster, record.cluster, newMap<string, ByMethod>);
    const byMethod = memo(byError, error, newMap<string, Map<number, HistogramData>>);
    const method = httpMethodLabel(record.httpMethod);
    const byKey = memo(byMethod, method, newMap<number, HistogramData>);
    const key = keyOf(status, false, attempt);
    return byKey.get(key) ?? keep(byKey, key, bind(record, attempt, method, status, error));
  };
}

/** What the attempt failed with, else its status. The codes are Outrigger's, and few. */
function attemptErrorType({ error }: AttemptRecord, status: number): string {
  if (error !== '') return error;
  return status === 0 ? 'no_response' : String(status);
}

/** 0 for none, so that no peer makes up labels. */
function httpStatusLabel(status: number): number {
  return status >= 100 && status <= 599 ? status : 0;
}

type Transport = Pick<CallRecord, 'scheme' | 'httpVersion'>;

const schemes = ['', 'http', 'https'] as const;
const versions = ['', '1.1', '2'] as const;

/** A number for each combination. */
function keyOf(status: number, isError: boolean, { scheme, httpVersion }: Transport): number {
  const transport = schemes.indexOf(scheme) * versions.length + versions.indexOf(httpVersion);
  return (status * 2 + Number(isError)) * schemes.length * versions.length + transport;
}

function httpLabels(method: string, status: number, { scheme, httpVersion }: Transport): Labels {
  return {
    'http.request.method': method,
    ...(status === 0 ? {} : { 'http.response.status_code': String(status) }),
    ...(scheme === '' ? {} : { 'url.scheme': scheme }),
    ...(httpVersion === '' ? {} : { 'network.protocol.version': httpVersion }),
  };
}

/** Keeps what is new. Apart from `memo`, whose function would be made for each request. */
function keep<K, V>(map: Map<K, V>, key: K, value: V): V {
  map.set(key, value);
  return value;
}

function newMap<K, V>(): Map<K, V> {
  return new Map();
}

function memo<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
