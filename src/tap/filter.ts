import type { RequestView } from '../call/stage.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import { matchesGlob, matchesMethod } from './pattern.ts';
import type { Redaction } from './redaction.ts';
import type { StatusCondition } from './status-condition.ts';

/** A header that a request must have, with a value that matches; null for any value. */
export interface HeaderCondition {
  readonly name: string;
  readonly value: string | null;
}

/** Which calls a tap shows. All conditions must hold; of a list, one of its items. An empty list is no condition. */
export interface TapFilter {
  /** Methods of gRPC, paths, or HTTP methods in upper case. */
  readonly methods: readonly string[];
  readonly statuses: readonly StatusCondition[];
  /** Every one of them must hold. */
  readonly headers: readonly HeaderCondition[];
  /** Addresses of endpoints that some attempt was made at, and so on: each with `*` for any characters. */
  readonly endpoints: readonly string[];
  readonly clusters: readonly string[];
  readonly routes: readonly string[];
  readonly listeners: readonly string[];
  readonly clients: readonly string[];
  readonly durationMinMs: number;
  readonly durationMaxMs: number;
}

/** An HTTP method, and neither a path nor the name of a service. */
const httpMethod = /^[A-Z]{3,10}$/;

/**
 * Whether a request that starts may be shown: what is known by then of the filter holds. Values of headers are compared as the tap
 * shows them: whoever may compare a hidden value finds it out character by character.
 */
export function matchesStart(
  filter: TapFilter,
  redaction: Redaction,
  { record, requestHead }: RequestView,
): boolean {
  if (!oneOf(filter.listeners, record.listener)) return false;
  if (!oneOf(filter.routes, record.route)) return false;
  if (!oneOf(filter.clients, record.clientAddress)) return false;
  if (filter.methods.length > 0 && !filter.methods.some((pattern) => isMethod(pattern, record))) return false;
  return filter.headers.every(({ name, value }) =>
    requestHead
      .all(name)
      .some((text) => value === null || matchesGlob(value, redaction.text(text, Number.POSITIVE_INFINITY))),
  );
}

/** Whether a call that is over is shown, of those for which `matchesStart` was true. */
export function matchesEnd(filter: TapFilter, record: CallRecord): boolean {
  const durationMs = record.endedMs - record.startedMs;
  if (durationMs < filter.durationMinMs || durationMs > filter.durationMaxMs) return false;
  if (!oneOf(filter.clusters, record.cluster)) return false;
  if (filter.statuses.length > 0 && !filter.statuses.some((holds) => holds(record))) return false;
  const { endpoints } = filter;
  return endpoints.length === 0 || record.attempts.some(({ endpoint }) => isEndpoint(endpoints, endpoint));
}

/** Whether the filter has a condition that only a call that is over can meet. */
export function needsEnd(filter: TapFilter): boolean {
  const { statuses, endpoints, clusters, durationMinMs, durationMaxMs } = filter;
  const lists = [statuses, endpoints, clusters];
  return (
    durationMinMs > 0 || durationMaxMs !== Number.POSITIVE_INFINITY || lists.some(({ length }) => length > 0)
  );
}

function isMethod(pattern: string, record: CallRecord): boolean {
  if (httpMethod.test(pattern) && pattern === record.httpMethod && !record.grpc) return true;
  return matchesMethod(pattern, record.path);
}

function oneOf(patterns: readonly string[], text: string): boolean {
  return patterns.length === 0 || patterns.some((pattern) => matchesGlob(pattern, text));
}

/** By the address, or by its host alone. */
function isEndpoint(patterns: readonly string[], address: string): boolean {
  const host = address.slice(0, Math.max(0, address.lastIndexOf(':')));
  return patterns.some((pattern) => matchesGlob(pattern, address) || pattern === host);
}
