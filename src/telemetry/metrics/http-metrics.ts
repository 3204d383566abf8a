import type { CallRecord } from '../call-record.ts';
import { callIsError, wallEndMs } from '../call-status.ts';
import type { HistogramData, Registry } from './registry.ts';

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

type ByRoute = Map<string, Map<string, Map<number, HistogramData>>>;

/** Requests that are not gRPC, counted by route: paths are the client's to choose, routes are configuration's. */
export function createHttpMetrics(registry: Registry, bounds: readonly number[]) {
  const durations = registry.histogram({
    name: 'http.server.request.duration',
    unit: 's',
    help: 'Duration of a request that is not gRPC.',
    bounds,
  });
  const bytes = registry.counter({
    name: 'outrigger.http.body',
    unit: 'By',
    help: 'Bytes of request and reply bodies that Outrigger forwarded.',
  });
  const sent = bytes.bind({ 'outrigger.direction': 'request' });
  const received = bytes.bind({ 'outrigger.direction': 'response' });
  const byListener = new Map<string, ByRoute>();
  // Most requests are of the listener that had the one before.
  let lastListener = '';
  let last: ByRoute | null = null;

  /** `key` is the status, or -1 less the status of a request that counts as no error. */
  const bind = (listener: string, route: string, method: string, key: number): HistogramData => {
    const status = key < 0 ? -1 - key : key;
    const code = status === 0 ? '' : String(status);
    return durations.bind({
      'http.request.method': method,
      ...(code === '' ? {} : { 'http.response.status_code': code }),
      'outrigger.route': route,
      'outrigger.listener': listener,
      ...(key >= 0 ? { 'error.type': code || 'no_response' } : {}),
    }).data;
  };
  const histogram = (record: CallRecord): HistogramData => {
    const { httpStatus, listener, route } = record;
    if (last === null || listener !== lastListener) {
      last = memo(byListener, listener, () => new Map());
      lastListener = listener;
    }
    const byMethod = memo(last, route, () => new Map<string, Map<number, HistogramData>>());
    const method = httpMethodLabel(record.httpMethod);
    const byStatus = memo(byMethod, method, () => new Map<number, HistogramData>());
    const status = httpStatus >= 100 && httpStatus <= 599 ? httpStatus : 0;
    const key = callIsError(record) ? status : -1 - status;
    return memo(byStatus, key, () => bind(listener, route, method, key));
  };
  return {
    settled(record: CallRecord): void {
      const seconds = (record.endedMs - record.startedMs) / 1000;
      if (record.sampled) histogram(record).recordExemplar(seconds, record.traceId, wallEndMs(record));
      else histogram(record).record(seconds);
      sent.add(record.requestBytes);
      received.add(record.responseBytes);
    },
  };
}

function memo<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
