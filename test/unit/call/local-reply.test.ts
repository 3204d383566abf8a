import { expect } from 'chai';
import { errorReply, errorTrailers } from '../../../src/call/local-reply.ts';
import { callReference } from '../../../src/core/call-reference.ts';
import { decodeGrpcMessage } from '../../../src/core/grpc-message.ts';
import {
  type ReplyError,
  type ReplyErrorCode,
  replyErrors,
  replySentence,
} from '../../../src/core/reply-error.ts';
import { FakeStream } from './call-rig.ts';

const error = (code: ReplyErrorCode, more: Partial<ReplyError> = {}): ReplyError => ({
  code,
  detail: 'the 3rd replica – größte – failed',
  mayHaveProcessed: true,
  ...more,
});

const replyGrpcError = (to: FakeStream, what: ReplyError) => send(to, what, true, 'POST');
const replyHttpError = (to: FakeStream, what: ReplyError, withBody: boolean) =>
  send(to, what, false, withBody ? 'GET' : 'HEAD');

function send(to: FakeStream, what: ReplyError, grpc: boolean, method: string): void {
  const form = { grpc, method, contentType: grpc ? 'application/grpc' : '' };
  const { head, body } = errorReply(what, form, callId);
  to.head(head, body === null);
  if (body !== null) to.data(body, 0, body.length, true);
}

const callId = 77;
const reference = callReference(callId);

describe('replies of our own', () => {
  for (const code of Object.keys(replyErrors) as ReplyErrorCode[]) {
    it(`${code}: gRPC trailers-only, HTTP status with a line of text, and the code as a header`, () => {
      const grpc = new FakeStream();
      replyGrpcError(grpc, error(code));
      expect(grpc.said).to.deep.equal(['head 200 end']);
      const [head] = grpc.heads;
      expect(head.get('content-type')).to.equal('application/grpc');
      expect(head.get('grpc-status')).to.equal(String(replyErrors[code].grpcStatus));
      expect(decodeGrpcMessage(head.get('grpc-message')!)).to.equal(replySentence(error(code), reference));
      expect(head.get('x-outrigger-error')).to.equal(code);

      const http = new FakeStream();
      replyHttpError(http, error(code), true);
      expect(http.heads[0].status).to.equal(replyErrors[code].httpStatus);
      expect(http.heads[0].get('content-length')).to.equal(String(http.body.length));
      expect(http.body.toString()).to.equal(`${replySentence(error(code), reference)}\n`);
      expect(http.heads[0].get('x-outrigger-error')).to.equal(code);
    });
  }

  for (const [type, echoed] of [
    ['application/grpc', 'application/grpc'],
    ['application/grpc+proto', 'application/grpc+proto'],
    ['application/grpc+json', 'application/grpc+json'],
    ['application/grpc+json;charset=utf-8', 'application/grpc+json'],
    ['application/grpc;x=y', 'application/grpc'],
    ['application/grpc+thrift', 'application/grpc+thrift'],
    ['application/grpc+', 'application/grpc'],
    [`application/grpc+${'x'.repeat(41)}`, 'application/grpc'],
    ['application/grpc+<b>', 'application/grpc'],
  ]) {
    it(`to a call with content-type ${type}: ${echoed}`, () => {
      const { head } = errorReply(
        error('no_route'),
        { grpc: true, method: 'POST', contentType: type },
        callId,
      );
      expect(head.get('content-type')).to.equal(echoed);
    });
  }

  it('says when to come again, in whole seconds and rounded up, only where that is known', () => {
    for (const [retryAfterMs, seconds] of [
      [undefined, undefined],
      [2001, '3'],
      [2000, '2'],
    ] as const) {
      const [grpc, http] = [new FakeStream(), new FakeStream()];
      const limited = error('rate_limited', { retryAfterMs });
      replyGrpcError(grpc, limited);
      replyHttpError(http, limited, true);
      for (const { heads } of [grpc, http]) expect(heads[0].get('retry-after')).to.equal(seconds);
      const pushback = retryAfterMs === undefined ? undefined : String(retryAfterMs);
      expect(grpc.heads[0].get('grpc-retry-pushback-ms')).to.equal(pushback);
    }
  });

  it('to HEAD: the same length and no body', () => {
    const stream = new FakeStream();
    replyHttpError(stream, error('no_route'), false);
    expect(stream.said).to.deep.equal(['head 404 end']);
    expect(Number(stream.heads[0].get('content-length'))).to.be.greaterThan(0);
  });

  it('behind a reply head: trailers, with the status that a reset means', () => {
    const trailers = errorTrailers(error('upstream_reset', { grpcStatus: 8 }), callId);
    expect(trailers.get(':status')).to.equal(undefined);
    expect(trailers.get('grpc-status')).to.equal('8');
    expect(trailers.get('x-outrigger-error')).to.equal('upstream_reset');
    expect(trailers.get('x-outrigger-call')).to.equal(reference);
  });

  it('what came from outside cannot break out of the message', () => {
    const stream = new FakeStream();
    replyGrpcError(stream, error('no_route', { detail: 'no route matches GET x\r\nset-cookie: a=1\0' }));
    expect(stream.heads[0].get('grpc-message')).to.match(/^[\x20-\x7e]*$/);
  });
});
