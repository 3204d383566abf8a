import type * as grpc from '@grpc/grpc-js';
import { loadService } from '../../support/protos.ts';

/** gRPC's interop services as grpc-js takes them, with the types of what they carry. */

export const testService = loadService('interop/test.proto', 'grpc.testing.TestService');
export const unimplementedService = loadService('interop/test.proto', 'grpc.testing.UnimplementedService');

/** A method with its types; proto-loader knows them at run time only. */
export interface Method<Request, Reply> {
  readonly path: string;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (value: Reply) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Reply;
}

function method<Request, Reply>(service: grpc.ServiceDefinition, name: string): Method<Request, Reply> {
  return service[name] as unknown as Method<Request, Reply>;
}

export type Empty = Record<string, never>;

/** Absent, or a bool. */
export type Wanted = { value: boolean } | null;

export interface Payload {
  body: Uint8Array;
}

export interface EchoStatus {
  code: number;
  message: string;
}

export interface SimpleRequest {
  responseSize?: number;
  payload?: Payload | null;
  responseCompressed?: Wanted;
  responseStatus?: EchoStatus | null;
  expectCompressed?: Wanted;
}

export interface SimpleResponse {
  payload: Payload | null;
}

export interface StreamingInputCallRequest {
  payload?: Payload | null;
  expectCompressed?: Wanted;
}

export interface StreamingInputCallResponse {
  aggregatedPayloadSize: number;
}

export interface ResponseParameters {
  size: number;
  intervalUs?: number;
  compressed?: Wanted;
}

export interface StreamingOutputCallRequest {
  responseParameters?: ResponseParameters[];
  payload?: Payload | null;
  responseStatus?: EchoStatus | null;
}

export type StreamingOutputCallResponse = SimpleResponse;

export const emptyCall = method<Empty, Empty>(testService, 'EmptyCall');
export const unaryCall = method<SimpleRequest, SimpleResponse>(testService, 'UnaryCall');
export const streamingInputCall = method<StreamingInputCallRequest, StreamingInputCallResponse>(
  testService,
  'StreamingInputCall',
);
export const streamingOutputCall = method<StreamingOutputCallRequest, StreamingOutputCallResponse>(
  testService,
  'StreamingOutputCall',
);
export const fullDuplexCall = method<StreamingOutputCallRequest, StreamingOutputCallResponse>(
  testService,
  'FullDuplexCall',
);
export const unimplementedCall = method<Empty, Empty>(testService, 'UnimplementedCall');
export const unimplementedServiceCall = method<Empty, Empty>(unimplementedService, 'UnimplementedCall');

/** A body of zeros, as most cases send. */
export function zeros(bytes: number): Payload {
  return { body: Buffer.alloc(bytes) };
}

/** What large_unary sends and asks for. */
export const largeRequest: SimpleRequest = { responseSize: 314_159, payload: zeros(271_828) };

/** Keys that every server sends back, in the head and in the trailers. */
export const echoInitialKey = 'x-grpc-test-echo-initial';
export const echoTrailingKey = 'x-grpc-test-echo-trailing-bin';

/** Sizes of the requests and of the replies asked for, in order. */
export const requestSizes = [27_182, 8, 1828, 45_904] as const;
export const replySizes = [31_415, 9, 2653, 58_979] as const;
