import { expect } from 'chai';
import { BufferBudget } from '../../../src/http2/buffer-budget.ts';
import {
  data,
  frame,
  getHead,
  headers,
  ok,
  paddedData,
  postHead,
  reset,
  Scripted,
  settings,
  settingsAck,
  status0,
  windowUpdate,
} from './support.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const withBody = [...postHead, ['content-length', '4']] as const;

/** A server that got one request, whose client grants streams `windowBytes`; and the stream to answer on. */
function asked(windowBytes: number, options: ConstructorParameters<typeof Scripted>[1] = {}) {
  const server = new Scripted('server', options);
  server.send(settings([4, windowBytes]), headers(1, getHead, true));
  server.said();
  const [{ stream, recorder }] = server.requests;
  return { server, stream, recorder };
}
const bytes = (length: number): Buffer => Buffer.alloc(length, 'a');

describe('http2/stream', () => {
  describe('sending', () => {
    it('uses a window down to its last byte, and ends with it', () => {
      const { server, stream } = asked(1);
      stream.head(ok, false);
      stream.data(bytes(3), 0, 3, true);
      expect(server.said()).to.deep.equal(['HEADERS 1 :status=200', 'DATA 1 1']);
      server.send(windowUpdate(1, 1));
      expect(server.said()).to.deep.equal(['DATA 1 1']);
      server.send(windowUpdate(1, 1));
      expect(server.said()).to.deep.equal(['DATA 1 END_STREAM 1']);
      expect(server.connection.active).to.equal(0);
    });

    it('marks the last of several frames as the end', () => {
      for (const [size, said] of [
        [5, ['DATA 1 END_STREAM 5']],
        [20_000, ['DATA 1 16384', 'DATA 1 END_STREAM 3616']],
      ] as const) {
        const { server, stream } = asked(65_535);
        stream.head(ok, false);
        stream.data(bytes(size), 0, size, true);
        expect(server.said().slice(1)).to.deep.equal(said);
        expect(server.connection.active).to.equal(0);
      }
    });

    it('sends trailers at once when nothing waits any more', () => {
      const { server, stream } = asked(4);
      stream.head(ok, false);
      stream.data(bytes(5), 0, 5, false);
      server.send(windowUpdate(1, 1));
      server.said();
      stream.trailers(status0);
      expect(server.said()).to.deep.equal(['HEADERS 1 END_STREAM grpc-status=0']);
    });

    it('marks the last byte that had to wait alone as the end, and sends trailers behind it', () => {
      const first = asked(4);
      first.stream.head(ok, false);
      first.stream.data(bytes(5), 0, 5, true);
      first.server.said();
      first.server.send(windowUpdate(1, 100));
      expect(first.server.said()).to.deep.equal(['DATA 1 END_STREAM 1']);
      const second = asked(4);
      second.stream.head(ok, false);
      second.stream.data(bytes(5), 0, 5, false);
      second.stream.trailers(status0);
      expect(second.server.said()).to.deep.equal(['HEADERS 1 :status=200', 'DATA 1 4']);
      second.server.send(windowUpdate(1, 100));
      expect(second.server.said()).to.deep.equal(['DATA 1 1', 'HEADERS 1 END_STREAM grpc-status=0']);
    });

    it('goes on with a single byte after a full frame, of the window or of the body', () => {
      for (const [body, window] of [
        [16_385, 20_000],
        [20_000, 16_385],
      ]) {
        const { server, stream } = asked(0);
        stream.head(ok, false);
        stream.data(bytes(body), 0, body, false);
        server.said();
        server.send(windowUpdate(1, window));
        expect(server.said()).to.deep.equal(['DATA 1 16384', 'DATA 1 1']);
      }
    });

    it('uses the last byte of its own window once the connection has room again', () => {
      const { server, stream } = asked(65_536);
      stream.head(ok, false);
      stream.data(bytes(70_000), 0, 70_000, false);
      server.said();
      server.send(windowUpdate(0, 100));
      expect(server.said()).to.deep.equal(['DATA 1 1']);
    });

    it('keeps the order when more is queued from within `sent` behind a single byte', () => {
      const { server, stream, recorder } = asked(0);
      stream.head(ok, false);
      stream.data(bytes(16_385), 0, 16_385, false);
      let more = true;
      recorder.sent = () => {
        if (more) stream.data(Buffer.from('bb'), 0, 2, true);
        more = false;
      };
      server.said();
      server.send(windowUpdate(1, 20_000));
      const body = Buffer.concat(server.frames().map(({ payload }) => payload)).toString();
      expect(body).to.equal(`${'a'.repeat(16_385)}bb`);
    });

    it('says how many bytes left, and says nothing where none did', () => {
      const { stream, recorder } = asked(30);
      const sent: number[] = [];
      recorder.sent = (count) => sent.push(count);
      stream.head(ok, false);
      stream.data(bytes(100), 80, 100, false);
      stream.data(bytes(20), 0, 20, false);
      stream.data(bytes(20), 0, 20, false);
      expect(sent).to.deep.equal([20, 10]);
    });

    it('an empty piece in the middle is no frame; DATA and trailers after the end are dropped', () => {
      const { server, stream } = asked(0);
      stream.head(ok, false);
      stream.data(bytes(0), 0, 0, false);
      expect(server.said()).to.deep.equal(['HEADERS 1 :status=200']);
      stream.data(bytes(2), 0, 2, true);
      stream.trailers(status0);
      stream.data(bytes(2), 0, 2, false);
      server.send(windowUpdate(1, 100));
      expect(server.said()).to.deep.equal(['DATA 1 END_STREAM 2']);
      stream.trailers(status0);
      expect(server.said()).to.deep.equal([]);
    });

    it('waits while a smaller initial window has made its own negative, though it was in the queue', () => {
      const { server, stream } = asked(1000);
      stream.head(ok, false);
      server.connection.setTransportReady(false);
      stream.data(bytes(10), 0, 10, true);
      server.said();
      server.send(settings([4, 0]));
      server.connection.setTransportReady(true);
      expect(server.said()).to.deep.equal(['SETTINGS ACK']);
      server.send(windowUpdate(1, 10));
      expect(server.said()).to.deep.equal(['DATA 1 END_STREAM 10']);
    });

    it('what waits counts to the budget until it has left or its stream is over', () => {
      const budget = new BufferBudget(1_000_000);
      const { server, stream } = asked(4, { budget });
      stream.head(ok, false);
      stream.data(bytes(10), 0, 10, false);
      expect(budget.bytes).to.equal(6);
      server.send(windowUpdate(1, 5));
      expect(budget.bytes).to.equal(1);
      server.send(reset(1, 8));
      expect(budget.bytes).to.equal(0);
    });
  });

  describe('receiving', () => {
    /** A server whose receivers take nothing, and may hold 33,000 bytes before it withholds credit. */
    function holding(): Scripted {
      const server = new Scripted('server', { bufferedBytesMax: 33_000, connectionWindowBytes: 65_535 });
      server.handler = (_stream, _head, _end, recorder) => {
        recorder.stalled = true;
      };
      return server;
    }
    const full = bytes(16_384);
    /** Credit of the connection for four full frames on a new stream: for the first two, where nothing was held before. */
    function creditOf(server: Scripted, id: number): string[] {
      server.said();
      server.send(
        headers(id, postHead, false),
        data(id, full),
        data(id, full),
        data(id, full),
        data(id, full),
      );
      return server.said().filter((word) => word.startsWith('WINDOW_UPDATE 0'));
    }

    it('what was held is given back once, though its receiver takes it after the end', () => {
      const server = holding();
      server.send(headers(1, postHead, false), data(1, full), data(1, full), reset(1, 8));
      server.requests[0].recorder.resume();
      expect(creditOf(server, 3)).to.deep.equal(['WINDOW_UPDATE 0 32768']);
    });

    it('what was taken is not given back again at the end', () => {
      const server = holding();
      server.send(headers(1, postHead, false), data(1, full), data(1, full));
      server.requests[0].recorder.resume();
      server.send(reset(1, 8));
      expect(creditOf(server, 3)).to.deep.equal(['WINDOW_UPDATE 0 32768']);
    });

    it('padding is given back with the rest', () => {
      const server = holding();
      const padded = paddedData(1, bytes(16_384 - 201), 200);
      server.send(headers(1, postHead, false), padded, padded, reset(1, 8));
      expect(creditOf(server, 3)).to.deep.equal(['WINDOW_UPDATE 0 32768']);
    });

    it('what is refused is given back as well', () => {
      const server = holding();
      server.send(headers(1, withBody, false), data(1, full), headers(3, withBody, false), data(3, full));
      expect(creditOf(server, 5)).to.deep.equal(['WINDOW_UPDATE 0 32768']);
    });

    it('lets the window of a stream grow while memory is plenty, though half of it is not taken yet', () => {
      const large = new Scripted('server');
      large.handler = holding().handler;
      large.send(headers(1, postHead, false), data(1, full), data(1, full), data(1, full), data(1, full));
      large.said();
      large.requests[0].stream.consumed(32_768);
      expect(large.said()).to.deep.equal(['WINDOW_UPDATE 1 98304']);
    });

    it('padding of a single byte, its own length, uses up no window', () => {
      const server = new Scripted('server', { streamWindowBytes: 1000, streamWindowBytesMax: 1000 });
      server.send(headers(1, postHead, false));
      for (let i = 0; i < 1500; i++) server.send(paddedData(1, bytes(1), 0));
      expect(server.requests[0].recorder.bodyBytes).to.equal(1500);
      expect(server.error).to.equal(undefined);
    });

    it('gives no credit for a message that is whole', () => {
      const server = holding();
      server.send(headers(1, postHead, false), data(1, full), data(1, full), data(1, full, true));
      server.said();
      server.requests[0].recorder.resume();
      expect(server.said().filter((word) => word.startsWith('WINDOW_UPDATE 1'))).to.deep.equal([]);
    });

    it('has room for what follows a head that is too large, however much', () => {
      const server = new Scripted('server');
      server.oversizeHandler = () => {};
      const long = [...postHead, ['x-long', 'a'.repeat(70_000)]] as const;
      const section = headers(1, long, false).subarray(9);
      server.send(frame(1, 0, 1, section.subarray(0, 16_384)));
      for (let at = 16_384; at < section.length; at += 16_384)
        server.send(frame(9, at + 16_384 >= section.length ? 4 : 0, 1, section.subarray(at, at + 16_384)));
      expect(server.events).to.include('oversize');
      for (let i = 0; i < 20; i++) server.send(data(1, full));
      expect(server.error).to.equal(undefined);
      expect(server.said().filter((word) => word.startsWith('RST_STREAM'))).to.deep.equal([]);
    });

    it('an empty DATA in the middle is nothing to its receiver; a hundred of them are forgiven by one that is not', () => {
      const server = new Scripted('server', { glitchesMax: 1e9 });
      const empty = Buffer.concat(Array.from({ length: 100 }, () => data(1, '')));
      server.send(headers(1, postHead, false), empty, data(1, 'x'), empty);
      expect(server.requests[0].recorder.events).to.deep.equal(['head POST', 'data 1']);
      server.said();
      server.send(data(1, ''));
      expect(server.said()).to.deep.equal(['RST_STREAM 1 11']);
    });

    it('keeps a client to a smaller window from its acknowledgement on, on streams from before it too', () => {
      for (const [size, said] of [
        [1000, []],
        [1001, ['RST_STREAM 1 3']],
      ] as const) {
        const server = new Scripted('server', { streamWindowBytes: 1000, streamWindowBytesMax: 1000 }, false);
        server.handler = (_stream, _head, _end, recorder) => {
          recorder.stalled = true;
        };
        server.send(preface, settings(), headers(1, postHead, false), settingsAck);
        server.said();
        server.send(data(1, bytes(size)));
        expect(server.said()).to.deep.equal(said);
      }
    });

    it('a request whose length belies its end is never heard of', () => {
      const server = new Scripted('server');
      server.send(headers(1, withBody, true));
      expect([server.requests.length, server.said()]).to.deep.equal([0, ['RST_STREAM 1 1']]);
    });
  });

  it('while memory is short the reader with most waiting is given up first, and no more than needed', () => {
    for (const order of [
      [100_000, 0, 900_000],
      [900_000, 0, 100_000],
    ]) {
      const budget = new BufferBudget(100_000_000);
      const server = new Scripted('server', { budget });
      const open = [1, 3, 5].map((id) => headers(id, getHead, true));
      server.send(settings([4, 0]), ...open);
      for (const [index, size] of order.entries()) {
        server.requests[index].stream.head(ok, false);
        server.requests[index].stream.data(bytes(size), 0, size, false);
      }
      server.said();
      budget.press(true);
      server.connection.checkStalls(100, 100);
      expect(server.said()).to.deep.equal([`RST_STREAM ${order[0] > order[2] ? 1 : 5} 11`]);
      budget.press(false);
    }
  });
});
