import { constantField, Field } from '../core/field.ts';
import { encodeGrpcMessage } from '../core/grpc-message.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { MessageSink } from '../core/message-stream.ts';
import { type ReplyError, replyErrors, replySentence } from '../core/reply-error.ts';

const status200 = constantField(':status', '200');
const grpcType = constantField('content-type', 'application/grpc');
const textType = constantField('content-type', 'text/plain; charset=utf-8');

/** The fields that carry an error in trailers: alone after a reply head, or behind the head in trailers-only. */
function errorFields(error: ReplyError): Field[] {
  return [
    new Field('grpc-status', String(error.grpcStatus ?? replyErrors[error.code].grpcStatus)),
    new Field('grpc-message', encodeGrpcMessage(replySentence(error))),
    new Field('x-outrigger-error', error.code),
  ];
}

/** An error of Outrigger's own to a gRPC client: 200 with trailers only (gRPC over HTTP/2, "Responses"). */
export function replyGrpcError(to: MessageSink, error: ReplyError): void {
  to.head(new HeaderBlock([status200, grpcType, ...errorFields(error)]), true);
}

/** The same once a reply head was relayed: synthesised trailers. */
export function endWithGrpcError(to: MessageSink, error: ReplyError): void {
  to.trailers(new HeaderBlock(errorFields(error)));
}

/** An error of Outrigger's own to any other client: the matching status and a line of text. */
export function replyHttpError(to: MessageSink, error: ReplyError, withBody: boolean): void {
  const body = Buffer.from(`${replySentence(error)}\n`, 'utf8');
  const head = new HeaderBlock([
    new Field(':status', String(replyErrors[error.code].httpStatus)),
    textType,
    new Field('content-length', String(body.length)),
    new Field('x-outrigger-error', error.code),
  ]);
  to.head(head, !withBody);
  if (withBody) to.data(body, 0, body.length, true);
}
