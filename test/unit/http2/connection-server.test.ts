import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { Flag, FrameType } from '../../../src/http2/frame.ts';
import {
  answering,
  data,
  fragment,
  frame,
  getHead,
  headers,
  ok,
  ping,
  postHead,
  reset,
  Scripted,
  settings,
  status0,
  u32,
  windowUpdate,
} from './support.ts';

const body = Buffer.alloc(100_000, 'b');

describe('http2/connection, server', () => {
  describe('the start', () => {
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

    it('says SETTINGS and its window first, and acknowledges those of the client', () => {
      const server = new Scripted('server', {}, false);
      const [first, second] = server.frames();
      expect([first.type, first.flags, first.id]).to.deep.equal([FrameType.SETTINGS, 0, 0]);
      expect(second.payload).to.deep.equal(u32(1_048_576 - 65_535));
      server.send(preface, settings());
      expect(server.said()).to.deep.equal(['SETTINGS ACK']);
      expect(server.events).to.deep.equal(['ready']);
    });

    it('ends a connection that speaks something else, within the preface and after it', () => {
      for (const said of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.concat([preface, ping()])]) {
        const server = new Scripted('server', {}, false);
        server.said();
        server.send(said);
        expect(server.said()).to.deep.equal(['GOAWAY 0 1']);
        expect(server.error?.code).to.equal(ErrorCode.PROTOCOL_ERROR);
        server.send(preface, settings());
        expect(server.said()).to.deep.equal([]);
      }
    });
  });

  describe('a call', () => {
    it('is answered with head, body and trailers', () => {
      const server = new Scripted('server');
      server.handler = (stream) => {
        stream.head(ok, false);
        stream.data(body, 0, 5, false);
        stream.trailers(status0);
      };
      server.send(headers(1, getHead, true));
      expect(server.said()).to.deep.equal([
        'HEADERS 1 :status=200',
        'DATA 1 5',
        'HEADERS 1 END_STREAM grpc-status=0',
      ]);
      expect(server.connection.active).to.equal(0);
    });

    it('may be answered with trailers only', () => {
      const server = new Scripted('server');
      server.handler = (stream) => stream.head(ok, true);
      server.send(headers(1, getHead, true));
      expect(server.said()).to.deep.equal(['HEADERS 1 END_STREAM :status=200']);
    });

    it('may be answered with interim replies before the head, and none behind it', () => {
      const server = new Scripted('server');
      server.send(headers(1, getHead, true));
      const [{ stream }] = server.requests;
      const hints = HeaderBlock.of([':status', '103'], ['link', '</a>']);
      stream.interim!(hints);
      stream.head(ok, false);
      stream.interim!(hints);
      expect(server.said()).to.deep.equal(['HEADERS 1 :status=103 link=</a>', 'HEADERS 1 :status=200']);
      stream.data(body, 0, 0, true);
      stream.interim!(hints);
      expect(server.said()).to.deep.equal(['DATA 1 END_STREAM 0']);
    });

    it('gets no interim reply but 100 while the transport takes no more', () => {
      const server = new Scripted('server');
      server.send(headers(1, postHead, false));
      server.connection.setTransportReady(false);
      for (const status of ['102', '100', '103'])
        server.requests[0].stream.interim!(HeaderBlock.of([':status', status]));
      expect(server.said()).to.deep.equal(['HEADERS 1 :status=100']);
    });

    it('awaits 100 (Continue) where it says so and a body follows, until that was sent', () => {
      const awaited = (value: string, end = false) => {
        const server = new Scripted('server');
        server.send(headers(1, [...postHead, ['expect', value]], end));
        const [{ stream }] = server.requests;
        const before = stream.expectsContinue;
        stream.interim!(HeaderBlock.of([':status', '103']));
        expect(stream.expectsContinue, 'another interim reply changes nothing').to.equal(before);
        stream.interim!(HeaderBlock.of([':status', '100']));
        expect(stream.expectsContinue).to.equal(false);
        return before;
      };
      expect(awaited('100-continue')).to.equal(true);
      expect(awaited('100-Continue')).to.equal(true);
      expect(awaited('100-continue', true)).to.equal(false);
      expect(awaited('something-else')).to.equal(false);
    });

    it('ends with an empty END_STREAM, either way', () => {
      const server = new Scripted('server');
      server.send(headers(1, postHead, false), data(1, 'abc'), data(1, '', true));
      const [{ stream, recorder }] = server.requests;
      expect(recorder.events).to.deep.equal(['head POST', 'data 3', 'data 0 last']);
      stream.head(ok, false);
      stream.data(body, 0, 0, true);
      expect(server.said()).to.deep.equal(['HEADERS 1 :status=200', 'DATA 1 END_STREAM 0']);
    });

    it('may bring trailers', () => {
      const server = new Scripted('server');
      server.send(headers(1, postHead, false), data(1, 'abc'), headers(1, [['x', 'y']], true));
      const [{ recorder }] = server.requests;
      expect(recorder.events).to.deep.equal(['head POST', 'data 3', 'trailers last']);
      expect(recorder.trailersBlock?.get('x')).to.equal('y');
    });

    it('with trailers that do not end it, or that are malformed, is reset', () => {
      for (const trailers of [headers(1, [['x', 'y']], false), headers(1, [[':path', '/']], true)]) {
        const server = new Scripted('server');
        server.send(headers(1, postHead, false), trailers);
        expect(server.said()).to.deep.equal(['RST_STREAM 1 1']);
        expect(server.requests[0].recorder.summary).to.equal('head POST, failed protocol, ends 1');
      }
    });

    it('that is answered early has its rest refused without blame, and ignored', () => {
      const server = new Scripted('server');
      server.handler = (stream) => {
        stream.head(ok, false);
        stream.trailers(status0);
      };
      server.send(headers(1, postHead, false));
      expect(server.said().slice(1)).to.deep.equal(['HEADERS 1 END_STREAM grpc-status=0', 'RST_STREAM 1 0']);
      server.send(data(1, 'late'), windowUpdate(1, 5), headers(1, [['x', 'y']], true), reset(1, 8));
      expect(server.said()).to.deep.equal([]);
      expect(server.requests[0].recorder.summary).to.equal('head POST, ends 0');
      expect(server.error).to.equal(undefined);
    });

    it('that is malformed is reset before anyone hears of it', () => {
      const server = new Scripted('server');
      server.send(headers(1, [...getHead, ['connection', 'close']], true));
      expect(server.said()).to.deep.equal(['RST_STREAM 1 1']);
      expect(server.requests).to.deep.equal([]);
      server.send(data(1, 'late', true));
      expect(server.said()).to.deep.equal([]);
    });

    it('of a client that goes away fails', () => {
      const server = new Scripted('server');
      server.send(headers(1, postHead, false), headers(3, getHead, true));
      server.connection.transportClosed('the peer closed the connection');
      expect(server.requests.map(({ recorder }) => recorder.failures[0].kind)).to.deep.equal([
        'closed',
        'closed',
      ]);
      expect(server.events.filter((event) => event === 'ended').length).to.equal(1);
    });
  });

  describe('content-length', () => {
    const declared = (length: string) => [...postHead, ['content-length', length] as const];
    const cases: ReadonlyArray<readonly [what: string, frames: Buffer[], fine: boolean]> = [
      ['that is met', [headers(1, declared('5'), false), data(1, 'abc'), data(1, 'de', true)], true],
      [
        'that is met before trailers',
        [headers(1, declared('3'), false), data(1, 'abc'), headers(1, [], true)],
        true,
      ],
      ['of 0 without a body', [headers(1, declared('0'), true)], true],
      ['without a body', [headers(1, declared('1'), true)], false],
      ['that is passed', [headers(1, declared('2'), false), data(1, 'abc')], false],
      ['that is not reached', [headers(1, declared('4'), false), data(1, 'abc', true)], false],
      [
        'that is not reached before trailers',
        [headers(1, declared('4'), false), data(1, 'abc'), headers(1, [], true)],
        false,
      ],
    ];
    for (const [what, frames, fine] of cases) {
      it(`${what} is ${fine ? 'fine' : 'a stream error'}`, () => {
        const server = new Scripted('server');
        server.send(...frames);
        expect(server.said()).to.deep.equal(fine ? [] : ['RST_STREAM 1 1']);
        for (const { recorder } of server.requests) expect(recorder.ends).to.equal(1);
      });
    }
  });

  describe('a header section', () => {
    it('is put together from CONTINUATION frames, wherever it was split', () => {
      const whole = fragment(...getHead, ['x', 'y'.repeat(50)]);
      for (let cut = 0; cut <= whole.length; cut += 7) {
        const server = new Scripted('server');
        server.send(
          frame(FrameType.HEADERS, Flag.END_STREAM, 1, whole.subarray(0, cut)),
          frame(FrameType.CONTINUATION, 0, 1),
          frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1, whole.subarray(cut)),
        );
        expect(server.requests[0].head.get('x')).to.equal('y'.repeat(50));
        expect(server.requests[0].end).to.equal(true);
      }
    });

    it('may be padded with as much as a length byte counts, and the padding is no part of it', () => {
      for (const padding of [0, 1, 127, 128, 200, 255]) {
        const server = new Scripted('server');
        const payload = Buffer.concat([Buffer.of(padding), fragment(...getHead), Buffer.alloc(padding)]);
        server.send(frame(FrameType.HEADERS, Flag.PADDED | Flag.END_HEADERS | Flag.END_STREAM, 1, payload));
        expect(server.error, String(padding)).to.equal(undefined);
        expect(server.requests[0].head.path).to.equal('/');
      }
    });

    it('that is all padding and a part of its own fails the connection', () => {
      const server = new Scripted('server');
      const section = fragment(...getHead);
      const payload = Buffer.concat([Buffer.of(section.length + 1), section]);
      server.send(frame(FrameType.HEADERS, Flag.PADDED | Flag.END_HEADERS | Flag.END_STREAM, 1, payload));
      expect(server.said()).to.deep.equal(['GOAWAY 0 1']);
    });

    it('may not depend on itself, by the priority of its HEADERS or by PRIORITY', () => {
      for (const [parent, error] of [
        [3, undefined],
        [1, 1],
      ] as const) {
        const section = Buffer.concat([u32(parent), Buffer.of(9), fragment(...getHead)]);
        const frames = [
          frame(FrameType.HEADERS, Flag.PRIORITY | Flag.END_HEADERS | Flag.END_STREAM, 1, section),
          frame(FrameType.PRIORITY, 0, 1, Buffer.concat([u32(parent), Buffer.of(9)])),
        ];
        for (const one of frames) {
          const server = new Scripted('server');
          server.send(one);
          expect(server.error?.code).to.equal(error);
        }
      }
    });

    it('may be padded and have a priority', () => {
      const server = new Scripted('server');
      const payload = Buffer.concat([
        Buffer.of(3),
        u32(0x8000_0000),
        Buffer.of(9),
        fragment(...getHead),
        Buffer.alloc(3),
      ]);
      server.send(frame(FrameType.HEADERS, 0x2d, 1, payload));
      expect(server.requests[0].head.path).to.equal('/');
    });

    for (const [what, between] of [
      ['another frame of the stream', data(1, 'x')],
      ['a frame of another stream', headers(3, getHead, true)],
      ['a frame of the connection', ping()],
      ['a CONTINUATION of another stream', frame(FrameType.CONTINUATION, Flag.END_HEADERS, 3)],
      ['a frame that nobody knows', frame(0xee, 0, 1)],
    ] as const) {
      it(`that is interrupted by ${what} ends the connection`, () => {
        const server = new Scripted('server');
        server.send(frame(FrameType.HEADERS, Flag.END_STREAM, 1, fragment(...getHead)), between);
        expect(server.said()).to.deep.equal(['GOAWAY 0 1']);
      });
    }

    it('without end, of many frames or of empty ones, ends the connection', () => {
      for (const payload of [Buffer.alloc(0), Buffer.alloc(16_000)]) {
        const server = new Scripted('server');
        server.send(frame(FrameType.HEADERS, 0, 1, fragment(...getHead)));
        for (let i = 0; i < 17; i++) server.send(frame(FrameType.CONTINUATION, 0, 1, payload));
        expect(server.said()).to.deep.equal(['GOAWAY 0 11']);
      }
    });

    it('over the limit goes to `oversize` with what came before it, and the table stays in step', () => {
      const server = new Scripted('server', { headerListBytesMax: 1000 });
      server.oversizeHandler = (stream, head) => {
        expect(head.path).to.equal('/');
        stream.head(HeaderBlock.of([':status', '431']), true);
      };
      server.send(headers(1, [...getHead, ['x', 'y'.repeat(2000)]], true));
      // The request was whole: there is nothing to refuse with RST_STREAM.
      expect(server.said()).to.deep.equal(['HEADERS 1 END_STREAM :status=431']);
      server.send(headers(3, [...getHead, ['x', 'y'.repeat(2000)]], false), data(3, 'body', true));
      expect(server.said()).to.deep.equal(['HEADERS 3 END_STREAM :status=431', 'RST_STREAM 3 0']);
      answering(server).send(headers(5, getHead, true));
      expect(server.said()[0]).to.equal('HEADERS 5 :status=200');
    });

    it('over the limit whose body comes while the answer waits is read and dropped', () => {
      const server = new Scripted('server', { headerListBytesMax: 1000 });
      let waiting: { head(block: HeaderBlock, end: boolean): void } | null = null;
      server.oversizeHandler = (stream) => {
        waiting = stream;
      };
      server.send(headers(1, [...postHead, ['x', 'y'.repeat(2000)]], false), data(1, 'body', true));
      expect(server.said()).to.deep.equal([]);
      waiting!.head(HeaderBlock.of([':status', '431']), true);
      expect(server.said()).to.deep.equal(['HEADERS 1 END_STREAM :status=431']);
    });

    it('that breaks HPACK ends the connection', () => {
      const server = new Scripted('server');
      server.send(frame(FrameType.HEADERS, Flag.END_HEADERS, 1, Buffer.of(0x80)));
      expect(server.said()).to.deep.equal(['GOAWAY 0 9']);
    });
  });
});
