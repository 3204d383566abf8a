import type { IncomingMessage } from 'node:http';
import { expect } from 'chai';
import fc from 'fast-check';
import { ReplyEnd } from '../../../src/http1/reply-end.ts';

const message = (complete: boolean) => ({ complete }) as IncomingMessage;

describe('http1/reply-end', () => {
  const lengthHead = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n';
  const chunkedHead = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
  const interim = 'HTTP/1.1 103 Early Hints\r\n\r\n';

  /** Feeds text in pieces that end at `cuts`, with the parser's knowledge behind each, and gives the verdict at the end. */
  function feed(
    before: string,
    head: string,
    body: string,
    bodyBytes: number,
    surplus: string,
    cuts: number[],
  ) {
    const end = new ReplyEnd();
    const text = before + head + body + surplus;
    const interims = before.length / interim.length;
    let verdict = false;
    let from = 0;
    for (const to of [...new Set([...cuts.map((cut) => cut % text.length), text.length])].sort(
      (a, b) => a - b,
    )) {
      if (to === from) continue;
      const headIn = to >= before.length + head.length;
      if (headIn) end.bodyBytes = bodyBytes;
      const complete = to >= before.length + head.length + body.length;
      verdict = end.take(
        Buffer.from(text.slice(from, to)),
        Math.min(interims, Math.floor(to / interim.length)),
        headIn ? message(complete) : null,
      );
      from = to;
    }
    return verdict;
  }

  it('reports bytes behind the reply, and no reply that ends where it should, however it is split', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          { head: lengthHead, body: 'ok', bodyBytes: 2 },
          { head: lengthHead, body: '', bodyBytes: 0 },
          { head: chunkedHead, body: '2\r\nok\r\n0\r\n\r\n', bodyBytes: -1 },
          { head: chunkedHead, body: '0\r\nx: y\r\n\r\n', bodyBytes: -1 },
        ),
        fc.constantFrom('', interim, interim + interim),
        fc.constantFrom('', 'junk', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\nx: y\r\n', 'H'),
        fc.array(fc.nat(300), { maxLength: 6 }),
        ({ head, body, bodyBytes }, before, surplus, cuts) => {
          expect(feed(before, head, body, bodyBytes, surplus, cuts)).to.equal(surplus !== '');
        },
      ),
    );
  });

  it('reports nothing of a reply that ends with its connection', () => {
    const end = new ReplyEnd();
    expect(end.take(Buffer.from('HTTP/1.0 200 OK\r\n\r\nall of it'), 0, message(true))).to.equal(false);
  });
});
