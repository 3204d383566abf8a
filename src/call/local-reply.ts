import { ErrorCode } from '../core/error-code.ts';
import { constantField, Field } from '../core/field.ts';
import { encodeGrpcMessage } from '../core/grpc-message.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { MessageSink, MessageStream } from '../core/message-stream.ts';
import { type ReplyError, replyErrors, replySentence } from '../core/reply-error.ts';

const status200 = constantField(':status', '200');
const grpcType = constantField('content-type', 'application/grpc');
const textType = constantField('content-type', 'text/plain; charset=utf-8');

/** The fields that carry an error in trailers: alone after a reply head, or behind the head in trailers-only. */
function errorFields(error: ReplyError): Field[] {
  const fields = [
    new Field('grpc-status', String(error.grpcStatus ?? replyErrors[error.code].grpcStatus)),
    new Field('grpc-message', encodeGrpcMessage(replySentence(error))),
    new Field('x-outrigger-error', error.code),
  ];
  if (error.retryAfterMs !== undefined)
    fields.push(
      new Field('grpc-retry-pushback-ms', String(error.retryAfterMs)),
      retryAfter(error.retryAfterMs),
    );
  return fields;
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
  const fields = [
    new Field(':status', String(error.httpStatus ?? replyErrors[error.code].httpStatus)),
    textType,
    new Field('content-length', String(body.length)),
    new Field('x-outrigger-error', error.code),
  ];
  if (error.retryAfterMs !== undefined) fields.push(retryAfter(error.retryAfterMs));
  to.head(new HeaderBlock(fields), !withBody);
  if (withBody) to.data(body, 0, body.length, true);
}

/** An error in the form that whoever sent the request understands. */
export function replyError(to: MessageSink, error: ReplyError, request: RequestForm): void {
  if (request.grpc) replyGrpcError(to, error);
  else replyHttpError(to, error, request.method !== 'HEAD');
}

/** The same once a reply head was relayed. */
export function endWithError(to: MessageStream, error: ReplyError, grpc: boolean): void {
  if (grpc) endWithGrpcError(to, error);
  else to.reset(ErrorCode.INTERNAL_ERROR);
}

interface RequestForm {
  readonly grpc: boolean;
  readonly method: string;
}

/** Whole seconds, rounded up (RFC 9110 section 10.2.3). */
function retryAfter(ms: number): Field {
  return new Field('retry-after', String(Math.ceil(ms / 1000)));
}
