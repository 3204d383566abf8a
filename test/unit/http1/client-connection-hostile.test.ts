import { expect } from 'chai';
import fc from 'fast-check';
import { ClientEnd, requestHead } from '../../support/client-end.ts';
import type { Recorder } from '../../support/memory-pair.ts';

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('http1/client-connection, hostile endpoints', () => {
  /** What an endpoint does to the n-th exchange: bytes, and how the connection ends, if it does. */
  const behaviour = fc.record({
    interim: fc.nat(2),
    reply: fc.constantFrom('length', 'chunked', 'close', 'short', 'garbage', 'silence', 'early'),
    surplus: fc.constantFrom('', 'evil', ok.replace('ok', 'ev'), '\r\n', '0\r\n\r\n'),
    surplusLater: fc.boolean(),
    end: fc.constantFrom('keeps', 'fin', 'reset'),
    cuts: fc.array(fc.nat(300), { maxLength: 6 }),
  });

  function replyText(kind: string, token: string): string {
    switch (kind) {
      case 'length':
      case 'early':
        return `HTTP/1.1 200 OK\r\ncontent-length: ${token.length}\r\n\r\n${token}`;
      case 'chunked':
        return `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${token.length.toString(16)}\r\n${token}\r\n0\r\n\r\n`;
      case 'close':
        return `HTTP/1.1 200 OK\r\n\r\n${token}`;
      case 'short':
        return `HTTP/1.1 200 OK\r\ncontent-length: ${token.length + 9}\r\n\r\n${token}`;
      case 'garbage':
        return `HTTP/1.1 2 OK\r\n${token}`;
      default:
        return '';
    }
  }

  it('never let the bytes of one exchange reach another', () => {
    fc.assert(
      fc.property(fc.array(behaviour, { minLength: 1, maxLength: 12 }), (behaviours) => {
        let end = new ClientEnd();
        const recorders: Array<{ recorder: Recorder; token: string }> = [];
        for (const [n, { interim, reply, surplusLater, end: how, cuts, ...one }] of behaviours.entries()) {
          // Behind no reply a reply is no surplus.
          const surplus = reply === 'silence' ? '' : one.surplus;
          // What comes between two exchanges comes before the next is opened.
          if (n > 0 && end.events.at(-1) !== 'idle') end = new ClientEnd();
          const token = `token-${n}`;
          end.events.length = 0;
          const { stream, recorder } = end.open();
          recorders.push({ recorder, token });
          stream.head(requestHead('POST', ['content-length', '4']), false);
          stream.data(Buffer.from('body'), 0, reply === 'early' ? 2 : 4, reply !== 'early');
          end.flush();
          const text = 'HTTP/1.1 102 P\r\n\r\n'.repeat(interim) + replyText(reply, token);
          end.receive(text + (surplusLater ? '' : surplus), cuts);
          if (surplusLater && surplus !== '') end.receive(surplus);
          if (how === 'fin') end.connection.peerEnded();
          else if (how === 'reset') end.connection.transportClosed('the connection broke: reset');
          const dirty = surplus !== '' || how !== 'keeps' || (reply !== 'length' && reply !== 'chunked');
          if (dirty) expect(end.events.at(-1), 'not used again').to.not.equal('idle');
        }
        for (const { recorder, token } of recorders) {
          expect(recorder.ends, 'ends').to.be.at.most(1);
          const body = recorder.body.toString();
          // A body that ends with its connection owns all that comes.
          expect(body === '' || body.startsWith(token), body).to.equal(true);
          expect(body.startsWith(`${token}token`), body).to.equal(false);
        }
      }),
      { numRuns: 500 },
    );
  });
});
