import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { RawMessage } from '../../src/reflection/raw-message.ts';
import { WireWriter } from '../../src/reflection/wire-writer.ts';
import { protoDir } from './protos.ts';

/** Whether a server has `grpc.reflection.v1`, only its predecessor, or both, as most have today. */
export type ReflectionVersions = 'v1' | 'v1alpha' | 'both';

/** The definitions of a proto file under `protos/` and of all that it imports, `FileDescriptorProto` by its name. */
export function fileDescriptors(protoFile: string): Map<string, Buffer> {
  const found = loadSync(protoDir + protoFile, { keepCase: true, includeDirs: [protoDir] });
  const files = Object.values(found).flatMap((one) =>
    'fileDescriptorProtos' in one
      ? (one.fileDescriptorProtos as Buffer[])
      : Object.values(one).flatMap(({ requestType }) => requestType.fileDescriptorProtos),
  );
  const byName = new Map(files.map((file) => [new RawMessage(file).text(1), file]));
  // protobuf.js leaves out which files a file imports.
  const others = (name: string): Buffer[] =>
    [...byName.keys()].filter((other) => other !== name).map((other) => part(3, other));
  return new Map([...byName].map(([name, file]) => [name, Buffer.concat([file, ...others(name)])]));
}

/** Full names of the services that a `FileDescriptorProto` defines. */
function servicesOf(file: Buffer): string[] {
  const raw = new RawMessage(file);
  const prefix = raw.text(2) === '' ? '' : `${raw.text(2)}.`;
  return raw.parts(6).map((service) => prefix + new RawMessage(service).text(1));
}

/** What answers a question, for a server that lies: bytes of a ServerReflectionResponse, or null for the right answer. */
export type Answer = (request: RawMessage) => Buffer | null;

/**
 * Adds the reflection service to a server, for the services of the files. It sends one file at a time, without those that it
 * imports, so that a client must ask for each.
 */
export function addReflection(
  server: grpc.Server,
  files: ReadonlyMap<string, Buffer>,
  versions: ReflectionVersions = 'both',
  lie: Answer = () => null,
): void {
  const handler = (call: grpc.ServerDuplexStream<Buffer, Buffer>): void => {
    call.on('data', (bytes: Buffer) => {
      const request = new RawMessage(bytes);
      call.write(lie(request) ?? answer(request, files));
    });
    call.on('end', () => call.end());
  };
  for (const version of versions === 'both' ? ['v1', 'v1alpha'] : [versions]) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    server.addService(
      {
        ServerReflectionInfo: {
          path,
          requestStream: true,
          responseStream: true,
          requestSerialize: (bytes: Buffer) => bytes,
          requestDeserialize: (bytes: Buffer) => bytes,
          responseSerialize: (bytes: Buffer) => bytes,
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      { ServerReflectionInfo: handler },
    );
  }
}

function answer(request: RawMessage, files: ReadonlyMap<string, Buffer>): Buffer {
  if (request.has(7))
    return part(6, message(...[...files.values()].flatMap(servicesOf).map((name) => part(1, part(1, name)))));
  const file = request.has(3)
    ? files.get(request.text(3))
    : [...files.values()].find((one) => servicesOf(one).includes(request.text(4)));
  if (file === undefined)
    return part(7, message(new WireWriter().tag(1, 0).varint(5).finish(), part(2, 'not found here')));
  return part(4, part(1, file));
}

export function part(number: number, value: string | Buffer): Buffer {
  return new WireWriter().tag(number, 2).delimited(Buffer.from(value)).finish();
}

export function message(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts);
}

/** Binds a server to a free port of 127.0.0.1. */
export function bind(
  server: grpc.Server,
  credentials = grpc.ServerCredentials.createInsecure(),
): Promise<string> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
      error === null ? resolve(`127.0.0.1:${port}`) : reject(error),
    );
  });
}
