import { fileURLToPath } from 'node:url';
import type * as grpc from '@grpc/grpc-js';
import { loadSync, type Options } from '@grpc/proto-loader';

/** As proto-loader names things: fields in camelCase, enums by name, int64 as text, bytes as Buffer. */
const loaderOptions: Options = { longs: String, enums: String, defaults: true, bytes: Buffer };

/** Where `protos/` is, for clients in other languages. */
export const protoDir = fileURLToPath(new URL('../../protos/', import.meta.url));

/** The service of a proto file under `protos/`, as grpc-js servers and clients take it. */
export function loadService(file: string, service: string): grpc.ServiceDefinition {
  const found = loadSync(protoDir + file, { ...loaderOptions, includeDirs: [protoDir] })[service];
  if (found === undefined) throw new Error(`${file} has no service ${service}`);
  return found as grpc.ServiceDefinition;
}

export const greeterService = loadService('greeter.proto', 'helloworld.Greeter');
export const echoService = loadService('test/echo.proto', 'outrigger.test.Echo');
export const orcaService = loadService('test/orca.proto', 'xds.service.orca.v3.OpenRcaService');
export const healthService = loadService('grpc/health/v1/health.proto', 'grpc.health.v1.Health');

export interface HelloRequest {
  name: string;
}

export interface HelloReply {
  message: string;
  replica: string;
}

/** `EchoRequest` of protos/test/echo.proto; what is left out has proto3's default. */
export interface EchoRequest {
  payload?: Uint8Array;
  options?: EchoOptions | null;
}

export interface EchoReply {
  payload: Buffer;
  index: number;
  replica: string;
  received: number;
}

export interface EchoOptions {
  echoMetadata?: boolean;
  sleepMs?: number;
  failStatus?: number;
  failMessage?: string;
  trailers?: EchoTrailer[];
  replies?: number;
  pauseMs?: number;
  hold?: boolean;
  replyBytes?: number;
}

export interface EchoTrailer {
  key: string;
  text?: string;
  binary?: Uint8Array;
}
