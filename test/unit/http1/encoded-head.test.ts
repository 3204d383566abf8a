import { expect } from 'chai';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { RawField } from '../../../src/core/raw-field.ts';
import { SpanId, TraceId } from '../../../src/core/trace-id.ts';
import { TraceparentField } from '../../../src/core/traceparent-field.ts';
import { writeReplyHead, writeRequestHead } from '../../../src/http1/message-writer.ts';
import { OutputBuffer } from '../../../src/transport/output-buffer.ts';

const options = { fallbackHost: 'x', clientAddress: '192.0.2.1' };

function request(block: HeaderBlock): string {
  const out = new OutputBuffer(16);
  const problem = writeRequestHead(out, block, 'none', 0, options);
  return problem ?? out.bytes.toString('latin1', 0, out.length);
}

function repeated(block: HeaderBlock): HeaderBlock {
  block.repeated = true;
  return block;
}

const start = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a.test'],
  [':path', '/'],
].map(([name, value]) => new Field(name, value));

describe('http1/encoded-head', () => {
  it('writes a repeated head the same every time', () => {
    const fields = [
      new Field('cookie', 'a=1'),
      new Field('x-forwarded-for', '192.0.2.9'),
      new Field('x', '1'),
      new Field('expect', '100-continue'),
      new Field('content-length', '0'),
      new Field('cookie', 'b=2'),
    ];
    const text = request(new HeaderBlock([...start, ...fields]));
    expect(text).to.equal(
      'GET / HTTP/1.1\r\nhost: a.test\r\nx: 1\r\ncookie: a=1; b=2\r\n' +
        'x-forwarded-for: 192.0.2.9, 192.0.2.1\r\nx-forwarded-proto: https\r\ncontent-length: 0\r\n\r\n',
    );
    const block = repeated(new HeaderBlock([...start, ...fields]));
    for (let i = 0; i < 3; i++) expect(request(block)).to.equal(text);
  });

  it('writes what stands on a repeated base behind it', () => {
    const base = repeated(new HeaderBlock([...start, new Field('cookie', 'a=1')]));
    const own = [new Field('x', '2'), new Field('cookie', 'b=2'), new Field('x-forwarded-proto', 'http')];
    for (let i = 0; i < 2; i++)
      expect(request(new HeaderBlock(own, base))).to.equal(
        'GET / HTTP/1.1\r\nhost: a.test\r\nx: 2\r\nx-forwarded-proto: http\r\n' +
          'cookie: a=1; b=2\r\nx-forwarded-for: 192.0.2.1\r\n\r\n',
      );
  });

  it('writes the start line of the whole head, whichever part holds it', () => {
    const base = repeated(new HeaderBlock(start.slice(0, 3)));
    for (const path of ['/a', '/b'])
      expect(request(new HeaderBlock([new Field(':path', path), new Field('x', '1')], base))).to.match(
        new RegExp(`^GET ${path} HTTP/1.1\r\nhost: a.test\r\nx: 1\r\n`),
      );
  });

  it('writes values that have no text yet', () => {
    const trace = new TraceparentField(
      TraceId.read('4bf92f3577b34da6a3ce929d0e0e4736'),
      SpanId.read('00f067aa0ba902b7'),
      1,
    );
    const bytes = Buffer.from('--value--');
    const chunk = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
    const name = { name: 'x-raw', prefix: new Uint8Array(0) };
    const fields = [trace, new RawField(name, chunk, 2, 5), new RawField(name, chunk, 2, 2)];
    expect(request(new HeaderBlock([...start, ...fields]))).to.include(
      '\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nx-raw: value\r\nx-raw: va\r\n',
    );
  });

  it('remembers that a head cannot be sent', () => {
    const bad = repeated(new HeaderBlock([...start, new Field('x', 'a\r\nb: c')]));
    for (let i = 0; i < 2; i++) expect(request(bad)).to.equal('a header with bytes that no header may hold');
    const two = repeated(new HeaderBlock([...start, new Field('content-length', '1')]));
    for (let i = 0; i < 2; i++)
      expect(request(new HeaderBlock([new Field('content-length', '2')], two))).to.equal(
        'two content-length headers that differ',
      );
  });

  it('adds a date to a repeated reply only where it has none', () => {
    const reply = (block: HeaderBlock) => {
      const out = new OutputBuffer();
      writeReplyHead(out, block, 'length', 0, { minorVersion: 1, keepAlive: true, date: 'now' });
      return out.bytes.toString('latin1', 0, out.length);
    };
    const dated = repeated(HeaderBlock.of([':status', '200'], ['date', 'then']));
    const bare = repeated(HeaderBlock.of([':status', '200']));
    for (let i = 0; i < 2; i++) {
      expect(reply(dated)).to.equal('HTTP/1.1 200 OK\r\ndate: then\r\ncontent-length: 0\r\n\r\n');
      expect(reply(bare)).to.equal('HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 0\r\n\r\n');
    }
  });
});
