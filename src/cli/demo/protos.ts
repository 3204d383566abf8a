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

/** Definitions of the services, as the reflection service sends them, by the name of the service. */
export const definitions: ReadonlyMap<string, Buffer> = new Map([
  ['helloworld.Greeter', fileOf(greeterService)],
  ['grpc.health.v1.Health', fileOf(healthService)],
]);

/** The `FileDescriptorProto` of a service that imports no other file. */
function fileOf(service: ServiceDefinition): Buffer {
  const [method] = Object.values(service) as unknown as ReadonlyArray<{
    readonly requestType: { readonly fileDescriptorProtos: readonly Buffer[] };
  }>;
  return method.requestType.fileDescriptorProtos[0];
}

function load(file: string, service: string): ServiceDefinition {
  const found = loadSync(protoDir + file, { enums: String, defaults: true, includeDirs: [protoDir] });
  return found[service] as ServiceDefinition;
}
