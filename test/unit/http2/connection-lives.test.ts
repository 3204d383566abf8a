import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { Flag, FrameType } from '../../../src/http2/frame.ts';
import {
  answering,
  data,
  fragment,
  frame,
  getHead,
  goaway,
  headers,
  ok,
  paddedData,
  ping,
  postHead,
  reset,
  Scripted,
  settings,
  u32,
  windowUpdate,
} from './support.ts';

const body = Buffer.alloc(100_000, 'b');

describe('http2/connection, server, its streams and its end', () => {
  describe('streams', () => {
    it('over the limit are refused, and only those', () => {
      const server = new Scripted('server', { maxConcurrentStreams: 2 });
      server.send(headers(1, postHead, false), headers(3, postHead, false), headers(5, postHead, false));
      expect(server.said()).to.deep.equal(['RST_STREAM 5 7']);
      // Late frames of the refused one are no offence, and its credit comes back.
      server.send(data(5, 'late', true));
      expect(server.said()).to.deep.equal([]);
      server.requests[0].stream.head(ok, true);
      server.said();
      server.send(headers(7, postHead, false));
      expect(server.requests.length).to.equal(3);
    });

    const idle: ReadonlyArray<readonly [what: string, bytes: Buffer, said: string]> = [
      ['DATA', data(1, 'x'), 'GOAWAY 0 1'],
      ['RST_STREAM', reset(1, 8), 'GOAWAY 0 1'],
      ['WINDOW_UPDATE', windowUpdate(1, 1), 'GOAWAY 0 1'],
      ['HEADERS with an even id', headers(2, getHead, true), 'GOAWAY 0 1'],
      ['a CONTINUATION', frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1), 'GOAWAY 0 1'],
      ['PUSH_PROMISE', frame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, 1, u32(2)), 'GOAWAY 0 1'],
      [
        'a PRIORITY that names itself',
        frame(FrameType.PRIORITY, 0, 1, Buffer.concat([u32(1), Buffer.of(0)])),
        'GOAWAY 0 1',
      ],
    ];
    for (const [what, bytes, said] of idle) {
      it(`that are idle end the connection by ${what}`, () => {
        const server = new Scripted('server');
        server.send(bytes);
        expect(server.said()).to.deep.equal([said]);
      });
    }

    it('that are idle may be given a priority', () => {
      const server = new Scripted('server');
      server.send(frame(FrameType.PRIORITY, 0, 9, Buffer.concat([u32(3), Buffer.of(0)])));
      expect(server.said()).to.deep.equal([]);
    });

    it('that are half closed take no DATA and no HEADERS', () => {
      for (const late of [data(1, 'x'), headers(1, [['x', 'y']], true)]) {
        const server = new Scripted('server');
        server.send(headers(1, postHead, true), late);
        expect(server.said()).to.deep.equal(['RST_STREAM 1 5']);
        expect(server.requests[0].recorder.summary).to.equal('head POST last, failed protocol, ends 2');
      }
    });

    it('that ended take no HEADERS; DATA, WINDOW_UPDATE and RST_STREAM are distinguished', () => {
      const server = answering(new Scripted('server'));
      server.send(headers(1, getHead, true), windowUpdate(1, 1), reset(1, 0));
      server.said();
      server.send(data(1, 'x'));
      expect(server.said()).to.deep.equal(['RST_STREAM 1 5']);
      server.send(headers(3, getHead, true));
      server.said();
      server.send(headers(3, getHead, true));
      expect(server.said()).to.deep.equal(['GOAWAY 3 5']);
    });

    it('that the client reset fail once, and are heard of no more', () => {
      const server = new Scripted('server');
      server.send(
        headers(1, postHead, false),
        data(1, 'abc'),
        reset(1, ErrorCode.CANCEL),
        reset(1, ErrorCode.CANCEL),
      );
      expect(server.requests[0].recorder.summary).to.equal('head POST, failed reset, body 3, ends 1');
      expect(server.requests[0].recorder.failures[0].code).to.equal(ErrorCode.CANCEL);
      server.requests[0].stream.head(ok, true);
      expect(server.said()).to.deep.equal([]);
    });

    it('that we reset are heard of no more, and what was on its way is no offence', () => {
      const server = new Scripted('server');
      server.send(headers(1, postHead, false));
      server.requests[0].stream.reset(ErrorCode.CANCEL);
      server.requests[0].stream.reset(ErrorCode.CANCEL);
      server.send(data(1, 'abc'), data(1, 'def', true), headers(1, [['x', 'y']], true), windowUpdate(1, 9));
      expect(server.said()).to.deep.equal(['RST_STREAM 1 8']);
      expect(server.requests[0].recorder.summary).to.equal('head POST, ends 0');
    });

    it('that were passed over may not be used any more, and those that ended are closed', () => {
      const late: ReadonlyArray<readonly [used: number[], late: number, code: ErrorCode]> = [
        [[5], 1, ErrorCode.PROTOCOL_ERROR],
        [[5], 3, ErrorCode.PROTOCOL_ERROR],
        [[1, 7, 9], 5, ErrorCode.PROTOCOL_ERROR],
        [[1, 7, 9], 7, ErrorCode.STREAM_CLOSED],
        [[1, 7, 9], 1, ErrorCode.STREAM_CLOSED],
      ];
      for (const [used, id, code] of late) {
        const server = answering(new Scripted('server'));
        for (const one of used) server.send(headers(one, getHead, true));
        server.said();
        server.send(headers(id, getHead, true));
        expect(server.said(), `${id} after ${used}`).to.deep.equal([`GOAWAY ${used.at(-1)} ${code}`]);
      }
    });
  });

  describe('GOAWAY', () => {
    it('announces first, then names the last stream, and ends when those have ended', () => {
      const server = new Scripted('server');
      server.send(headers(1, postHead, false));
      server.connection.announceShutdown();
      server.send(headers(3, postHead, false));
      server.connection.shutdown();
      server.send(headers(5, postHead, false), data(5, 'x', true));
      expect(server.said()).to.deep.equal(['GOAWAY 2147483647 0', 'GOAWAY 3 0']);
      expect(server.requests.map(({ stream }) => stream.id)).to.deep.equal([1, 3]);
      for (const { stream } of server.requests) {
        expect(server.error).to.equal(undefined);
        stream.head(ok, true);
      }
      expect(server.error).to.equal(null);
    });

    it('ends an idle connection at once', () => {
      const server = new Scripted('server');
      server.connection.announceShutdown();
      expect(server.error).to.equal(undefined);
      server.connection.shutdown();
      expect(server.error).to.equal(null);
      server.connection.shutdown();
      expect(server.events.filter((event) => event === 'ended').length).to.equal(1);
    });

    it('never names a higher id than before, whatever came since', () => {
      const server = new Scripted('server');
      server.send(headers(1, postHead, false));
      server.connection.shutdown();
      server.send(headers(3, postHead, false), ping(0, '0'));
      expect(server.said()).to.deep.equal(['GOAWAY 1 0', 'GOAWAY 1 6']);
    });

    it('of a client ends nothing: it says only that it takes no pushed streams', () => {
      const server = answering(new Scripted('server'));
      server.send(goaway(0, 0), headers(1, getHead, true));
      expect(server.said()[0]).to.equal('HEADERS 1 :status=200');
      expect(server.error).to.equal(undefined);
    });
  });

  describe('PING and SETTINGS', () => {
    it('are acknowledged in order; an acknowledgement is not', () => {
      const server = new Scripted('server');
      server.send(ping(0, 'abcdefgh'), settings([4, 1]), ping(Flag.ACK));
      const [pong, ack, ...rest] = server.frames();
      expect([pong.type, pong.flags, pong.payload.toString()]).to.deep.equal([
        FrameType.PING,
        Flag.ACK,
        'abcdefgh',
      ]);
      expect([ack.type, ack.flags]).to.deep.equal([FrameType.SETTINGS, Flag.ACK]);
      expect(rest).to.deep.equal([]);
    });

    it('a table that goes down and up in one frame is emptied: both ends stay in step', () => {
      const server = new Scripted('server');
      server.handler = (stream) => stream.head(ok, true);
      server.send(settings([1, 0], [1, 4096]), headers(1, getHead, true));
      const reply = server.frames().find(({ type }) => type === FrameType.HEADERS)!;
      // A table size update to 0, then one to 4096 (31 + 4065), then the field.
      expect(reply.payload.subarray(0, 4).toString('hex')).to.equal('203fe11f');
    });

    it('the size of our table binds the client from its acknowledgement on', () => {
      const small = { headerTableBytesMax: 1024 };
      const insert = (id: number, update = '') =>
        frame(FrameType.HEADERS, 0x5, id, Buffer.concat([Buffer.from(update, 'hex'), fragment(...getHead)]));
      const greeting = [Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'), settings()];
      const server = new Scripted('server', small, false);
      // Until then it may rightly use the 4096 that every connection begins with.
      server.send(...greeting, insert(1, '3fe11f'));
      expect(server.requests.length).to.equal(1);
      // 1024 is 31 + 993.
      server.send(frame(FrameType.SETTINGS, Flag.ACK, 0), insert(3, '3fe107'));
      expect(server.requests.length).to.equal(2);
      server.said();
      server.send(insert(5, '3fe11f'));
      expect(server.said()).to.deep.equal(['GOAWAY 3 9']);
    });

    it('a client that acknowledges a smaller table and does not say so to HPACK is out of step', () => {
      const server = new Scripted('server', { headerTableBytesMax: 0 });
      server.send(headers(1, getHead, true));
      expect(server.said()).to.deep.equal(['GOAWAY 0 9']);
    });
  });

  describe('frames', () => {
    it('of an unknown type or with unknown flags are ignored', () => {
      const server = answering(new Scripted('server'));
      server.send(
        frame(0x42, 0xff, 1, body.subarray(0, 100)),
        frame(FrameType.PING, 0xfe, 0, Buffer.alloc(8)),
      );
      expect(server.said()).to.deep.equal(['PING ACK']);
    });

    it('that are too long end the connection before their payload came', () => {
      const server = new Scripted('server');
      server.send(frame(FrameType.DATA, 0, 1, Buffer.alloc(16_385)).subarray(0, 9));
      expect(server.said()).to.deep.equal(['GOAWAY 0 6']);
    });

    it('with padding are taken, and their padding counts to no one', () => {
      const server = new Scripted('server');
      server.send(
        headers(1, postHead, false),
        paddedData(1, Buffer.from('abc'), 200),
        paddedData(1, Buffer.alloc(0), 3, true),
      );
      expect(server.requests[0].recorder.events).to.deep.equal(['head POST', 'data 3', 'data 0 last']);
      expect(server.requests[0].recorder.body.toString()).to.equal('abc');
    });
  });
});
