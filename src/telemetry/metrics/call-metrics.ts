import { grpcStatusName, grpcStatusNames } from '../../core/grpc-status.ts';
import type { CallRecord } from '../call-record.ts';
import {
  attemptGrpcStatus,
  attemptMs,
  callGrpcStatus,
  callIsError,
  rpcMethod,
  wallEndMs,
} from '../call-status.ts';
import { declareGrpcCalls, type GrpcCallFamilies, SettledCalls, StartedCalls } from './grpc-call-metrics.ts';
import { createHttpMetrics } from './http-metrics.ts';
import type { HistogramData, HistogramFamily, Labels, Registry, Value, ValueFamily } from './registry.ts';
import { createRetryMetrics } from './retry-metrics.ts';

/** What the call path reports. Each is a Map lookup and increments; nothing is allocated once a method is known. */
export interface CallMetrics {
  /** A call was accepted; its listener is known. */
  started(record: CallRecord): void;
  /** An attempt begins; its path and cluster are known. */
  attemptStarted(record: CallRecord): void;
  /** Exactly once for every `started`, with the final record. */
  settled(record: CallRecord): void;
}

/**
 * Bounds of latencies, in seconds: those that the semantic conventions advise, and finer ones below 5 ms, since a
 * call through a sidecar is often done in a fraction of one.
 */
export const latencyBoundsSeconds = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5,
  7.5, 10,
] as const;

/** gRFC A66's bounds of message sizes, in bytes. */
export const sizeBoundsBytes = [
  0, 1024, 2048, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864, 268_435_456,
  1_073_741_824, 4_294_967_296,
] as const;

/** The label of methods beyond `maxMethods`, of those that no upstream knows, and of those whose names are too long. */
export const otherMethod = 'other';
/** Characters of a method that gets series of its own: its name is in some hundred lines of every scrape. */
export const methodLabelCharsMax = 256;
/** Attempts of methods not yet known to be real, remembered until their first call settles. */
const pendingMethodsMax = 256;

/** `grpcCalls`: whole calls are counted under the names of gRFC A66 as well. */
export function createCallMetrics(registry: Registry, maxMethods: number, grpcCalls = false): CallMetrics {
  const declared = declareFamilies(registry);
  const families = { ...declared, grpcCalls: grpcCalls ? declared.grpcCalls : null };
  const startedCalls = grpcCalls ? new StartedCalls(declared.grpcCalls.started, otherMethod) : null;
  const http = createHttpMetrics(registry, latencyBoundsSeconds);
  const retries = createRetryMetrics(registry);
  const methods = createMethods(families, maxMethods);
  const activeByListener = new Map<string, Value>();
  const errors = createErrorCounts(families.errors);

  // Most calls are of the listener that had the one before.
  let lastListener = '';
  let lastActive: Value | null = null;
  const active = (listener: string): Value => {
    if (lastActive !== null && listener === lastListener) return lastActive;
    lastListener = listener;
    lastActive = bindOnce(activeByListener, families.active, 'outrigger.listener', listener);
    return lastActive;
  };
  return {
    started(record) {
      active(record.listener).add(1);
      if (startedCalls !== null && record.grpc) startedCalls.started(record.path);
    },
    attemptStarted(record) {
      if (record.grpc) methods.attemptStarted(record);
    },
    settled(record) {
      active(record.listener).add(-1);
      if (record.error !== '') errors.add(record.listener, record.error);
      if (record.grpc) {
        const method = methods.of(record);
        method.settled(record);
        startedCalls?.settled(record.path, method.method);
        retries.settled(record, method.method);
      } else {
        http.settled(record);
        retries.settled(record, '');
      }
    },
  };
}

type Families = Omit<ReturnType<typeof declareFamilies>, 'grpcCalls'> & {
  readonly grpcCalls: GrpcCallFamilies | null;
};

function declareFamilies(registry: Registry) {
  const histogram = (name: string, unit: string, bounds: readonly number[], help: string): HistogramFamily =>
    registry.histogram({ name, unit, bounds, help });
  const counter = (name: string, unit: string, help: string): ValueFamily =>
    registry.counter({ name, unit, help });
  return {
    server: histogram(
      'rpc.server.call.duration',
      's',
      latencyBoundsSeconds,
      'Duration of a call as its client sees it.',
    ),
    client: histogram(
      'rpc.client.call.duration',
      's',
      latencyBoundsSeconds,
      'Duration of one attempt at an endpoint.',
    ),
    attemptsStarted: counter('grpc.client.attempt.started', '{attempt}', 'Attempts begun (gRFC A66).'),
    attempts: histogram(
      'grpc.client.attempt.duration',
      's',
      latencyBoundsSeconds,
      'Duration of one attempt at an endpoint (gRFC A66).',
    ),
    sent: histogram(
      'grpc.client.attempt.sent_total_compressed_message_size',
      'By',
      sizeBoundsBytes,
      'Bytes of messages sent in an attempt, as compressed (gRFC A66).',
    ),
    received: histogram(
      'grpc.client.attempt.rcvd_total_compressed_message_size',
      'By',
      sizeBoundsBytes,
      'Bytes of messages received in an attempt, as compressed (gRFC A66).',
    ),
    messages: counter('outrigger.messages', '{message}', 'gRPC messages relayed.'),
    bytes: counter('outrigger.message', 'By', 'Bytes of gRPC messages relayed.'),
    errors: counter('outrigger.errors', '{call}', 'Calls that Outrigger itself answered with an error.'),
    grpcCalls: declareGrpcCalls(registry, latencyBoundsSeconds, sizeBoundsBytes),
    active: registry.gauge({ name: 'outrigger.calls.active', unit: '{call}', help: 'Requests in flight.' }),
  };
}

/** Names of listeners and codes are configuration's and ours, so their number is bounded. */
function createErrorCounts(family: ValueFamily) {
  const byListener = new Map<string, Map<string, Value>>();
  return {
    add(listener: string, code: string): void {
      let byCode = byListener.get(listener);
      if (byCode === undefined) {
        byCode = new Map();
        byListener.set(listener, byCode);
      }
      let value = byCode.get(code);
      if (value === undefined) {
        value = family.bind({ 'outrigger.error': code, 'outrigger.listener': listener });
        byCode.set(code, value);
      }
      value.add(1);
    },
  };
}

/** The series of one method on one cluster from one listener, bound ahead of use. */
class MethodMetrics {
  readonly cluster: string;
  readonly listener: string;
  /** The same method on another cluster or from another listener. */
  readonly next: MethodMetrics | null;
  readonly attemptsStarted: Value;
  private readonly families: Families;
  readonly method: string;
  private readonly labels: Labels;
  private readonly grpcLabels: Labels;
  /** By gRPC status; bound when a status is first seen. Calls that count as errors apart: of some statuses only a part do. */
  private readonly server: Array<HistogramData | undefined> = new Array(grpcStatusNames.length + 1).fill(
    undefined,
  );
  private readonly serverErrors: Array<HistogramData | undefined> = new Array(
    grpcStatusNames.length + 1,
  ).fill(undefined);
  private readonly attempts: Array<AttemptMetrics | undefined> = new Array(grpcStatusNames.length + 1).fill(
    undefined,
  );
  /** Null unless whole calls are counted under the names of gRFC A66. */
  private readonly calls: SettledCalls | null;
  private readonly requestMessages: Value;
  private readonly responseMessages: Value;
  private readonly requestBytes: Value;
  private readonly responseBytes: Value;

  constructor(
    families: Families,
    method: string,
    { cluster, listener }: Pick<CallRecord, 'cluster' | 'listener'>,
    next: MethodMetrics | null,
  ) {
    this.families = families;
    this.cluster = cluster;
    this.listener = listener;
    this.method = method;
    this.next = next;
    const labels = { 'rpc.system.name': 'grpc', 'rpc.method': method, 'outrigger.cluster': cluster };
    this.labels = labels;
    this.grpcLabels = { 'grpc.method': method, 'grpc.target': cluster };
    this.calls = families.grpcCalls && new SettledCalls(families.grpcCalls, method, cluster);
    this.attemptsStarted = families.attemptsStarted.bind(this.grpcLabels);
    const direction = (family: ValueFamily, name: string): Value =>
      family.bind({ 'rpc.method': method, 'outrigger.cluster': cluster, 'outrigger.direction': name });
    this.requestMessages = direction(families.messages, 'request');
    this.responseMessages = direction(families.messages, 'response');
    this.requestBytes = direction(families.bytes, 'request');
    this.responseBytes = direction(families.bytes, 'response');
  }

  settled(record: CallRecord): void {
    const status = statusSlot(callGrpcStatus(record));
    const seconds = (record.endedMs - record.startedMs) / 1000;
    const isError = callIsError(record);
    const of = isError ? this.serverErrors : this.server;
    const server = of[status] ?? this.bindServer(status, isError);
    if (record.sampled) server.recordExemplar(seconds, record.traceId, wallEndMs(record));
    else server.record(seconds);
    if (this.calls !== null) this.calls.record(status, seconds, record);
    this.requestMessages.add(record.requestMessages);
    this.responseMessages.add(record.responseMessages);
    this.requestBytes.add(record.requestBytes);
    this.responseBytes.add(record.responseBytes);
    const { attempts } = record;
    const relayed = record.chosen === 0 ? attempts.length - 1 : record.chosen - 1;
    for (let i = 0; i < attempts.length; i++) {
      const attempt = attempts[i];
      const slot = statusSlot(attemptGrpcStatus(record, attempt));
      const metrics = this.attempts[slot] ?? this.bindAttempt(slot);
      metrics.duration.record(attemptMs(record, attempt) / 1000);
      // Bytes are counted per call. The attempt that was relayed to the client is the one they were for.
      metrics.sent.record(i === relayed ? record.requestBytes : 0);
      metrics.received.record(i === relayed ? record.responseBytes : 0);
    }
  }

  private bindServer(slot: number, isError: boolean): HistogramData {
    const status = grpcStatusName(slot);
    const error: Labels = isError ? { 'error.type': status } : {};
    const { data } = this.families.server.bind({
      ...this.labels,
      'outrigger.listener': this.listener,
      ...statusLabels(status),
      ...error,
    });
    (isError ? this.serverErrors : this.server)[slot] = data;
    return data;
  }

  private bindAttempt(slot: number): AttemptMetrics {
    const { client, attempts, sent, received } = this.families;
    const status = grpcStatusName(slot);
    const error: Labels = slot === 0 ? {} : { 'error.type': status };
    const grpcLabels = { ...this.grpcLabels, 'grpc.status': status };
    const duration = client.bind({ ...this.labels, ...statusLabels(status), ...error }).data;
    attempts.show(grpcLabels, duration);
    const bound = { duration, sent: sent.bind(grpcLabels).data, received: received.bind(grpcLabels).data };
    this.attempts[slot] = bound;
    return bound;
  }
}

/** Of the stable conventions for RPC, and of those before them. */
function statusLabels(status: string): Labels {
  return { 'rpc.response.status_code': status, 'rpc.status_code': status };
}

interface AttemptMetrics {
  readonly duration: HistogramData;
  readonly sent: HistogramData;
  readonly received: HistogramData;
}

/** Statuses outside the table share UNKNOWN's slot, 2: a label must not be the peer's to choose. */
function statusSlot(status: number): number {
  return status >= 0 && status < grpcStatusNames.length ? status : 2;
}

/**
 * The methods that have series of their own. A method earns them with its first call that an upstream did not
 * answer with UNIMPLEMENTED (nor Outrigger, for want of a route), so that whoever tries random paths takes no place from the real ones.
 */
function createMethods(families: Families, maxMethods: number) {
  const byPath = new Map<string, MethodMetrics>();
  const others = new Map<string, MethodMetrics>();
  const pendingAttempts = new Map<string, number>();
  let known = 0;
  const unimplemented = grpcStatusNames.indexOf('UNIMPLEMENTED');

  // Calls of one method come in runs, and each asks twice.
  let lastPath = '';
  let last: MethodMetrics | null = null;
  const find = ({ path, cluster, listener }: CallRecord): MethodMetrics | null => {
    if (last !== null && path === lastPath && cluster === last.cluster && listener === last.listener)
      return last;
    let metrics = byPath.get(path) ?? null;
    while (metrics !== null && (metrics.cluster !== cluster || metrics.listener !== listener))
      metrics = metrics.next;
    lastPath = path;
    last = metrics;
    return metrics;
  };
  const other = (record: CallRecord): MethodMetrics => {
    // Names have no line feed.
    const key = `${record.cluster}\n${record.listener}`;
    let metrics = others.get(key);
    if (metrics === undefined) {
      metrics = new MethodMetrics(families, otherMethod, record, null);
      others.set(key, metrics);
    }
    return metrics;
  };
  const settleFirst = (record: CallRecord): MethodMetrics => {
    const { path } = record;
    let metrics: MethodMetrics;
    if (record.grpcStatus === unimplemented || known >= maxMethods || isTooLong(path))
      metrics = other(record);
    else {
      metrics = new MethodMetrics(families, rpcMethod(path), record, byPath.get(path) ?? null);
      byPath.set(path, metrics);
      known++;
    }
    const pending = pendingAttempts.get(path);
    if (pending !== undefined) {
      metrics.attemptsStarted.add(pending);
      pendingAttempts.delete(path);
    }
    return metrics;
  };
  return {
    of(record: CallRecord): MethodMetrics {
      return find(record) ?? settleFirst(record);
    },
    attemptStarted(record: CallRecord): void {
      const metrics = find(record);
      if (metrics !== null) metrics.attemptsStarted.add(1);
      else if (known < maxMethods && pendingAttempts.size < pendingMethodsMax && !isTooLong(record.path))
        pendingAttempts.set(record.path, (pendingAttempts.get(record.path) ?? 0) + 1);
      else other(record).attemptsStarted.add(1);
    },
  };
}

/** A path is the method with a slash before it. */
function isTooLong(path: string): boolean {
  return path.length > methodLabelCharsMax + 1;
}

function bindOnce(values: Map<string, Value>, family: ValueFamily, label: string, name: string): Value {
  let value = values.get(name);
  if (value === undefined) {
    value = family.bind({ [label]: name });
    values.set(name, value);
  }
  return value;
}
