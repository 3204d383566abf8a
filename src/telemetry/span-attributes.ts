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
  /** Writes a group, or copies what it wrote for the same values before. */
  group(group: AttributeGroup, a: string, b: string, c: string, number: number): void;
}

/** Attributes that many spans have alike, because they follow from up to three texts and a whole number alone. */
export class AttributeGroup<Sink = AttributeSink> {
  /** Of the groups that a sink gets, each has another. */
  readonly index: number;
  readonly write: (sink: Sink, a: string, b: string, c: string, number: number) => void;

  constructor(index: number, write: AttributeGroup<Sink>['write']) {
    this.index = index;
    this.write = write;
  }
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
  protocolVersion: new AttributeKey('network.protocol.version'),
  urlScheme: new AttributeKey('url.scheme'),
  urlPath: new AttributeKey('url.path'),
  urlQuery: new AttributeKey('url.query'),
  serverAddress: new AttributeKey('server.address'),
  serverPort: new AttributeKey('server.port'),
  clientAddress: new AttributeKey('client.address'),
  clientPort: new AttributeKey('client.port'),
  peerAddress: new AttributeKey('network.peer.address'),
  peerPort: new AttributeKey('network.peer.port'),
};

const listenerGroup = new AttributeGroup(0, (sink, listener, authority) => {
  sink.attribute(key.listener, listener);
  authorityAttributes(authority, sink);
});

const clientGroup = new AttributeGroup(1, (sink, address, _b, _c, port) => {
  if (address !== '') {
    sink.attribute(key.clientAddress, address);
    sink.attribute(key.peerAddress, address);
  }
  if (port > 0) {
    sink.attribute(key.clientPort, port);
    sink.attribute(key.peerPort, port);
  }
});

/** `attemptAndPort` is the number of the attempt times 65,536, plus the port. */
const endpointGroup = new AttributeGroup(2, (sink, host, _b, _c, attemptAndPort) => {
  const port = attemptAndPort % 65_536;
  sink.attribute(key.attempt, Math.floor(attemptAndPort / 65_536));
  sink.attribute(key.serverAddress, host);
  sink.attribute(key.peerAddress, host);
  if (port === 0) return;
  sink.attribute(key.serverPort, port);
  sink.attribute(key.peerPort, port);
});

/** `statusAndFailed` is the gRPC status times two, plus one where it counts as an error. */
const grpcGroup = new AttributeGroup(3, (sink, route, cluster, path, statusAndFailed) => {
  const name = grpcStatusName(statusAndFailed >> 1);
  routeAttributes(route, cluster, sink);
  sink.attribute(key.rpcSystem, 'grpc');
  sink.attribute(key.rpcMethod, rpcMethod(path));
  sink.attribute(key.rpcStatus, name);
  if ((statusAndFailed & 1) !== 0) sink.attribute(key.errorType, name);
});

/** `counts` are the messages of the reply times 256, plus those of the request. */
const messagesGroup = new AttributeGroup(4, (sink, _a, _b, _c, counts) => {
  messageAttributes(counts & 255, counts >> 8, sink);
});

const transportGroup = new AttributeGroup(5, (sink, scheme, version) => {
  if (scheme !== '') sink.attribute(key.urlScheme, scheme);
  if (version !== '') sink.attribute(key.protocolVersion, version);
});

/** The index of the first group that is not one of these. */
export const attributeGroups = 6;

/** Of the SERVER span. */
export function serverAttributes(record: CallRecord, sink: AttributeSink): void {
  sink.attribute(key.call, record.id);
  sink.group(listenerGroup, record.listener, record.authority, '', 0);
  const failed = callIsError(record);
  if (record.grpc) {
    grpcAttributes(record, callGrpcStatus(record), failed, sink);
    const { requestMessages, responseMessages } = record;
    if (requestMessages > 255 || responseMessages > 255)
      messageAttributes(requestMessages, responseMessages, sink);
    else sink.group(messagesGroup, '', '', '', responseMessages * 256 + requestMessages);
  } else {
    httpAttributes(record, record, failed, sink);
    const query = record.path.indexOf('?');
    if (query >= 0) sink.attribute(key.urlQuery, record.path.slice(query + 1));
  }
  sink.group(clientGroup, record.clientAddress, '', '', Math.max(0, record.clientPort));
  if (record.error !== '') sink.attribute(key.error, record.error);
}

/** Of an attempt's CLIENT span. */
export function clientAttributes(record: CallRecord, attempt: AttemptRecord, sink: AttributeSink): void {
  const failed = isClientSpanError(record, attempt);
  sink.group(
    endpointGroup,
    attempt.peerHost,
    '',
    '',
    attempt.number * 65_536 + Math.max(0, attempt.peerPort),
  );
  const pick = String(attempt.pick);
  if (pick !== '') sink.attribute(key.pick, pick);
  if (attempt.error !== '') sink.attribute(key.error, attempt.error);
  if (attempt.kind !== 'first') sink.attribute(key.attemptKind, attempt.kind);
  if (attempt.verdict !== '') sink.attribute(key.attemptVerdict, attempt.verdict);
  if (record.grpc) grpcAttributes(record, attemptGrpcStatus(record, attempt), failed, sink);
  else {
    httpAttributes(record, attempt, failed, sink);
    if (attempt.number > 1) sink.attribute(key.httpResend, attempt.number - 1);
  }
}

function grpcAttributes(record: CallRecord, status: number, failed: boolean, sink: AttributeSink): void {
  sink.group(grpcGroup, record.route, record.cluster, record.path, status * 2 + (failed ? 1 : 0));
}

function messageAttributes(request: number, response: number, sink: AttributeSink): void {
  sink.attribute(key.requestMessages, request);
  sink.attribute(key.responseMessages, response);
}

function routeAttributes(route: string, cluster: string, sink: AttributeSink): void {
  if (route !== '') sink.attribute(key.route, route);
  if (cluster !== '') sink.attribute(key.cluster, cluster);
}

/** `at` is the call, or one of its attempts: each has a status and a transport of its own. */
function httpAttributes(
  record: CallRecord,
  at: Pick<CallRecord, 'httpStatus' | 'scheme' | 'httpVersion'>,
  failed: boolean,
  sink: AttributeSink,
): void {
  const status = at.httpStatus;
  sink.group(transportGroup, at.scheme, at.httpVersion, '', 0);
  routeAttributes(record.route, record.cluster, sink);
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
