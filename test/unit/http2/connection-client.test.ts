import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { Flag, FrameType } from '../../../src/http2/frame.ts';
import type { ConnectionOptions } from '../../../src/http2/options.ts';
import { Recorder } from '../../support/memory-pair.ts';
import {
  data,
  fragment,
  frame,
  getHead,
  goaway,
  headers,
  okHead,
  paddedData,
  ping,
  postHead,
  reset,
  Scripted,
  settings,
  u32,
  windowUpdate,
} from './support.ts';

const trailers = [['grpc-status', '0']] as const;
const body = Buffer.alloc(100_000, 'b');

/** A client with one request out, its frames flushed. */
function requested(
  options: Partial<ConnectionOptions> = {},
  head: ReadonlyArray<readonly [string, string]> = getHead,
  end = true,
) {
  const client = new Scripted('client', options);
  const recorder = client.request(head, end);
  client.said();
  return { client, recorder };
}

describe('http2/connection, client', () => {
  it('begins with the preface, SETTINGS without push, and its window', () => {
    const client = new Scripted('client', {}, false);
    client.flush();
    expect(client.wire.subarray(0, 24).toString()).to.equal('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const [first, second] = client.frames();
    expect(first.type).to.equal(FrameType.SETTINGS);
    expect(first.payload.includes(Buffer.from('000200000000', 'hex'))).to.equal(true);
    expect([second.type, second.id]).to.deep.equal([FrameType.WINDOW_UPDATE, 0]);
  });

  it('is ready once the SETTINGS of the server came, and fails where they are not first', () => {
    const client = new Scripted('client', {}, false);
    client.send(settings());
    client.send(settings());
    expect(client.events).to.deep.equal(['ready']);
    for (const first of [
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      headers(1, okHead, true),
      frame(4, 1, 0),
    ]) {
      const other = new Scripted('client', {}, false);
      other.request();
      other.said();
      other.send(first);
      expect(other.error?.local).to.equal(true);
    }
  });

  describe('a reply', () => {
    it('is head, body and trailers', () => {
      const { client, recorder } = requested();
      client.send(headers(1, okHead, false), data(1, 'abc'), data(1, 'de'), headers(1, trailers, true));
      expect(recorder.events).to.deep.equal(['head 200', 'data 3', 'data 2', 'trailers last']);
      expect(recorder.trailersBlock?.get('grpc-status')).to.equal('0');
      expect(client.connection.active).to.equal(0);
    });

    it('may be trailers only, or end with an empty DATA', () => {
      const one = requested();
      one.client.send(headers(1, okHead, true));
      expect(one.recorder.events).to.deep.equal(['head 200 last']);
      const two = requested();
      two.client.send(headers(1, okHead, false), data(1, 'x'), data(1, '', true));
      expect(two.recorder.events).to.deep.equal(['head 200', 'data 1', 'data 0 last']);
    });

    it('comes after the interim replies before it, of which there may be 32', () => {
      const { client, recorder } = requested();
      client.send(
        headers(1, [[':status', '100']], false),
        headers(
          1,
          [
            [':status', '103'],
            ['link', '</a>'],
          ],
          false,
        ),
      );
      client.send(headers(1, okHead, true));
      expect(recorder.events).to.deep.equal(['interim 100', 'interim 103', 'head 200 last']);
      expect(client.said()).to.deep.equal([]);
      const flood = requested();
      const one = headers(1, [[':status', '102']], false);
      flood.client.send(...Array<Buffer>(32).fill(one));
      expect(flood.client.said()).to.deep.equal([]);
      flood.client.send(one);
      expect(flood.client.said()).to.deep.equal(['RST_STREAM 1 11']);
      expect(flood.recorder.failures.map(({ kind, message }) => [kind, message])).to.deep.equal([
        ['protocol', 'it sent more than 32 interim replies'],
      ]);
    });

    const wrong: ReadonlyArray<readonly [what: string, frames: Buffer[]]> = [
      ['a 1xx head that ends it', [headers(1, [[':status', '103']], true)]],
      [
        'a 1xx head with a content-length',
        [
          headers(
            1,
            [
              [':status', '103'],
              ['content-length', '0'],
            ],
            false,
          ),
        ],
      ],
      ['101', [headers(1, [[':status', '101']], false)]],
      ['DATA before a head', [data(1, 'x', true)]],
      ['DATA after a 1xx head alone', [headers(1, [[':status', '103']], false), data(1, 'x')]],
      ['no status', [headers(1, [['x', 'y']], false)]],
      ['a connection field', [headers(1, [...okHead, ['connection', 'close']], false)]],
      ['trailers with a pseudo-header', [headers(1, okHead, false), headers(1, okHead, true)]],
      ['trailers that do not end it', [headers(1, okHead, false), headers(1, trailers, false)]],
      [
        'more than its content-length',
        [headers(1, [...okHead, ['content-length', '1']], false), data(1, 'xy')],
      ],
      [
        'less than its content-length',
        [headers(1, [...okHead, ['content-length', '3']], false), data(1, 'xy', true)],
      ],
      ['a content-length and no body', [headers(1, [...okHead, ['content-length', '3']], true)]],
      ['a body to 204', [headers(1, [[':status', '204']], false), data(1, 'x', true)]],
    ];
    for (const [what, frames] of wrong) {
      it(`with ${what} is a stream error, and fails once`, () => {
        const { client, recorder } = requested();
        client.send(...frames);
        expect(client.said()).to.deep.equal(['RST_STREAM 1 1']);
        expect(recorder.failures.map(({ kind }) => kind)).to.deep.equal(['protocol']);
        expect(recorder.ends).to.equal(1);
        expect(client.error).to.equal(undefined);
      });
    }

    it('to HEAD, or of 304, declares a length and has no body', () => {
      for (const [method, status] of [
        ['HEAD', '200'],
        ['GET', '304'],
      ]) {
        const { client, recorder } = requested({}, [[':method', method], ...getHead.slice(1)]);
        client.send(
          headers(
            1,
            [
              [':status', status],
              ['content-length', '1234'],
            ],
            true,
          ),
        );
        expect(recorder.summary).to.equal(`head ${status} last, ends 1`);
        const late = client.request([[':method', method], ...getHead.slice(1)]);
        client.said();
        client.send(headers(3, [[':status', status]], false), data(3, 'x', true));
        expect(late.failures.length).to.equal(1);
        expect(client.said()).to.deep.equal(['RST_STREAM 3 1']);
      }
    });

    it('that opens a tunnel has no length, whatever it declares (RFC 9110, 9.3.6)', () => {
      const connect = [[':method', 'CONNECT'], [':protocol', 'websocket'], ...getHead.slice(1)] as const;
      for (const [status, failures] of [
        ['200', 0],
        ['403', 1],
      ] as const) {
        const { client, recorder } = requested({}, connect, false);
        const reply = [
          [':status', status],
          ['content-length', '1'],
        ] as const;
        client.send(headers(1, reply, false), data(1, 'more than one'));
        expect(recorder.failures, status).to.have.length(failures);
      }
    });

    it('with headers over the limit is a stream error, in head or trailers', () => {
      const large = [['x', 'y'.repeat(2000)] as const];
      for (const frames of [
        [headers(1, [...okHead, ...large], false)],
        [headers(1, okHead, false), headers(1, large, true)],
      ]) {
        const { client, recorder } = requested({ headerListBytesMax: 1000 });
        client.send(...frames);
        expect(client.said()).to.deep.equal(['RST_STREAM 1 11']);
        expect(recorder.failures[0].kind).to.equal('protocol');
      }
    });

    it('that is whole before the request leaves the rest of it to the caller', () => {
      const { client, recorder } = requested({}, postHead, false);
      client.send(headers(1, okHead, true), reset(1, ErrorCode.NO_ERROR));
      expect(recorder.summary).to.equal('head 200 last, ends 1');
      expect(client.connection.active).to.equal(0);
      recorder.stream?.data(body, 0, 10, true);
      expect(client.said()).to.deep.equal([]);
    });

    it('that is broken off by RST_STREAM(NO_ERROR) is no clean end', () => {
      const { client, recorder } = requested();
      client.send(headers(1, okHead, false), data(1, 'abc'), reset(1, ErrorCode.NO_ERROR));
      expect(recorder.summary).to.equal('head 200, failed reset, body 3, ends 1');
    });

    it('with DATA and trailers before RST_STREAM(NO_ERROR) arrives whole', () => {
      const { client, recorder } = requested({}, postHead, false);
      client.send(headers(1, okHead, false), data(1, 'abc'), headers(1, trailers, true), reset(1, 0));
      expect(recorder.summary).to.equal('head 200, trailers last, body 3, ends 1');
    });

    it('is reported before the connection that it was the last on', () => {
      const { client, recorder } = requested();
      const order: string[] = [];
      recorder.trailers = () => order.push('trailers');
      client.send(goaway(1, 0), headers(1, okHead, false));
      const events = client.events.push.bind(client.events);
      client.events.push = (event) => {
        order.push(event);
        return events(event);
      };
      client.send(headers(1, trailers, true));
      expect(order).to.deep.equal(['trailers', 'ended']);
      expect(client.error).to.equal(null);
    });
  });

  describe('a request', () => {
    it('that the server refuses is safe to retry on another endpoint', () => {
      const { client, recorder } = requested();
      client.send(reset(1, ErrorCode.REFUSED_STREAM));
      expect(recorder.failures[0]).to.include({ kind: 'refused', code: ErrorCode.REFUSED_STREAM });
    });

    it('that was never flushed when the connection went is unsent, others are closed', () => {
      const client = new Scripted('client');
      const [out, late] = [client.request(), client.request()];
      expect(out.failures).to.deep.equal([]);
      client.flush();
      const unsent = client.request();
      client.connection.transportClosed('the connection broke (ECONNRESET)');
      expect([out, late, unsent].map(({ failures }) => failures[0].kind)).to.deep.equal([
        'closed',
        'closed',
        'unsent',
      ]);
      expect(out.failures[0].message).to.equal('the connection broke (ECONNRESET)');
      expect(client.connection.open(new Recorder())).to.equal(null);
    });

    it('whose head was never said is unsent, whatever was flushed', () => {
      const client = new Scripted('client');
      client.request();
      client.flush();
      const recorder = new Recorder();
      client.connection.open(recorder);
      client.connection.transportClosed('gone');
      expect(recorder.failures[0].kind).to.equal('unsent');
    });

    it('that is reset before its head leaves no trace on the wire', () => {
      const client = new Scripted('client');
      const stream = client.connection.open(new Recorder());
      stream?.reset(ErrorCode.CANCEL);
      expect(client.said()).to.deep.equal([]);
      expect(client.connection.active).to.equal(0);
      client.request();
      expect(client.said()[0]).to.contain('HEADERS 3 END_STREAM');
    });

    it('that is cancelled sends RST_STREAM at once, at window 0 too, and drops what waited', () => {
      const client = new Scripted('client');
      client.send(settings([4, 10]));
      client.said();
      const recorder = client.request(postHead, false);
      recorder.stream?.data(body, 0, 1000, true);
      expect(client.said().slice(1)).to.deep.equal(['DATA 1 10']);
      recorder.stream?.reset(ErrorCode.CANCEL);
      client.send(windowUpdate(1, 1000), data(1, 'late'));
      expect(client.said()).to.deep.equal(['RST_STREAM 1 8']);
      expect(recorder.sentBytes).to.equal(10);
      expect(recorder.events).to.deep.equal([]);
    });

    it('may have trailers and a head of many frames', () => {
      const client = new Scripted('client');
      const recorder = client.request([...postHead, ['x', 'é'.repeat(20_000)]], false);
      recorder.stream?.trailers(HeaderBlock.of(['y', 'z']));
      const frames = client.frames();
      expect(frames.map(({ type, flags }) => [type, flags])).to.deep.equal([
        [FrameType.HEADERS, 0],
        [FrameType.CONTINUATION, Flag.END_HEADERS],
        [FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM],
      ]);
    });
  });

  describe('streams', () => {
    it('are as many as the server allows, whatever it says later', () => {
      const client = new Scripted('client');
      client.send(settings([3, 2]));
      const [first] = [client.request(), client.request()];
      expect(client.connection.mayOpen).to.equal(false);
      expect(client.connection.open(new Recorder())).to.equal(null);
      // Lowered: those that are open live, and there is room again only below the new bound.
      client.send(settings([3, 1]), headers(1, okHead, true));
      expect(first.events).to.deep.equal(['head 200 last']);
      expect(client.connection.mayOpen).to.equal(false);
      client.send(headers(3, okHead, true));
      expect(client.connection.mayOpen).to.equal(true);
      client.send(settings([3, 0]));
      expect(client.connection.mayOpen).to.equal(false);
      expect(client.connection.accepting).to.equal(true);
    });

    const idle: ReadonlyArray<readonly [what: string, bytes: Buffer]> = [
      ['HEADERS', headers(3, okHead, true)],
      ['HEADERS of the server own', headers(2, okHead, true)],
      ['DATA', data(3, 'x')],
      ['RST_STREAM', reset(3, 8)],
      ['WINDOW_UPDATE', windowUpdate(3, 1)],
      [
        'PUSH_PROMISE',
        frame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, 1, Buffer.concat([u32(2), fragment(...getHead)])),
      ],
      ['SETTINGS that enable push', settings([2, 1])],
    ];
    for (const [what, bytes] of idle) {
      it(`that nobody opened end the connection by ${what}, and fail the others as its fault`, () => {
        const { client, recorder } = requested();
        client.send(bytes);
        expect(client.said()).to.deep.equal(['GOAWAY 0 1']);
        expect(recorder.failures.map(({ kind }) => kind)).to.deep.equal(['protocol']);
        expect(client.error).to.include({ local: true, code: ErrorCode.PROTOCOL_ERROR });
      });
    }

    it('that ended may be spoken of for a while', () => {
      const { client } = requested();
      client.send(headers(1, okHead, true), windowUpdate(1, 5), reset(1, 0));
      expect(client.said()).to.deep.equal([]);
      client.send(data(1, 'x'));
      expect(client.said()).to.deep.equal(['RST_STREAM 1 5']);
    });
  });

  describe('GOAWAY', () => {
    it('of the highest id stops new streams; the next one says which were refused', () => {
      const client = new Scripted('client');
      const [one, two, three] = [client.request(), client.request(), client.request()];
      client.said();
      client.send(goaway(0x7fff_ffff, 0));
      expect(client.events).to.deep.equal(['ready', 'goaway']);
      expect(client.connection.accepting).to.equal(false);
      expect(client.connection.open(new Recorder())).to.equal(null);
      client.send(goaway(3, 0, 'bye'));
      expect(three.failures[0].kind).to.equal('refused');
      expect(three.failures[0].message).to.contain('GOAWAY NO_ERROR ("bye")');
      expect([one.ends, two.ends]).to.deep.equal([0, 0]);
      client.send(headers(1, okHead, true));
      expect(client.error).to.equal(undefined);
      client.send(headers(3, okHead, true));
      expect(client.error).to.equal(null);
      expect([one.ends, two.ends]).to.deep.equal([1, 1]);
      expect(client.events.filter((event) => event === 'goaway').length).to.equal(1);
    });

    it('ends an idle connection at once', () => {
      const client = new Scripted('client');
      client.send(goaway(0, 0));
      expect(client.error).to.equal(null);
    });

    it('is said by a client that is done, which ends with its last stream', () => {
      const { client, recorder } = requested();
      client.connection.shutdown();
      expect(client.connection.accepting).to.equal(false);
      expect(client.said()).to.deep.equal(['GOAWAY 0 0']);
      client.send(headers(1, okHead, true));
      expect(recorder.ends).to.equal(1);
      expect(client.error).to.equal(null);
    });
  });

  it('acknowledges PING, and takes padding and CONTINUATION', () => {
    const { client, recorder } = requested();
    const head = fragment(...okHead, ['x', 'y']);
    client.send(
      frame(FrameType.HEADERS, 0, 1, head.subarray(0, 2)),
      frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1, head.subarray(2)),
      ping(),
      paddedData(1, Buffer.from('abc'), 255, true),
    );
    expect(recorder.summary).to.equal('head 200, body 3, ends 1');
    expect(client.said()).to.deep.equal(['PING ACK']);
  });
});
