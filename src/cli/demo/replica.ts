import * as grpc from '@grpc/grpc-js';
import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { definitions, greeterService, type HelloReply, type HelloRequest, healthService } from './protos.ts';
import { addReflection } from './reflection.ts';

export interface ReplicaSettings {
  readonly name: string;
  /** Mean time a call takes here, in milliseconds; each takes between three and five quarters of it. */
  readonly serviceMs: number;
  /** Where it listens on 127.0.0.1; 0 for any. */
  readonly port: number;
}

/** Replies of the server-streaming method. */
const streamReplies = 3;

/**
 * A greeter on a port of 127.0.0.1, with grpc.health.v1. It knows nothing of the sidecar: any gRPC server would
 * do in its place.
 */
export async function startReplica(settings: ReplicaSettings, clock: Clock, random: Random): Promise<number> {
  const server = new grpc.Server();
  const serve = (run: () => void) => clock.after(settings.serviceMs * (0.75 + random.next() / 2), run);
  const greet = (request: HelloRequest): HelloReply => ({
    message: `Hello ${request.name}`,
    replica: settings.name,
  });

  server.addService(greeterService, {
    SayHello: (call: grpc.ServerUnaryCall<HelloRequest, HelloReply>, done: grpc.sendUnaryData<HelloReply>) =>
      serve(() => done(null, greet(call.request))),
    SayHelloStreamReply: (call: grpc.ServerWritableStream<HelloRequest, HelloReply>) =>
      serve(() => {
        for (let i = 0; i < streamReplies; i++) call.write(greet(call.request));
        call.end();
      }),
    SayHelloBidiStream: (call: grpc.ServerDuplexStream<HelloRequest, HelloReply>) => {
      let waiting = 0;
      let ended = false;
      const endIfDone = () => ended && waiting === 0 && call.end();
      call.on('data', (request: HelloRequest) => {
        waiting++;
        serve(() => {
          waiting--;
          call.write(greet(request));
          endIfDone();
        });
      });
      call.on('end', () => {
        ended = true;
        endIfDone();
      });
    },
  });
  server.addService(healthService, {
    Check: (_call: unknown, done: grpc.sendUnaryData<{ status: string }>) =>
      done(null, { status: 'SERVING' }),
  });

  addReflection(server, definitions);

  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${settings.port}`, grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}
