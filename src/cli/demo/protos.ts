import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** Beside `src/` in the sources and beside `dist/` in the package: the same way up from here. */
const protoDir = fileURLToPath(new URL('../../../protos/', import.meta.url));

export interface HelloRequest {
  name: string;
}

export interface HelloReply {
  message: string;
  replica: string;
}

export const greeterService = load('greeter.proto', 'helloworld.Greeter');
export const healthService = load('grpc/health/v1/health.proto', 'grpc.health.v1.Health');

function load(file: string, service: string): ServiceDefinition {
  const found = loadSync(protoDir + file, { enums: String, defaults: true, includeDirs: [protoDir] });
  return found[service] as ServiceDefinition;
}
