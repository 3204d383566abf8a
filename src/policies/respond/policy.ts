import { requestTraffic, type Verdict } from '../../call/stage.ts';
import { grpcStatusName, grpcStatusOfHttp } from '../../core/grpc-status.ts';
import { grpcStatusOfCondition } from '../../core/retry-condition.ts';
import { replyHeaders } from '../../schema/metadata-type.ts';
import { shown } from '../../schema/problem.ts';
import { grpcFailure } from '../../schema/retry-conditions.ts';
import { number, text } from '../../schema/scalar-type.ts';
import { key, optionalSection } from '../../schema/shape.ts';
import { addNote } from '../../telemetry/call-record.ts';
import { grpcReply } from '../direct-reply.ts';
import { definePolicy } from '../policy.ts';
import { httpReply } from './http-reply.ts';

/** Characters of the body of a reply. */
const bodyCharsMax = 65_536;

/** Statuses whose replies have no body (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5). */
const withoutBody: readonly number[] = [204, 205, 304];

/** Answers every request of the route without an endpoint. */
export const respond = definePolicy({
  key: 'respond',
  schema: optionalSection(
    {
      doc: 'Answers every request of the route directly, without an endpoint: for maintenance pages, blocked paths and fixed documents. Replaces `cluster`.',
      example: '{ status: 503, body: "Down for maintenance" }',
    },
    {
      status: key(number({ min: 200, max: 599 }), { default: 200, doc: 'HTTP status of the reply.' }),
      headers: key(replyHeaders, { doc: 'Headers of the reply, also for gRPC calls.' }),
      contentType: key(
        text({
          label: 'content type',
          charsMax: 256,
          pattern: /^[A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+( ?; ?[\x21-\x7e]+)*$/,
          write: 'a media type, such as application/json',
        }),
        { default: 'text/plain; charset=utf-8', doc: '`content-type` of the body.' },
      ),
      body: key(text({ charsMax: bodyCharsMax, emptyAllowed: true }), {
        otherwise: 'none',
        doc: 'Body of the reply, sent as UTF-8. A HEAD request gets only the headers.',
      }),
      grpcStatus: key(grpcFailure, {
        otherwise: 'from `status` by the gRPC mapping, such as `unavailable` for 503',
        doc: 'Status of the reply to gRPC calls, which get no `status` or `body`.',
      }),
      grpcMessage: key(text({ charsMax: 1024 }), {
        otherwise: 'a text that says that the route answers directly',
        doc: '`grpc-message` of the reply to gRPC calls.',
      }),
    },
  ),
  replacesCluster: true,

  check({ status, body }, { problem }) {
    if (status !== undefined && withoutBody.includes(status) && body !== undefined && body !== '')
      problem('.body', `is for another status, since a reply of ${shown(status)} has no body; leave it out`);
  },

  compile({ status, headers = {}, contentType, body = '', grpcStatus, grpcMessage }) {
    const code = grpcStatus === undefined ? grpcStatusOfHttp(status) : grpcStatusOfCondition(grpcStatus);
    const message = grpcMessage ?? 'the route answers every call without an endpoint';
    const replies = {
      grpc: grpcReply(code, message, headers),
      http: httpReply(status, headers, contentType, body),
    };
    const notes = {
      grpc: { policy: 'respond', text: `answered with gRPC status ${grpcStatusName(code)}` },
      http: { policy: 'respond', text: `answered with HTTP status ${status}` },
    };
    return {
      policy: 'respond',
      appliesTo: requestTraffic,
      request({ traffic, record }): Verdict {
        const form = traffic === 'grpc' ? 'grpc' : 'http';
        addNote(record, notes[form]);
        return { kind: 'reply', reply: replies[form] };
      },
    };
  },
});
