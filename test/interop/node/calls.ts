import type { EventEmitter } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import type { Method, SimpleResponse } from './service.ts';

/** How a call ended. Nothing here rejects: a status is a result. */
export interface Result<Reply> {
  readonly code: number;
  readonly details: string;
  readonly replies: readonly Reply[];
  readonly metadata: grpc.Metadata;
  readonly trailers: grpc.Metadata;
}

export type CallOptions = { metadata?: grpc.Metadata } & grpc.CallOptions;

export function connect(target: string, options: grpc.ClientOptions = {}): grpc.Client {
  return new grpc.Client(target, grpc.credentials.createInsecure(), {
    // Else all clients of one address share a connection, and with it what they learned about the server.
    'grpc.use_local_subchannel_pool': 1,
    ...options,
  });
}

export function unary<Request, Reply>(
  client: grpc.Client,
  method: Method<Request, Reply>,
  request: Request,
  { metadata = new grpc.Metadata(), ...options }: CallOptions = {},
): Promise<Result<Reply>> {
  const { path, requestSerialize, responseDeserialize } = method;
  return new Promise((resolve) => {
    const replies: Reply[] = [];
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      options,
      (_, reply) => {
        if (reply !== undefined) replies.push(reply);
      },
    );
    collect(call, replies, resolve);
  });
}

/** Sends the requests, half-closes and waits for the reply. */
export function clientStream<Request, Reply>(
  client: grpc.Client,
  method: Method<Request, Reply>,
  requests: readonly Request[],
  options: CallOptions = {},
): Promise<Result<Reply>> {
  const { call, result } = openClientStream(client, method, options);
  for (const request of requests) call.write(request);
  call.end();
  return result;
}

export interface Open<Call, Reply> {
  readonly call: Call;
  readonly result: Promise<Result<Reply>>;
}

export function openClientStream<Request, Reply>(
  client: grpc.Client,
  method: Method<Request, Reply>,
  { metadata = new grpc.Metadata(), ...options }: CallOptions = {},
): Open<grpc.ClientWritableStream<Request>, Reply> {
  const replies: Reply[] = [];
  const call = client.makeClientStreamRequest<Request, Reply>(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    metadata,
    options,
    (_, reply) => {
      if (reply !== undefined) replies.push(reply);
    },
  );
  return { call, result: new Promise((resolve) => collect(call, replies, resolve)) };
}

export function serverStream<Request, Reply>(
  client: grpc.Client,
  method: Method<Request, Reply>,
  request: Request,
): Promise<Result<Reply>> {
  const { path, requestSerialize, responseDeserialize } = method;
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  const replies: Reply[] = [];
  call.on('data', (reply: Reply) => replies.push(reply));
  return new Promise((resolve) => collect(call, replies, resolve));
}

/** `onReply` hears each reply as it comes. */
export function openDuplex<Request, Reply>(
  client: grpc.Client,
  method: Method<Request, Reply>,
  { metadata = new grpc.Metadata(), ...options }: CallOptions = {},
  onReply: (reply: Reply) => void = () => {},
): Open<grpc.ClientDuplexStream<Request, Reply>, Reply> {
  const { path, requestSerialize, responseDeserialize } = method;
  const call = client.makeBidiStreamRequest<Request, Reply>(
    path,
    requestSerialize,
    responseDeserialize,
    metadata,
    options,
  );
  const replies: Reply[] = [];
  call.on('data', (reply: Reply) => {
    replies.push(reply);
    onReply(reply);
  });
  return { call, result: new Promise((resolve) => collect(call, replies, resolve)) };
}

function collect<Reply>(
  call: EventEmitter,
  replies: readonly Reply[],
  resolve: (result: Result<Reply>) => void,
): void {
  let head = new grpc.Metadata();
  call.on('metadata', (metadata: grpc.Metadata) => {
    head = metadata;
  });
  call.on('error', () => {}); // the status says it
  call.on('status', ({ code, details, metadata }: grpc.StatusObject) => {
    // The reply of a unary call is handed over after its status.
    setImmediate(() => resolve({ code, details, replies, metadata: head, trailers: metadata }));
  });
}

/** Throws unless the call ended so. */
export function expectStatus(result: Result<unknown>, code: grpc.status, details?: string): void {
  if (result.code !== code)
    throw new Error(`the status is ${result.code} ${JSON.stringify(result.details)}, not ${code}`);
  if (details !== undefined && result.details !== details)
    throw new Error(`the message is ${JSON.stringify(result.details)}`);
}

/** Throws unless the call succeeded with bodies of these sizes, all zeros. */
export function expectBodies(result: Result<SimpleResponse>, sizes: readonly number[]): void {
  expectStatus(result, grpc.status.OK);
  const got = result.replies.map(({ payload }) => payload?.body.length ?? 0);
  if (got.join() !== sizes.join())
    throw new Error(`the bodies have ${got.join(', ')} bytes, not ${sizes.join(', ')}`);
  for (const { payload } of result.replies)
    if (payload?.body.some((byte) => byte !== 0)) throw new Error('a body is not all zeros');
}
