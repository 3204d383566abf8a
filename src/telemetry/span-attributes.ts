import { grpcStatusName } from '../core/grpc-status.ts';
import type { AttemptRecord, CallRecord } from './call-record.ts';
import {
  attemptGrpcStatus,
  callGrpcStatus,
  callIsError,
  isClientSpanError,
  rpcMethod,
} from './call-status.ts';
import { httpMethodLabel } from './metrics/http-metrics.ts';

/**
 * What spans say of calls and attempts, told to whoever listens: one that makes an object of it, one that writes OTLP.
 * Names follow the RPC and HTTP semantic conventions, 1.45.
 */
export interface AttributeSink {
  /** A number is whole and not negative. */
  attribute(key: AttributeKey, value: string | number): void;
}

export class AttributeKey {
  readonly name: string;
  /** The name as field 1 of OTLP's `KeyValue`; all names are shorter than 128 characters. */
  readonly bytes: Buffer;

  constructor(name: string) {
    this.name = name;
    this.bytes = Buffer.from(`\n${String.fromCharCode(name.length)}${name}`, 'latin1');
  }
}

const key = {
  call: new AttributeKey('outrigger.call'),
  listener: new AttributeKey('outrigger.listener'),
  route: new AttributeKey('outrigger.route'),
  cluster: new AttributeKey('outrigger.cluster'),
  attempt: new AttributeKey('outrigger.attempt'),
  attemptKind: new AttributeKey('outrigger.attempt.kind'),
  attemptVerdict: new AttributeKey('outrigger.attempt.verdict'),
  pick: new AttributeKey('outrigger.pick'),
  error: new AttributeKey('outrigger.error'),
  requestMessages: new AttributeKey('outrigger.request.messages'),
  responseMessages: new AttributeKey('outrigger.response.messages'),
  rpcSystem: new AttributeKey('rpc.system.name'),
  rpcMethod: new AttributeKey('rpc.method'),
  rpcStatus: new AttributeKey('rpc.status_code'),
  errorType: new AttributeKey('error.type'),
  httpMethod: new AttributeKey('http.request.method'),
  httpMethodOriginal: new AttributeKey('http.request.method_original'),
  httpResend: new AttributeKey('http.request.resend_count'),
  httpStatus: new AttributeKey('http.response.status_code'),
  urlPath: new AttributeKey('url.path'),
  urlQuery: new AttributeKey('url.query'),
  serverAddress: new AttributeKey('server.address'),
  serverPort: new AttributeKey('server.port'),
  clientAddress: new AttributeKey('client.address'),
  clientPort: new AttributeKey('client.port'),
  peerAddress: new AttributeKey('network.peer.address'),
  peerPort: new AttributeKey('network.peer.port'),
};

/** Of the SERVER span. */
export function serverAttributes(record: CallRecord, sink: AttributeSink): void {
  sink.attribute(key.call, record.id);
  sink.attribute(key.listener, record.listener);
  callAttributes(record, sink);
  const failed = callIsError(record);
  if (record.grpc) {
    grpcAttributes(record, callGrpcStatus(record), failed, sink);
    sink.attribute(key.requestMessages, record.requestMessages);
    sink.attribute(key.responseMessages, record.responseMessages);
  } else {
    httpAttributes(record, record.httpStatus, failed, sink);
    const query = record.path.indexOf('?');
    if (query >= 0) sink.attribute(key.urlQuery, record.path.slice(query + 1));
  }
  authorityAttributes(record.authority, sink);
  if (record.clientAddress !== '') {
    sink.attribute(key.clientAddress, record.clientAddress);
    sink.attribute(key.peerAddress, record.clientAddress);
  }
  if (record.clientPort > 0) {
    sink.attribute(key.clientPort, record.clientPort);
    sink.attribute(key.peerPort, record.clientPort);
  }
  if (record.error !== '') sink.attribute(key.error, record.error);
}

/** Of an attempt's CLIENT span. */
export function clientAttributes(record: CallRecord, attempt: AttemptRecord, sink: AttributeSink): void {
  const failed = isClientSpanError(record, attempt);
  sink.attribute(key.attempt, attempt.number);
  sink.attribute(key.serverAddress, attempt.peerHost);
  sink.attribute(key.peerAddress, attempt.peerHost);
  if (attempt.peerPort > 0) {
    sink.attribute(key.serverPort, attempt.peerPort);
    sink.attribute(key.peerPort, attempt.peerPort);
  }
  const pick = String(attempt.pick);
  if (pick !== '') sink.attribute(key.pick, pick);
  if (attempt.error !== '') sink.attribute(key.error, attempt.error);
  if (attempt.kind !== 'first') sink.attribute(key.attemptKind, attempt.kind);
  if (attempt.verdict !== '') sink.attribute(key.attemptVerdict, attempt.verdict);
  callAttributes(record, sink);
  if (record.grpc) grpcAttributes(record, attemptGrpcStatus(record, attempt), failed, sink);
  else {
    httpAttributes(record, attempt.httpStatus, failed, sink);
    if (attempt.number > 1) sink.attribute(key.httpResend, attempt.number - 1);
  }
}

function callAttributes(record: CallRecord, sink: AttributeSink): void {
  if (record.route !== '') sink.attribute(key.route, record.route);
  if (record.cluster !== '') sink.attribute(key.cluster, record.cluster);
}

function grpcAttributes(record: CallRecord, status: number, failed: boolean, sink: AttributeSink): void {
  const name = grpcStatusName(status);
  sink.attribute(key.rpcSystem, 'grpc');
  sink.attribute(key.rpcMethod, rpcMethod(record.path));
  sink.attribute(key.rpcStatus, name);
  if (failed) sink.attribute(key.errorType, name);
}

function httpAttributes(record: CallRecord, status: number, failed: boolean, sink: AttributeSink): void {
  const method = httpMethodLabel(record.httpMethod);
  sink.attribute(key.httpMethod, method);
  if (method !== record.httpMethod) sink.attribute(key.httpMethodOriginal, record.httpMethod);
  const query = record.path.indexOf('?');
  sink.attribute(key.urlPath, query < 0 ? record.path : record.path.slice(0, query));
  if (status > 0) sink.attribute(key.httpStatus, status);
  if (failed) sink.attribute(key.errorType, status > 0 ? String(status) : record.error || 'no_response');
}

/** Host and port of `:authority`, as far as it names them. Whatever the text, no throw. */
function authorityAttributes(authority: string, sink: AttributeSink): void {
  const colon = authority.lastIndexOf(':');
  const number = colon < 0 || authority.length - colon > 6 ? 0 : Number(authority.slice(colon + 1));
  const port = number > 0 && Number.isInteger(number) ? number : 0;
  const host = port > 0 ? authority.slice(0, colon) : authority;
  const name = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (name !== '') sink.attribute(key.serverAddress, name);
  if (port > 0) sink.attribute(key.serverPort, port);
}
