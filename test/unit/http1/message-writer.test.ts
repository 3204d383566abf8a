import { expect } from 'chai';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import {
  writeChunk,
  writeInterimHead,
  writeLastChunk,
  writeReplyHead,
  writeRequestHead,
} from '../../../src/http1/message-writer.ts';
import { OutputBuffer } from '../../../src/transport/output-buffer.ts';

const options = { fallbackHost: 'fallback:1', clientAddress: null };

function text(write: (out: OutputBuffer) => unknown): string {
  const out = new OutputBuffer(16);
  const problem = write(out);
  if (typeof problem === 'string') throw new Error(problem);
  return out.bytes.toString('latin1', 0, out.length);
}

function request(method: string, ...more: Array<[string, string]>): HeaderBlock {
  const pseudo: Array<[string, string]> = [
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'a.test'],
    [':path', '/p'],
  ];
  return HeaderBlock.of(...pseudo, ...more);
}

describe('http1/message-writer', () => {
  it('writes a request: host, fields, cookies as one, then the framing', () => {
    const block = request('POST', ['cookie', 'a=1'], ['x', '1'], ['cookie', 'b=2'], ['te', 'trailers']);
    expect(text((out) => writeRequestHead(out, block, 'length', 3, options))).to.equal(
      'POST /p HTTP/1.1\r\nhost: a.test\r\nx: 1\r\ncookie: a=1; b=2\r\ncontent-length: 3\r\n\r\n',
    );
    expect(text((out) => writeRequestHead(out, request('GET'), 'none', 0, options))).to.equal(
      'GET /p HTTP/1.1\r\nhost: a.test\r\n\r\n',
    );
    expect(text((out) => writeRequestHead(out, request('get'), 'chunked', -1, options))).to.equal(
      'get /p HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n',
    );
  });

  it('writes a reply: fields, connection, framing', () => {
    const block = HeaderBlock.of([':status', '200'], ['content-length', '2'], ['x', '1']);
    expect(
      text((out) => writeReplyHead(out, block, 'length', 2, { minorVersion: 1, keepAlive: true })),
    ).to.equal('HTTP/1.1 200 OK\r\nx: 1\r\ncontent-length: 2\r\n\r\n');
    expect(
      text((out) => writeReplyHead(out, block, 'none', 0, { minorVersion: 0, keepAlive: true, date: 'D' })),
    ).to.equal('HTTP/1.1 200 OK\r\nx: 1\r\ndate: D\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\n');
    const none = HeaderBlock.of([':status', '204'], ['content-length', '2']);
    expect(
      text((out) => writeReplyHead(out, none, 'none', 0, { minorVersion: 1, keepAlive: false })),
    ).to.equal('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
  });

  it('writes interim replies, chunks and trailers', () => {
    const hints = HeaderBlock.of([':status', '103'], ['link', 'x'], ['content-length', '0']);
    expect(text((out) => writeInterimHead(out, hints))).to.equal(
      'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n',
    );
    const trailers = HeaderBlock.of(['x', '1'], ['host', 'a'], ['content-type', 'b']);
    expect(
      text((out) => {
        writeChunk(out, Buffer.from('-0123456789'), 1, 11);
        writeChunk(out, Buffer.from('x'), 1, 1);
        writeLastChunk(out, trailers);
      }),
    ).to.equal('a\r\n0123456789\r\n0\r\nx: 1\r\n\r\n');
  });

  it('writes nothing of what cannot be sent', () => {
    const out = new OutputBuffer();
    const problems = [
      writeRequestHead(out, request('CONNECT'), 'none', 0, options),
      writeRequestHead(out, request('G T'), 'none', 0, options),
      writeRequestHead(out, request('GET', ['x', 'a\r\nb: c']), 'none', 0, options),
      writeRequestHead(
        out,
        request('GET', ['content-length', '1'], ['content-length', '2']),
        'none',
        0,
        options,
      ),
      writeRequestHead(out, HeaderBlock.of([':method', 'GET'], [':path', '/a b']), 'none', 0, options),
      writeReplyHead(out, HeaderBlock.of([':status', '199']), 'none', 0, {
        minorVersion: 1,
        keepAlive: true,
      }),
      writeReplyHead(out, HeaderBlock.of([':status', '200']), 'chunked', -1, {
        minorVersion: 0,
        keepAlive: true,
      }),
      writeInterimHead(out, HeaderBlock.of([':status', '101'])),
    ];
    for (const problem of problems) expect(problem).to.be.a('string');
    expect(out.length).to.equal(0);
  });
});
