import { callReference } from '../core/call-reference.ts';
import { constantField, Field } from '../core/field.ts';
import { encodeGrpcMessage } from '../core/grpc-message.ts';
import { HeaderBlock } from '../core/header-block.ts';
import { type ReplyError, replyErrors, replySentence } from '../core/reply-error.ts';
import type { DirectReply } from './stage.ts';

const status200 = constantField(':status', '200');
const plainGrpc = 'application/grpc';
const grpcTypes: ReadonlyMap<string, Field> = new Map(
  [plainGrpc, 'application/grpc+proto', 'application/grpc+json'].map((type) => [
    type,
    constantField('content-type', type),
  ]),
);
const textType = constantField('content-type', 'text/plain; charset=utf-8');

/** The fields that carry an error in trailers: alone after a reply head, or behind the head in trailers-only. */
function errorFields(error: ReplyError, reference: string): Field[] {
  const fields = [
    new Field('grpc-status', String(error.grpcStatus ?? replyErrors[error.code].grpcStatus)),
    new Field('grpc-message', encodeGrpcMessage(replySentence(error, reference))),
    ...codeFields(error, reference),
  ];
  if (error.retryAfterMs !== undefined)
    fields.push(
      new Field('grpc-retry-pushback-ms', String(error.retryAfterMs)),
      retryAfter(error.retryAfterMs),
    );
  return fields;
}

function codeFields({ code }: ReplyError, reference: string): Field[] {
  return [new Field('x-outrigger-error', code), new Field('x-outrigger-call', reference)];
}

/** The trailers that end a gRPC reply whose head the client has; `callId` is the id of its record. */
export function errorTrailers(error: ReplyError, callId: number): HeaderBlock {
  return new HeaderBlock(errorFields(error, callReference(callId)));
}

/** An error of Outrigger's own, in the form that whoever sent the request understands. */
export function errorReply(error: ReplyError, request: RequestForm, callId: number): DirectReply {
  const { grpc, method, contentType } = request;
  const reference = callReference(callId);
  return grpc
    ? grpcErrorReply(error, contentType, reference)
    : httpErrorReply(error, method !== 'HEAD', reference);
}

/** To a gRPC client: 200 with trailers only (gRPC over HTTP/2, "Responses"), in the content type of the call. */
function grpcErrorReply(error: ReplyError, contentType: string, reference: string): DirectReply {
  const fields = [status200, replyType(contentType), ...errorFields(error, reference)];
  return { head: new HeaderBlock(fields), body: null };
}

/** The content type of a request, without parameters: some clients reject a reply whose type is not that of the call. */
function replyType(contentType: string): Field {
  const [type] = contentType.split(';', 1);
  const known = grpcTypes.get(type);
  if (known !== undefined) return known;
  return /^application\/grpc\+[\w.-]{1,40}$/.test(type)
    ? new Field('content-type', type)
    : grpcTypes.get(plainGrpc)!;
}

/** To any other client: the matching status and a line of text. */
function httpErrorReply(error: ReplyError, withBody: boolean, reference: string): DirectReply {
  const body = Buffer.from(`${replySentence(error, reference)}\n`, 'utf8');
  const fields = [
    new Field(':status', String(error.httpStatus ?? replyErrors[error.code].httpStatus)),
    textType,
    new Field('content-length', String(body.length)),
    ...codeFields(error, reference),
  ];
  if (error.retryAfterMs !== undefined) fields.push(retryAfter(error.retryAfterMs));
  return { head: new HeaderBlock(fields), body: withBody ? body : null };
}

interface RequestForm {
  readonly grpc: boolean;
  readonly method: string;
  /** Of a gRPC call; '' for any other. */
  readonly contentType: string;
}

/** Whole seconds, rounded up (RFC 9110 section 10.2.3). */
function retryAfter(ms: number): Field {
  return new Field('retry-after', String(Math.ceil(ms / 1000)));
}
