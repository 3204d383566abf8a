import { expect } from 'chai';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { directReply } from '../../../src/http1/error-reply.ts';

const replyOf = (status: number, body: string | null, ...more: [string, string][]): string =>
  directReply(
    HeaderBlock.of([':status', String(status)], ...more),
    body === null ? null : Buffer.from(body),
  ).toString('latin1');

describe('directReply', () => {
  it('writes the head, the length of the body and the body, and ends the connection', () => {
    expect(replyOf(503, 'no', ['retry-after', '3'])).to.equal(
      'HTTP/1.1 503 Service Unavailable\r\nretry-after: 3\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno',
    );
    expect(replyOf(404, null)).to.match(/\r\ncontent-length: 0\r\n/);
  });

  it('does not repeat a content-length of the head', () => {
    expect(replyOf(200, 'no', ['content-length', '2']).match(/content-length/g)).to.have.length(1);
  });

  it('gives a reply that has no body no length (RFC 9110, 8.6)', () => {
    for (const status of [204, 304]) expect(replyOf(status, null)).not.to.match(/content-length/);
  });
});
