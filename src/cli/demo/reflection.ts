import type * as grpc from '@grpc/grpc-js';
import { RawMessage } from '../../reflection/raw-message.ts';
import { wireTypes } from '../../reflection/wire-reader.ts';
import { WireWriter } from '../../reflection/wire-writer.ts';

const notFound = 5;

/**
 * Adds the reflection service, so that `outrigger call`, `outrigger tap` and grpcurl work with the demo. It knows no other
 * files than these, each of which defines the service that it is named after here and imports nothing.
 */
export function addReflection(server: grpc.Server, definitions: ReadonlyMap<string, Buffer>): void {
  const bytes = (value: Buffer): Buffer => value;
  for (const version of ['v1', 'v1alpha']) {
    const method: grpc.MethodDefinition<Buffer, Buffer> = {
      path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      requestStream: true,
      responseStream: true,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    };
    server.addService(
      { ServerReflectionInfo: method },
      {
        ServerReflectionInfo(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
          call.on('data', (request: Buffer) => call.write(answerTo(request, definitions)));
          call.on('end', () => call.end());
        },
      },
    );
  }
}

/** Numbers are those of grpc/reflection/v1/reflection.proto. */
function answerTo(bytes: Buffer, definitions: ReadonlyMap<string, Buffer>): Buffer {
  const request = new RawMessage(bytes);
  if (request.has(7))
    return part(6, Buffer.concat([...definitions.keys()].map((name) => part(1, part(1, Buffer.from(name))))));
  const symbol = request.text(4);
  const name = [...definitions.keys()].find(
    (service) => symbol === service || symbol.startsWith(`${service}.`),
  );
  const file = definitions.get(name ?? '');
  if (file !== undefined) return part(4, part(1, file));
  const code = new WireWriter().tag(1, wireTypes.varint).varint(notFound).finish();
  return part(7, Buffer.concat([code, part(2, Buffer.from('the demo does not define this'))]));
}

function part(number: number, value: Buffer): Buffer {
  return new WireWriter().tag(number, wireTypes.bytes).delimited(value).finish();
}
