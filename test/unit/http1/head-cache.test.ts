import { expect } from 'chai';
import { HeadCache } from '../../../src/http1/head-cache.ts';
import { parse } from '../../support/http1-events.ts';

const head = (...lines: string[]) => `${['GET / HTTP/1.1', 'Host: a', ...lines].join('\r\n')}\r\n\r\n`;

describe('http1/head-cache', () => {
  it('gives equal heads one block once they repeat, on any connection', () => {
    const heads = new HeadCache();
    const text = head('Accept: */*', 'User-Agent: x');
    const blocks = [1, 2, 3, 4, 5].map(() => parse('request', text, { heads }).heads[0].block);
    expect(blocks[0].repeated).to.equal(false);
    expect(blocks[4].repeated).to.equal(true);
    expect(blocks[4]).to.equal(blocks[3]);
    const twice = parse('request', text + text, { heads });
    expect(twice.heads[0]).to.equal(twice.heads[1]);
    expect(twice.heads[0].block).to.equal(blocks[4]);
    expect(blocks[4].allFields.every((field) => field.repeated)).to.equal(true);
  });

  it('does not take a request over TLS for the same without', () => {
    const heads = new HeadCache();
    const text = head();
    for (let i = 0; i < 4; i++) parse('request', text, { heads });
    expect(parse('request', text, { heads, scheme: 'https' }).fields[0]).to.include(':scheme: https');
  });

  it('puts a header that is new behind the repeated block of the others', () => {
    const heads = new HeadCache();
    const parsed = Array.from({ length: 8 }, (_, i) =>
      parse('request', head('Accept: */*', `X-Id: ${i}`, 'User-Agent: x'), { heads }),
    );
    const { block } = parsed[7].heads[0];
    expect(block.base?.repeated).to.equal(true);
    expect(block.base).to.equal(parsed[6].heads[0].block.base);
    expect(block.fields.map(({ value }) => value)).to.deep.equal(['7']);
    expect([...parsed[7].fields[0]].sort()).to.deep.equal(
      [...parsed[0].fields[0]].map((f) => f.replace('x-id: 0', 'x-id: 7')).sort(),
    );
  });

  it('keeps the order of fields of one name', () => {
    const heads = new HeadCache();
    for (let i = 0; i < 8; i++) {
      const { fields } = parse('request', head(`X-A: new ${i}`, 'X-A: old'), { heads });
      expect(fields[0].slice(4)).to.deep.equal([`x-a: new ${i}`, 'x-a: old']);
    }
  });

  it('frames a body by a length that is new', () => {
    const heads = new HeadCache();
    for (let i = 1; i < 9; i++) {
      const text = `POST / HTTP/1.1\r\nHost: a\r\nX-A: b\r\nContent-Length: ${i}\r\n\r\n${'x'.repeat(i)}`;
      const {
        body,
        heads: [{ framing, bodyBytes }],
      } = parse('request', text, { heads });
      expect([body.length, framing, bodyBytes]).to.deep.equal([i, 'length', i]);
      const reply = `HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: ${i}\r\n\r\n${'x'.repeat(i)}`;
      const {
        body: got,
        heads: [of],
      } = parse('reply', reply, { heads });
      expect([got.length, of.framing, of.keepAlive]).to.deep.equal([i, 'length', true]);
    }
  });

  it('judges a header that is new by the lines that are known', () => {
    const heads = new HeadCache();
    for (let i = 0; i < 8; i++) {
      const { fields } = parse('request', head('Connection: x-hop', `X-Hop: ${i}`, `X-Other: ${i}`), {
        heads,
      });
      expect(fields[0].slice(4)).to.deep.equal([`x-other: ${i}`]);
      expect(
        parse('request', head(`Transfer-Encoding: chunked`, `Content-Length: ${i}`), { heads }).error?.reason,
      ).to.equal('transfer_encoding');
      expect(
        parse('request', head('Content-Length: 1', `Content-Length: 1${i}`), { heads }).error?.reason,
      ).to.equal('content_length');
      expect(parse('request', head(`Host: b${i}`), { heads }).error?.reason).to.equal('host');
    }
  });

  it('keeps a bounded number of lines and heads, whatever comes', () => {
    const heads = new HeadCache();
    for (let i = 0; i < 3000; i++)
      for (let n = 0; n < 3; n++) {
        const { fields } = parse('request', head(`X-${i % 700}: ${i}`, 'Accept: */*'), { heads });
        expect(fields[0].at(-1) === 'accept: */*' || fields[0].at(-1) === `x-${i % 700}: ${i}`).to.equal(
          true,
        );
      }
    expect(heads.lines.size).to.be.at.most(512);
    expect(heads.headCount).to.be.at.most(256);
  });

  it('refuses a line again where it was refused before', () => {
    const heads = new HeadCache();
    for (let i = 0; i < 4; i++)
      expect(parse('request', head('X-A : b'), { heads }).error).to.include({ reason: 'field', offset: 28 });
  });
});
