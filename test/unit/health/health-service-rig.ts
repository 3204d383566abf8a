import * as grpc from '@grpc/grpc-js';
import { healthService } from '../../support/protos.ts';

export type WatchCall = grpc.ServerWritableStream<{ service: string }, unknown>;
export type HealthCall = (
  call: grpc.ServerUnaryCall<{ service: string }, unknown>,
  done: grpc.sendUnaryData<unknown>,
) => void;

/** A gRPC server with this health service. */
export async function serve(
  check: HealthCall,
  address = '127.0.0.1:0',
  credentials = grpc.ServerCredentials.createInsecure(),
  watch?: (call: WatchCall) => void,
): Promise<{ port: number; close(): void }> {
  const server = new grpc.Server();
  server.addService(healthService, { Check: check, ...(watch && { Watch: watch }) });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return { port, close: () => server.forceShutdown() };
}
