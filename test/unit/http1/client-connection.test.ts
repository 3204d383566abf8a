import { expect } from 'chai';
import fc from 'fast-check';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { reasonPhraseOf } from '../../../src/core/reason-phrase.ts';
import { interimRepliesMax, replyWindowBytes } from '../../../src/http1/client-connection.ts';
import type { MessageErrorReason } from '../../../src/http1/message.ts';
import { ClientEnd, requestHead } from '../../support/client-end.ts';
import { Recorder } from '../../support/memory-pair.ts';

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const okEvents = ['head 200', 'data 2 last'];

/** Replies that are whole by themselves, with what their receiver hears: `summary` of a `Recorder`. */
const replies: ReadonlyArray<readonly [method: string, reply: string, summary: string]> = [
  ['GET', ok, 'head 200, body 2, ends 1'],
  ['GET', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', 'head 200 last, ends 1'],
  ['HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n', 'head 200 last, ends 1'],
  ['HEAD', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', 'head 200 last, ends 1'],
  ['GET', 'HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n', 'head 204 last, ends 1'],
  ['GET', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n', 'head 304 last, ends 1'],
  ['GET', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 'head 200, ends 1'],
  [
    'GET',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
    'head 200, body 5, ends 1',
  ],
  [
    'GET',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-sum: 1\r\n\r\n',
    'head 200, trailers last, body 2, ends 1',
  ],
  [
    'GET',
    `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${ok}`,
    'interim 103, interim 102, head 200, body 2, ends 1',
  ],
];

/** Events without the pieces of the body, and whether the receiver heard the last of them as such. */
function summaryOf({ events, bodyBytes, ends }: Recorder): string {
  const others = events.filter((event) => !event.startsWith('data'));
  return [...others, ...(bodyBytes === 0 ? [] : [`body ${bodyBytes}`]), `ends ${ends}`].join(', ');
}

describe('http1/client-connection, exchanges', () => {
  it('writes a request, and is idle again behind its reply', () => {
    const end = new ClientEnd();
    for (let n = 1; n <= 3; n++) {
      end.wire = '';
      const { recorder } = end.request('GET');
      expect(end.wire).to.equal('GET /p HTTP/1.1\r\nhost: a.test\r\nx-forwarded-proto: http\r\n\r\n');
      end.receive(ok);
      expect(recorder.events).to.deep.equal(okEvents);
      expect(end.events.filter((event) => event === 'idle')).to.have.length(n);
    }
    expect(end.connection.served).to.equal(3);
  });

  it('hears the same of a reply whatever the pieces are in which it arrives', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...replies), fc.array(fc.nat(200), { maxLength: 12 })), {
          minLength: 1,
          maxLength: 4,
        }),
        (exchanges) => {
          const end = new ClientEnd();
          for (const [[method, reply, summary], cuts] of exchanges) {
            const { recorder } = end.request(method);
            end.receive(reply, cuts);
            expect(summaryOf(recorder)).to.equal(summary);
            expect(end.events.at(-1)).to.equal('idle');
          }
        },
      ),
    );
  });

  it('is not used again where either side says so, or where the reply ends with the connection', () => {
    for (const reply of [
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok',
      'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok',
    ]) {
      const end = new ClientEnd();
      const { recorder } = end.request('GET');
      end.receive(reply);
      expect(recorder.events).to.deep.equal(okEvents);
      expect(end.events).to.deep.equal(['ended at once']);
    }
    const end = new ClientEnd();
    const { recorder } = end.request('GET');
    end.receive('HTTP/1.1 200 OK\r\n\r\nall of ');
    end.receive('it');
    expect(end.events).to.deep.equal([]);
    end.connection.peerEnded();
    expect(recorder.events).to.deep.equal(['head 200', 'data 7', 'data 2', 'data 0 last']);
    expect(end.events).to.deep.equal(['ended']);
  });

  it('notes how long the endpoint keeps the connection, and an unusual reason phrase', () => {
    const end = new ClientEnd();
    const { recorder } = end.request('GET');
    end.receive('HTTP/1.1 404 Gone Fishing\r\ncontent-length: 0\r\nkeep-alive: timeout=5, max=9\r\n\r\n');
    expect(end.connection.keepAliveSeconds).to.equal(5);
    expect(reasonPhraseOf(recorder.heads[0])).to.equal('Gone Fishing');
  });

  it('takes a request back that has not left, and closes for one that has', () => {
    const end = new ClientEnd();
    const { stream, recorder } = end.open();
    stream.head(requestHead('POST'), false);
    stream.data(Buffer.from('abc'), 0, 3, false);
    stream.reset(ErrorCode.CANCEL);
    expect(end.events).to.deep.equal(['idle']);
    end.flush();
    expect(end.wire).to.equal('');
    const other = end.request('GET');
    end.receive('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok');
    other.stream.reset(ErrorCode.CANCEL);
    other.stream.reset(ErrorCode.CANCEL);
    end.receive('more');
    expect(end.events).to.deep.equal(['idle', 'ended at once']);
    expect(recorder.events).to.deep.equal([]);
    expect(other.recorder.events).to.deep.equal(['head 200', 'data 2']);
  });

  it('ends where its receiver resets it from within an event', () => {
    for (const event of ['interim', 'head', 'data'] as const) {
      const end = new ClientEnd();
      const { stream, recorder } = end.open();
      recorder[event] = () => stream.reset(ErrorCode.CANCEL);
      stream.head(requestHead('GET'), true);
      end.flush();
      end.receive(
        'HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      );
      expect(recorder.ends).to.equal(0);
      expect(end.events).to.deep.equal(['ended at once']);
    }
  });

  it('delivers a reply that comes before the request has ended, and closes', () => {
    const end = new ClientEnd();
    const { stream, recorder } = end.open();
    stream.head(requestHead('POST', ['content-length', '9']), false);
    stream.data(Buffer.from('abc'), 0, 3, false);
    end.flush();
    end.receive('HTTP/1.1 413 Large\r\ncontent-length: 2\r\n\r\nno');
    expect(recorder.events).to.deep.equal(['head 413', 'data 2 last']);
    expect(end.events).to.deep.equal(['ended at once']);
    stream.data(Buffer.from('defghi'), 0, 6, true);
    stream.reset(ErrorCode.NO_ERROR);
    end.connection.transportClosed('the connection closed');
    expect(recorder.events).to.have.length(2);
  });

  it('is used again where the body is whole, though its owner has not said so', () => {
    const end = new ClientEnd();
    const { stream } = end.open();
    stream.head(requestHead('POST', ['content-length', '3']), false);
    stream.data(Buffer.from('abc'), 0, 3, false);
    end.flush();
    end.receive(ok);
    expect(end.events).to.deep.equal(['idle']);
  });

  it('is not used again where the request has not left as a whole when the reply is', () => {
    const end = new ClientEnd();
    const { stream, recorder } = end.open();
    stream.head(requestHead('POST'), false);
    end.flush();
    stream.data(Buffer.from('abc'), 0, 3, true);
    end.receive(ok);
    expect(recorder.events).to.deep.equal(okEvents);
    expect(end.events).to.deep.equal(['ended at once']);
  });
});

describe('http1/client-connection, credit', () => {
  it('reports bytes as sent once the transport has taken them', () => {
    const end = new ClientEnd();
    const { stream, recorder } = end.open();
    stream.head(requestHead('POST'), false);
    stream.data(Buffer.from('abc'), 0, 3, false);
    expect(recorder.sentBytes).to.equal(0);
    end.flush();
    expect(recorder.sentBytes).to.equal(3);
    end.connection.setTransportReady(false);
    stream.data(Buffer.from('de'), 0, 2, false);
    end.flush();
    expect(recorder.sentBytes).to.equal(3);
    end.connection.setTransportReady(true);
    expect(recorder.sentBytes).to.equal(5);
  });

  it('stops reading at a window of bytes that nobody has consumed, and goes on when they are', () => {
    const end = new ClientEnd();
    const { recorder, stream } = end.open(new Recorder(true));
    stream.head(requestHead('GET'), true);
    end.flush();
    end.receive(`HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n${'x'.repeat(replyWindowBytes - 1)}`);
    expect(end.connection.readyForInput).to.equal(true);
    end.receive('xx');
    expect(end.connection.readyForInput).to.equal(false);
    stream.consumed(1);
    expect(end.events).to.deep.equal([]);
    stream.consumed(1);
    expect(end.events).to.deep.equal(['readable']);
    end.receive('x'.repeat(100_000 - replyWindowBytes - 1));
    expect(recorder.ends).to.equal(1);
    // What the receiver of one exchange has not consumed does not hold up the next.
    expect(end.connection.readyForInput).to.equal(true);
    expect(end.events.at(-1)).to.equal('idle');
    stream.consumed(50_000);
    end.request('GET');
    expect(end.connection.readyForInput).to.equal(true);
  });
});

describe('http1/client-connection, requests that cannot be sent', () => {
  it('reports them at the next flush, and is used again where nothing has left', () => {
    const end = new ClientEnd();
    const { stream, recorder } = end.open();
    stream.head(requestHead('POST', ['x-a', 'b\r\nx-evil: 1']), false);
    stream.data(Buffer.from('abc'), 0, 3, true);
    expect(recorder.events).to.deep.equal([]);
    end.flush();
    expect(recorder.failures[0]).to.include({ kind: 'unsendable', code: ErrorCode.PROTOCOL_ERROR });
    expect(recorder.failures[0].message).to.match(/^the request had a header/);
    expect(recorder.ends).to.equal(1);
    expect(end.wire).to.equal('');
    expect(end.events).to.deep.equal(['idle']);
    const next = end.request('GET');
    end.receive(ok);
    expect(next.recorder.events).to.deep.equal(okEvents);
  });

  const wrong: Array<[string, Array<[text: string, last: boolean]>]> = [
    [
      'longer',
      [
        ['abcd', false],
        ['e', false],
      ],
    ],
    [
      'shorter',
      [
        ['ab', false],
        ['c', true],
      ],
    ],
  ];
  for (const [name, pieces] of wrong) {
    for (const left of [false, true]) {
      it(`fails a body ${name} than its content-length ${left ? 'after some of it has' : 'before any of it has'} left`, () => {
        const end = new ClientEnd();
        const { stream, recorder } = end.open();
        stream.head(requestHead('POST', ['content-length', '4']), false);
        for (const [text, last] of pieces) {
          stream.data(Buffer.from(text), 0, text.length, last);
          if (left) end.flush();
        }
        end.flush();
        expect(recorder.failures.map(({ kind }) => kind)).to.deep.equal(['unsendable']);
        expect(end.events).to.deep.equal([left ? 'ended at once' : 'idle']);
        if (!left) expect(end.wire).to.equal('');
      });
    }
  }

  it('says nothing to an owner who has reset the stream meanwhile', () => {
    const end = new ClientEnd();
    const { stream, recorder } = end.open();
    stream.head(requestHead('CONNECT'), true);
    stream.reset(ErrorCode.CANCEL);
    end.flush();
    expect(recorder.events).to.deep.equal([]);
    expect(end.events).to.deep.equal(['idle']);
  });
});

describe('http1/client-connection, losses and violations', () => {
  const half = 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nha';

  /** A connection that has served an exchange. */
  function kept(): ClientEnd {
    const end = new ClientEnd();
    end.request('GET');
    end.receive(ok);
    end.events.length = 0;
    return end;
  }

  it('says what became of the request when the connection is lost', () => {
    const cases: Array<[boolean, string, string, string, string]> = [
      [false, 'GET', '', 'closed', '10.0.0.1:80 closed without a reply: connection reset (ECONNRESET)'],
      [
        true,
        'GET',
        '',
        'refused',
        '10.0.0.1:80 closed an idle connection as it was used again: connection reset (ECONNRESET)',
      ],
      [true, 'PUT', '', 'refused', ''],
      [
        true,
        'POST',
        '',
        'closed',
        '10.0.0.1:80 closed a connection that it had kept, without a reply: connection reset (ECONNRESET)',
      ],
      [true, 'GET', 'H', 'closed', '10.0.0.1:80 broke off its reply: connection reset (ECONNRESET)'],
      [true, 'GET', half, 'closed', ''],
      [
        false,
        'GET',
        'HTTP/1.1 200 OK\r\n\r\nto be continued',
        'closed',
        '10.0.0.1:80 broke off its reply: connection reset (ECONNRESET)',
      ],
    ];
    for (const [wasKept, method, came, kind, message] of cases) {
      const end = wasKept ? kept() : new ClientEnd();
      const { recorder } = end.request(method);
      end.receive(came);
      end.connection.transportClosed('the connection broke: connection reset (ECONNRESET)');
      expect(recorder.failures.map((failure) => failure.kind)).to.deep.equal([kind]);
      if (message !== '') expect(recorder.failures[0].message).to.equal(message);
      expect(end.events).to.deep.equal(['ended at once']);
    }
  });

  it('says that nothing of a request has left', () => {
    for (const lose of [
      (end: ClientEnd) => end.connection.transportClosed('the connection closed'),
      (end: ClientEnd) => end.connection.peerEnded(),
      (end: ClientEnd) => end.receive(ok),
    ]) {
      const end = kept();
      const { stream, recorder } = end.open();
      stream.head(requestHead('POST'), false);
      lose(end);
      expect(recorder.failures[0]).to.include({ kind: 'unsent', code: ErrorCode.NO_ERROR });
      expect(recorder.events).to.have.length(1);
      expect(end.events.at(-1)).to.equal('ended at once');
    }
  });

  it('takes the refusal of a certificate after the handshake for a connection that was not given', () => {
    const end = new ClientEnd();
    const { recorder } = end.request('POST');
    end.connection.handshakeRefused = true;
    end.connection.transportClosed('the connection broke: the server says that our certificate has expired');
    expect(recorder.failures).to.deep.equal([
      {
        kind: 'unsent',
        code: ErrorCode.CONNECT_ERROR,
        message: '10.0.0.1:80 gave no connection: the server says that our certificate has expired',
      },
    ]);
  });

  it('takes a FIN in the middle for a loss, and TLS without close_notify as well', () => {
    for (const came of ['', half, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n']) {
      const end = new ClientEnd();
      const { recorder } = end.request('GET');
      end.receive(came);
      end.connection.peerEnded();
      expect(recorder.failures[0]).to.include({ kind: 'closed', code: ErrorCode.STREAM_CLOSED });
    }
    const end = new ClientEnd();
    const { recorder } = end.request('GET');
    end.receive('HTTP/1.1 200 OK\r\n\r\nto be continued');
    end.connection.truncated = true;
    end.connection.peerEnded();
    expect(recorder.failures[0].message).to.equal(
      '10.0.0.1:80 broke off its reply: the connection ended without close_notify',
    );
  });

  const violations: ReadonlyArray<
    readonly [name: string, reply: string, words: string, reason: MessageErrorReason]
  > = [
    ['another protocol', 'SSH-2.0-OpenSSH\r\n', 'did not answer in HTTP/1.1', 'start_line'],
    ['101', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', '101', 'status'],
    [
      'a flood of interim replies',
      'HTTP/1.1 102 P\r\n\r\n'.repeat(interimRepliesMax + 1),
      'interim',
      'interim_flood',
    ],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na',
      'content-length',
      'content_length',
    ],
    [
      'codings',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      'transfer coding',
      'transfer_encoding',
    ],
    ['half a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 'at byte', 'chunk'],
  ];
  for (const [name, reply, words, reason] of violations) {
    it(`ends for a reply with ${name}`, () => {
      const end = new ClientEnd();
      const { recorder } = end.request('GET');
      end.receive(reply);
      expect(recorder.failures.map(({ kind }) => kind)).to.deep.equal(['protocol']);
      expect(recorder.failures[0].message)
        .to.match(/^10\.0\.0\.1:80 /)
        .and.include(words);
      expect(end.events).to.deep.equal([`refused ${reason}`, 'ended at once']);
    });
  }

  it('takes as many interim replies as there may be, each time', () => {
    const end = new ClientEnd();
    for (let n = 0; n < 2; n++) {
      const { recorder } = end.request('GET');
      end.receive('HTTP/1.1 102 P\r\n\r\n'.repeat(interimRepliesMax) + ok);
      expect(recorder.ends).to.equal(1);
      expect(recorder.failures).to.deep.equal([]);
    }
  });

  it('closes for a byte while it is idle, and for its FIN', () => {
    const end = kept();
    end.receive('H');
    expect(end.events).to.deep.equal(['refused surplus', 'ended at once']);
    const other = kept();
    other.connection.peerEnded();
    expect(other.events).to.deep.equal(['ended']);
  });

  it('closes by itself: politely while it is idle, at once for an exchange', () => {
    const end = kept();
    end.connection.close();
    end.connection.close();
    expect(end.events).to.deep.equal(['ended']);
    const busy = new ClientEnd();
    const { recorder } = busy.request('GET');
    busy.connection.close();
    expect(busy.events).to.deep.equal(['ended at once']);
    expect(recorder.failures).to.have.length(1);
  });

  it('fails its exchange for an exception of ours', () => {
    const end = new ClientEnd();
    const { recorder } = end.request('GET');
    end.connection.crashed('an internal error of the sidecar');
    end.connection.crashed('again');
    expect(recorder.failures.map(({ kind }) => kind)).to.deep.equal(['internal']);
    expect(() => end.connection.open(new Recorder(), '')).to.throw('not idle');
  });
});
