import type { DirectReply } from '../call/stage.ts';
import { constantField } from '../core/field.ts';
import { encodeGrpcMessage } from '../core/grpc-message.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { Metadata } from '../schema/metadata-type.ts';

/** Returns a reply to a gRPC call: a status without a message (gRPC over HTTP/2, "Trailers-Only"). */
export function grpcReply(code: number, message: string, headers: Metadata = {}): DirectReply {
  const head = new HeaderBlock([
    constantField(':status', '200'),
    constantField('content-type', 'application/grpc'),
    ...Object.entries(headers).map(([name, value]) => constantField(name, value)),
    constantField('grpc-status', String(code)),
    constantField('grpc-message', encodeGrpcMessage(message)),
  ]);
  return { head, body: null };
}
