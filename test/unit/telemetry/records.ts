import { noSpanId, noTraceId } from '../../../src/core/trace-id.ts';
import type { AttemptRecord, CallRecord } from '../../../src/telemetry/call-record.ts';

/** A settled unary gRPC call of 20 ms at wall time 1,700,000,000 s, with one attempt; `over` says what differs. */
export function callRecord(over: Partial<CallRecord> = {}): CallRecord {
  return {
    id: 1,
    listener: 'outbound',
    route: 'hello',
    cluster: 'greeter',
    routes: null,
    grpc: true,
    tcp: false,
    udp: false,
    scheme: 'http',
    httpVersion: '2',
    httpMethod: 'POST',
    authority: 'greeter:50051',
    path: '/helloworld.Greeter/SayHello',
    clientAddress: '127.0.0.1',
    clientPort: 40_000,
    startedWallMs: 1_700_000_000_000,
    startedMs: 1000,
    headMs: 1015,
    endedMs: 1020,
    grpcStatus: 0,
    httpStatus: 200,
    endedBy: 'upstream',
    error: '',
    detail: '',
    notes: [],
    requestBytes: 12,
    responseBytes: 34,
    requestMessages: 1,
    responseMessages: 1,
    attempts: [attemptRecord()],
    chosen: 0,
    traceId: noTraceId,
    sampled: false,
    ...over,
  };
}

/** An attempt of 18 ms, begun 1 ms into the call. */
export function attemptRecord(over: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    number: 1,
    endpoint: '127.0.0.1:50051',
    peerHost: '127.0.0.1',
    peerPort: 50_051,
    scheme: 'http',
    httpVersion: '2',
    pick: 'lowest active/weight of 3',
    startedMs: 1001,
    endedMs: 1019,
    wait: null,
    grpcStatus: 0,
    httpStatus: 200,
    error: '',
    mayHaveProcessed: true,
    tally: 'ok',
    message: '',
    kind: 'first',
    verdict: '',
    withheld: '',
    spanId: noSpanId,
    ...over,
  };
}
