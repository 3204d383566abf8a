import type { EventEmitter } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import type { EchoOptions, EchoReply, EchoRequest } from './protos.ts';

/** What the server bends about every call. */
export interface CallHooks {
  readonly replica: string;
  /** Waited before any reply, on top of what the request asks for. */
  delayMs(): number;
  /** A status every call ends with instead of doing its work, or null. */
  failure(): Partial<grpc.StatusObject> | null;
}

export type AnyCall =
  | grpc.ServerUnaryCall<unknown, unknown>
  | grpc.ServerReadableStream<unknown, unknown>
  | grpc.ServerWritableStream<unknown, unknown>
  | grpc.ServerDuplexStream<unknown, unknown>;

/** The Echo service of protos/test/echo.proto. */
export function echoHandlers(hooks: CallHooks): grpc.UntypedServiceImplementation {
  return {
    Unary: (call: grpc.ServerUnaryCall<EchoRequest, EchoReply>, done: grpc.sendUnaryData<EchoReply>) =>
      unary(hooks, call, done),
    ClientStream: (
      call: grpc.ServerReadableStream<EchoRequest, EchoReply>,
      done: grpc.sendUnaryData<EchoReply>,
    ) => clientStream(hooks, call, done),
    ServerStream: (call: grpc.ServerWritableStream<EchoRequest, EchoReply>) => serverStream(hooks, call),
    Bidi: (call: grpc.ServerDuplexStream<EchoRequest, EchoReply>) => bidi(hooks, call),
  };
}

function unary(
  hooks: CallHooks,
  call: grpc.ServerUnaryCall<EchoRequest, EchoReply>,
  done: grpc.sendUnaryData<EchoReply>,
) {
  const options = call.request.options ?? {};
  sendMetadata(call, options);
  if (options.hold) return;
  later(call, hooks.delayMs() + (options.sleepMs ?? 0), () =>
    finish(hooks, options, done, replyTo(hooks, call.request, 0, 1)),
  );
}

function clientStream(
  hooks: CallHooks,
  call: grpc.ServerReadableStream<EchoRequest, EchoReply>,
  done: grpc.sendUnaryData<EchoReply>,
) {
  const payloads: Uint8Array[] = [];
  let options: EchoOptions = {};
  let received = 0;
  call.on('data', (request: EchoRequest) => {
    if (received++ === 0) {
      options = request.options ?? {};
      sendMetadata(call, options);
      // A reader that stalls: what the client goes on sending has to wait for window.
      if (options.hold) call.pause();
    }
    payloads.push(request.payload ?? Buffer.alloc(0));
  });
  call.on('end', () =>
    later(call, hooks.delayMs() + (options.sleepMs ?? 0), () => {
      const request = { payload: Buffer.concat(payloads), options };
      finish(hooks, options, done, replyTo(hooks, request, 0, received));
    }),
  );
}

function serverStream(hooks: CallHooks, call: grpc.ServerWritableStream<EchoRequest, EchoReply>) {
  const request = call.request;
  const options = request.options ?? {};
  sendMetadata(call, options);
  if (options.hold) return;
  const count = options.replies || 1;
  let index = 0;
  const next = (): void => {
    // Obeys back-pressure, so that a client that stalls does not fill this process.
    while (index < count && !call.cancelled) {
      const roomLeft = call.write(replyTo(hooks, request, index++, 1));
      if (options.pauseMs) {
        later(call, options.pauseMs, next);
        return;
      }
      if (!roomLeft) {
        call.once('drain', next);
        return;
      }
    }
    endStream(hooks, options, call);
  };
  later(call, hooks.delayMs() + (options.sleepMs ?? 0), next);
}

function bidi(hooks: CallHooks, call: grpc.ServerDuplexStream<EchoRequest, EchoReply>) {
  let options: EchoOptions = {};
  let received = 0;
  call.on('data', (request: EchoRequest) => {
    if (received === 0) {
      options = request.options ?? {};
      sendMetadata(call, options);
      if (options.hold) {
        call.pause();
        return;
      }
    }
    const index = received++;
    const wait = hooks.delayMs() + (options.sleepMs ?? 0);
    const reply = () => call.write(replyTo(hooks, request, index, index + 1));
    if (wait > 0) later(call, wait, reply);
    else if (!reply()) {
      call.pause();
      call.once('drain', () => call.resume());
    }
  });
  call.on('end', () => {
    // Replies that are still waiting were timed before this one.
    later(call, hooks.delayMs() + (options.sleepMs ?? 0), () => endStream(hooks, options, call));
  });
}

function replyTo(hooks: CallHooks, request: EchoRequest, index: number, received: number): EchoReply {
  const bytes = request.options?.replyBytes ?? 0;
  const payload = bytes > 0 ? Buffer.alloc(bytes, 0x6f) : Buffer.from(request.payload ?? []);
  return { payload, index, replica: hooks.replica, received };
}

function sendMetadata(call: AnyCall, options: EchoOptions): void {
  if (!options.echoMetadata) return;
  const metadata = new grpc.Metadata();
  for (const key of Object.keys(call.metadata.getMap()))
    for (const value of call.metadata.get(key)) metadata.add(`echo-${key}`, value);
  call.sendMetadata(metadata);
}

function trailersOf(options: EchoOptions): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const { key, text, binary } of options.trailers ?? [])
    metadata.add(key, key.endsWith('-bin') ? Buffer.from(binary ?? []) : (text ?? ''));
  return metadata;
}

function failureOf(hooks: CallHooks, options: EchoOptions): Partial<grpc.StatusObject> | null {
  const always = hooks.failure();
  if (always !== null) return always;
  if (!options.failStatus) return null;
  return { code: options.failStatus, details: options.failMessage ?? '', metadata: trailersOf(options) };
}

function finish(
  hooks: CallHooks,
  options: EchoOptions,
  done: grpc.sendUnaryData<EchoReply>,
  reply: EchoReply,
): void {
  const failure = failureOf(hooks, options);
  if (failure !== null) done(failure);
  else done(null, reply, trailersOf(options));
}

function endStream(
  hooks: CallHooks,
  options: EchoOptions,
  call: grpc.ServerWritableStream<EchoRequest, EchoReply> | grpc.ServerDuplexStream<EchoRequest, EchoReply>,
): void {
  const failure = failureOf(hooks, options);
  if (failure !== null) call.emit('error', failure);
  else call.end(trailersOf(options));
}

/** Runs after a wait unless the call was cancelled by then; the timer ends with the call. */
export function later(call: AnyCall, waitMs: number, run: () => void): void {
  if (waitMs <= 0) {
    run();
    return;
  }
  // The union of the four call types has no `on` that can be called; each of them is an emitter.
  const emitter = call as EventEmitter;
  const cancelled = (): void => clearTimeout(timer);
  const timer = setTimeout(() => {
    // A stream waits before each of its replies, and would gather a listener for each.
    emitter.off('cancelled', cancelled);
    if (!call.cancelled) run();
  }, waitMs);
  emitter.on('cancelled', cancelled);
}
