import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { http1UpgradeClient, http2UpgradeClient } from '../../../src/http1/upgrade-client.ts';
import { FakeStream } from '../call/call-rig.ts';

type Pair = [string, string];

const http1Head = (status: number, bodyBytes: number, ...more: Pair[]): string => {
  const duplex = new PassThrough();
  http1UpgradeClient(duplex).head(HeaderBlock.of([':status', String(status)], ...more), bodyBytes);
  return String(duplex.read());
};

const http2Head = (status: number, ...more: Pair[]): HeaderBlock => {
  const stream = new FakeStream();
  http2UpgradeClient(stream).head(HeaderBlock.of([':status', String(status)], ...more), -1);
  return stream.heads[0];
};

describe('http1UpgradeClient', () => {
  it('writes the head of a reply with the length of its body, and that the connection ends', () => {
    expect(http1Head(503, 2, ['retry-after', '3'])).to.equal(
      'HTTP/1.1 503 Service Unavailable\r\nretry-after: 3\r\nconnection: close\r\ncontent-length: 2\r\n\r\n',
    );
    expect(http1Head(404, 0)).to.match(/\r\ncontent-length: 0\r\n/);
  });

  it('does not repeat a content-length of the head, and writes none for a body of unknown length', () => {
    expect(http1Head(200, 2, ['content-length', '2']).match(/content-length/g)).to.have.length(1);
    expect(http1Head(403, -1)).to.equal('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n');
  });

  it('gives a reply that has no body no length (RFC 9110, 8.6)', () => {
    for (const status of [204, 304]) expect(http1Head(status, 0)).not.to.match(/content-length/);
  });

  it('opens a WebSocket with a 101 that has no framing', () => {
    const head = http1Head(101, 5, ['content-length', '5'], ['transfer-encoding', 'chunked'], ['x-a', '1']);
    expect(head).to.equal(
      'HTTP/1.1 101 Switching Protocols\r\nx-a: 1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    );
  });
});

describe('http2UpgradeClient', () => {
  it('opens a WebSocket with a 200 that has no length and no answer to a key', () => {
    const pairs: Pair[] = [
      ['sec-websocket-accept', 'a'],
      ['content-length', '5'],
      ['sec-websocket-protocol', 'chat'],
      ['x-a', '1'],
    ];
    const fields = http2Head(101, ...pairs).allFields.map(({ name, value }) => [name, value]);
    expect(fields).to.deep.equal([
      [':status', '200'],
      ['sec-websocket-protocol', 'chat'],
      ['x-a', '1'],
    ]);
  });

  it('sends the head of another reply as it is', () => {
    expect(http2Head(403, ['content-length', '3']).get('content-length')).to.equal('3');
  });
});
