import * as grpc from '@grpc/grpc-js';
import { type EchoReply, type EchoRequest, echoService, greeterService, type HelloReply } from './protos.ts';

/** How a call went. Nothing here rejects: a failed call is a result like any other. */
export interface CallResult<Reply> {
  readonly code: number;
  readonly details: string;
  /** In order of arrival; at most one for a unary or client-streaming call. */
  readonly replies: Reply[];
  /** Initial metadata; empty where none came before the end. */
  readonly metadata: grpc.Metadata;
  readonly trailers: grpc.Metadata;
}

export interface CallSettings {
  /** Keys with their values; a Buffer for keys that end in -bin. */
  metadata?: ReadonlyArray<readonly [string, grpc.MetadataValue]>;
  /** From now; none where unset. */
  deadlineMs?: number;
  /** Cancels the call. */
  signal?: AbortSignal;
}

/** A gRPC client (grpc-js) with one connection of its own. */
export interface GreeterClient {
  sayHello(name: string, settings?: CallSettings): Promise<CallResult<HelloReply>>;
  unary(request: EchoRequest, settings?: CallSettings): Promise<CallResult<EchoReply>>;
  clientStream(requests: Iterable<EchoRequest>, settings?: CallSettings): Promise<CallResult<EchoReply>>;
  serverStream(request: EchoRequest, settings?: CallSettings): Promise<CallResult<EchoReply>>;
  /** Sends all requests, half-closes and waits for the end. */
  bidi(requests: Iterable<EchoRequest>, settings?: CallSettings): Promise<CallResult<EchoReply>>;
  /** Streams in the test's own hands: write, pause, half-close, cancel. */
  openClientStream(settings?: CallSettings): OpenCall<grpc.ClientWritableStream<EchoRequest>>;
  openServerStream(
    request: EchoRequest,
    settings?: CallSettings,
  ): OpenCall<grpc.ClientReadableStream<EchoReply>>;
  openBidi(settings?: CallSettings): OpenCall<grpc.ClientDuplexStream<EchoRequest, EchoReply>>;
  close(): void;
}

export interface OpenCall<Call> {
  readonly call: Call;
  /**
   * Resolves with the status. Replies of openServerStream and openBidi are not collected: the test reads them
   * from `call`, and must, or the status never comes.
   */
  readonly result: Promise<CallResult<EchoReply>>;
}

/** `target` is `host:port`. The connection is made by the first call. */
export function connectGreeter(target: string, options: grpc.ClientOptions = {}): GreeterClient {
  const mebibytes64 = 64 << 20;
  const client = new grpc.Client(target, grpc.credentials.createInsecure(), {
    // Else clients of one address in a process share a connection.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': mebibytes64,
    'grpc.max_send_message_length': mebibytes64,
    ...options,
  });
  const unary = <Req, Reply>(method: Method, request: Req, settings: CallSettings = {}) =>
    new Promise<CallResult<Reply>>((resolve) => {
      const replies: Reply[] = [];
      const call = client.makeUnaryRequest<Req, Reply>(
        method.path,
        method.requestSerialize as (value: Req) => Buffer,
        method.responseDeserialize as (bytes: Buffer) => Reply,
        request,
        metadataOf(settings),
        optionsOf(settings),
        (_error, reply) => reply !== undefined && replies.push(reply),
      );
      settle(call, replies, settings).then(resolve);
    });
  const streams = openers(client);
  return {
    sayHello: (name, settings) => unary(greeterService.SayHello as Method, { name }, settings),
    unary: (request, settings) => unary(echoService.Unary as Method, request, settings),
    ...streams,
    clientStream(requests, settings) {
      const { call, result } = streams.openClientStream(settings);
      for (const request of requests) call.write(request);
      call.end();
      return result;
    },
    async serverStream(request, settings) {
      const { call, result } = streams.openServerStream(request, settings);
      const replies = collect(call);
      return { ...(await result), replies };
    },
    async bidi(requests, settings) {
      const { call, result } = streams.openBidi(settings);
      const replies = collect(call);
      for (const request of requests) call.write(request);
      call.end();
      return { ...(await result), replies };
    },
    close: () => client.close(),
  };
}

type Method = grpc.MethodDefinition<unknown, unknown>;
type Openers = Pick<GreeterClient, 'openClientStream' | 'openServerStream' | 'openBidi'>;

function openers(client: grpc.Client): Openers {
  const encode = echoService.Unary.requestSerialize as (request: EchoRequest) => Buffer;
  const decode = echoService.Unary.responseDeserialize as (bytes: Buffer) => EchoReply;
  const { ClientStream, ServerStream, Bidi } = echoService;
  return {
    openClientStream(settings = {}) {
      const replies: EchoReply[] = [];
      const call = client.makeClientStreamRequest<EchoRequest, EchoReply>(
        ClientStream.path,
        encode,
        decode,
        metadataOf(settings),
        optionsOf(settings),
        (_error, reply) => reply !== undefined && replies.push(reply),
      );
      call.on('error', () => {}); // the status event tells the same
      return { call, result: settle(call, replies, settings) };
    },
    openServerStream(request, settings = {}) {
      const call = client.makeServerStreamRequest<EchoRequest, EchoReply>(
        ServerStream.path,
        encode,
        decode,
        request,
        metadataOf(settings),
        optionsOf(settings),
      );
      call.on('error', () => {});
      return { call, result: settle(call, [], settings) };
    },
    openBidi(settings = {}) {
      const call = client.makeBidiStreamRequest<EchoRequest, EchoReply>(
        Bidi.path,
        encode,
        decode,
        metadataOf(settings),
        optionsOf(settings),
      );
      call.on('error', () => {});
      return { call, result: settle(call, [], settings) };
    },
  };
}

function collect(
  call: grpc.ClientReadableStream<EchoReply> | grpc.ClientDuplexStream<EchoRequest, EchoReply>,
) {
  const replies: EchoReply[] = [];
  call.on('data', (reply: EchoReply) => replies.push(reply));
  return replies;
}

interface ObservableCall {
  on(event: 'metadata', heard: (metadata: grpc.Metadata) => void): unknown;
  on(event: 'status', heard: (status: grpc.StatusObject) => void): unknown;
  cancel(): void;
}

function settle<Reply>(call: unknown, replies: Reply[], settings: CallSettings): Promise<CallResult<Reply>> {
  const observed = call as ObservableCall;
  const { signal } = settings;
  const cancel = () => observed.cancel();
  if (signal?.aborted) cancel();
  else signal?.addEventListener('abort', cancel, { once: true });
  let metadata = new grpc.Metadata();
  return new Promise((resolve) => {
    observed.on('metadata', (initial) => {
      metadata = initial;
    });
    observed.on('status', ({ code, details, metadata: trailers }) => {
      signal?.removeEventListener('abort', cancel);
      // A unary call's callback, which brings the reply, runs after this event.
      setImmediate(() => resolve({ code, details, replies, metadata, trailers }));
    });
  });
}

function metadataOf(settings: CallSettings): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [key, value] of settings.metadata ?? []) metadata.add(key, value);
  return metadata;
}

function optionsOf(settings: CallSettings): grpc.CallOptions {
  return settings.deadlineMs === undefined ? {} : { deadline: Date.now() + settings.deadlineMs };
}
