import * as grpc from '@grpc/grpc-js';
import {
  type EchoStatus,
  type Empty,
  echoInitialKey,
  echoTrailingKey,
  type SimpleRequest,
  type SimpleResponse,
  type StreamingInputCallRequest,
  type StreamingInputCallResponse,
  type StreamingOutputCallRequest,
  type StreamingOutputCallResponse,
  testService,
  zeros,
} from './service.ts';

/**
 * The interop server on grpc-js: `node server.ts PORT`. It has no compression: grpc-js neither compresses what a server
 * sends nor shows it whether a message came compressed; compressing-server.ts is for that.
 */

type AnyCall = {
  readonly metadata: grpc.Metadata;
  sendMetadata(metadata: grpc.Metadata): void;
};

/** Sends the head with what the client wants back in it; gives the trailers. */
function echoMetadata(call: AnyCall): grpc.Metadata {
  const head = new grpc.Metadata();
  const trailers = new grpc.Metadata();
  for (const value of call.metadata.get(echoInitialKey)) head.add(echoInitialKey, value);
  for (const value of call.metadata.get(echoTrailingKey)) trailers.add(echoTrailingKey, value);
  if (head.get(echoInitialKey).length > 0) call.sendMetadata(head);
  return trailers;
}

function failure(status: EchoStatus, metadata: grpc.Metadata): Partial<grpc.StatusObject> {
  return { code: status.code, details: status.message, metadata };
}

function unaryCall(
  call: grpc.ServerUnaryCall<SimpleRequest, SimpleResponse>,
  done: grpc.sendUnaryData<SimpleResponse>,
): void {
  const trailers = echoMetadata(call);
  const { responseStatus, responseSize = 0 } = call.request;
  if (responseStatus) done(failure(responseStatus, trailers));
  else done(null, { payload: zeros(responseSize) }, trailers);
}

function streamingInputCall(
  call: grpc.ServerReadableStream<StreamingInputCallRequest, StreamingInputCallResponse>,
  done: grpc.sendUnaryData<StreamingInputCallResponse>,
): void {
  let bytes = 0;
  call.on('data', ({ payload }: StreamingInputCallRequest) => {
    bytes += payload?.body.length ?? 0;
  });
  call.on('end', () => done(null, { aggregatedPayloadSize: bytes }));
  call.on('error', () => {});
}

async function streamingOutputCall(
  call: grpc.ServerWritableStream<StreamingOutputCallRequest, StreamingOutputCallResponse>,
): Promise<void> {
  const trailers = echoMetadata(call);
  await answer(call, call.request);
  call.end(trailers);
}

async function fullDuplexCall(
  call: grpc.ServerDuplexStream<StreamingOutputCallRequest, StreamingOutputCallResponse>,
): Promise<void> {
  const trailers = echoMetadata(call);
  try {
    for await (const request of call as AsyncIterable<StreamingOutputCallRequest>) {
      if (request.responseStatus) {
        call.emit('error', failure(request.responseStatus, trailers));
        return;
      }
      await answer(call, request);
    }
    call.end(trailers);
  } catch {
    // The client has gone.
  }
}

async function answer(
  call: { write(reply: StreamingOutputCallResponse): boolean },
  { responseParameters = [] }: StreamingOutputCallRequest,
): Promise<void> {
  for (const { size, intervalUs = 0 } of responseParameters) {
    if (intervalUs > 0) await new Promise((resolve) => setTimeout(resolve, intervalUs / 1000));
    call.write({ payload: zeros(size) });
  }
}

const server = new grpc.Server();
server.addService(testService, {
  EmptyCall: (_: grpc.ServerUnaryCall<Empty, Empty>, done: grpc.sendUnaryData<Empty>) => done(null, {}),
  UnaryCall: unaryCall,
  StreamingInputCall: streamingInputCall,
  StreamingOutputCall: streamingOutputCall,
  FullDuplexCall: fullDuplexCall,
});
server.bindAsync(`127.0.0.1:${process.argv[2]}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
