import { expect } from 'chai';
import fc from 'fast-check';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { type HeardRequest, ServerRig } from './server-rig.ts';

interface Sent {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly framing: 'length' | 'chunked';
  readonly body: string;
  readonly replyFraming: 'length' | 'chunked';
  readonly replyPieces: readonly string[];
}

const letters = fc.string({ unit: fc.constantFrom('a', '0', '\r', '\n', ' ', 'G'), maxLength: 40 });
const exchange: fc.Arbitrary<Sent> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST'),
  framing: fc.constantFrom('length', 'chunked'),
  body: letters,
  replyFraming: fc.constantFrom('length', 'chunked'),
  replyPieces: fc.array(letters, { maxLength: 4 }),
});

function requestText({ method, framing, body }: Sent, number: number): string {
  const line = `${method} /${number} HTTP/1.1\r\nhost: a\r\n`;
  if (method !== 'POST') return `${line}\r\n`;
  if (framing === 'length') return `${line}content-length: ${body.length}\r\n\r\n${body}`;
  const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
  return `${line}transfer-encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
}

/** What reaches the client of one exchange. */
function replyText({ method, replyFraming, replyPieces }: Sent, number: number): string {
  const body = replyPieces.join('');
  const head = `HTTP/1.1 200 OK\r\nx-number: ${number}\r\n`;
  if (method === 'HEAD') {
    return replyFraming === 'length' ? `${head}content-length: ${body.length}\r\n\r\n` : `${head}\r\n`;
  }
  if (replyFraming === 'length') return `${head}content-length: ${body.length}\r\n\r\n${body}`;
  const chunks = replyPieces
    .filter((piece) => piece !== '')
    .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`);
  return `${head}transfer-encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`;
}

/** The steps by which a handler gives its reply. */
function* replySteps(
  request: HeardRequest,
  { replyFraming, replyPieces }: Sent,
  number: number,
): Generator<void> {
  const length = String(replyPieces.join('').length);
  const fields: Array<[string, string]> = [
    [':status', '200'],
    ['x-number', String(number)],
  ];
  if (replyFraming === 'length') fields.push(['content-length', length]);
  request.stream.head(HeaderBlock.of(...fields), false);
  yield;
  for (const piece of replyPieces) {
    request.say(piece, false);
    yield;
  }
  request.say('', true);
  // A handler that does not know when to stop disturbs nobody.
  yield;
  request.say('late', true);
}

describe('HTTP/1.1 server connection, whatever comes when', () => {
  it('says the same for any split of the input', () => {
    fc.assert(
      fc.property(fc.array(exchange, { minLength: 1, maxLength: 5 }), fc.array(fc.nat()), (sent, cuts) => {
        const input = sent.map(requestText).join('');
        const rig = new ServerRig({
          onRequest: (request) => {
            const number = rig.requests.length - 1;
            const reply = (): void => {
              for (const _ of replySteps(request, sent[number], number));
            };
            if (request.ended) reply();
            else request.onEnd = reply;
          },
        });
        const places = [...new Set(cuts.map((cut) => cut % (input.length + 1)))].sort((a, b) => a - b);
        let from = 0;
        for (const to of [...places, input.length]) {
          rig.say(input.slice(from, to));
          rig.flush();
          from = to;
        }
        rig.settle();
        expect(rig.text).to.equal(sent.map(replyText).join(''));
        expect(rig.requests.map(({ body }) => body)).to.deep.equal(
          sent.map(({ method, body }) => (method === 'POST' ? body : '')),
        );
        expect(rig.end).to.equal('');
        expect(rig.connection.idle).to.equal(true);
      }),
      { numRuns: 300 },
    );
  });

  it('never mixes two exchanges, in whatever order bytes, replies, credit and flushes come', () => {
    const actions = fc.array(fc.record({ kind: fc.nat(5), count: fc.integer({ min: 1, max: 60 }) }), {
      minLength: 20,
      maxLength: 120,
    });
    fc.assert(
      fc.property(fc.array(exchange, { minLength: 1, maxLength: 6 }), actions, (sent, steps) => {
        const input = sent.map(requestText).join('');
        const rig = new ServerRig({ onRequest: (request) => (request.consumesAtOnce = false) });
        const replies: Generator<void>[] = [];
        let at = 0;
        const act = (kind: number, count: number): void => {
          for (let i = replies.length; i < rig.requests.length; i++)
            replies.push(replySteps(rig.requests[i], sent[i], i));
          if (kind === 0) {
            rig.say(input.slice(at, at + count));
            at += count;
          } else if (kind === 1) rig.flush(true);
          else if (kind === 2) rig.flush(false);
          else if (kind === 3) rig.connection.setTransportReady(true);
          else if (kind === 4) rig.requests[count % Math.max(1, rig.requests.length)]?.consume();
          // Any of the handlers, one that is long done too. A body that no reply waits for is the business of other tests.
          else {
            const index = replies.length - 1 - (count % 2);
            if (rig.requests[index]?.ended === true) replies[index]?.next();
          }
        };
        for (const { kind, count } of steps) act(kind, count);
        for (let i = 0; i < 2000 && !(at >= input.length && rig.connection.idle); i++) {
          act(0, 60);
          act(3, 1);
          act(5, 1);
          act(5, 2);
          act(4, i);
          act(1, 1);
        }
        expect(rig.text).to.equal(sent.map(replyText).join(''));
        expect(rig.requests.map(({ body }) => body)).to.deep.equal(
          sent.map(({ method, body }) => (method === 'POST' ? body : '')),
        );
        expect(rig.end).to.equal('');
        for (const [i, { sentBytes }] of rig.requests.entries())
          expect(sentBytes).to.equal(sent[i].replyPieces.join('').length);
      }),
      { numRuns: 300 },
    );
  });
});
