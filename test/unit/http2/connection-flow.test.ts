import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { FrameType } from '../../../src/http2/frame.ts';
import type { Http2Stream } from '../../../src/http2/stream.ts';
import { MemoryPair } from '../../support/memory-pair.ts';
import { data, headers, paddedData, postHead, reset, Scripted, settings, windowUpdate } from './support.ts';

const ok = HeaderBlock.of([':status', '200']);
const post = HeaderBlock.of(...postHead);
const body = Buffer.alloc(2_000_000, 'b');

/** A server with one open request, after `parameters`; whatever it said is read. */
function opened(...parameters: ReadonlyArray<readonly [number, number]>) {
  const server = new Scripted('server');
  server.send(settings(...parameters), headers(1, postHead, false));
  const [{ stream, recorder }] = server.requests;
  stream.head(ok, false);
  server.said();
  return { server, stream, recorder };
}

/** Bytes of DATA per stream in what was said. */
function dataBytes(server: Scripted): Map<number, number> {
  const bytes = new Map<number, number>();
  for (const { type, id, payload } of server.frames()) {
    if (type === FrameType.DATA) bytes.set(id, (bytes.get(id) ?? 0) + payload.length);
  }
  return bytes;
}

describe('http2/connection, flow control', () => {
  describe('to send', () => {
    it('keeps to the window of the stream, and says what left', () => {
      const { server, stream, recorder } = opened([4, 100]);
      stream.data(body, 0, 250, true);
      expect(server.said()).to.deep.equal(['DATA 1 100']);
      expect(recorder.sentBytes).to.equal(100);
      server.send(windowUpdate(1, 60));
      expect(server.said()).to.deep.equal(['DATA 1 60']);
      // Closed by its END_STREAM, and the request was not whole: the rest of it is refused.
      server.send(windowUpdate(1, 1000));
      expect(server.said()).to.deep.equal(['DATA 1 END_STREAM 90', 'RST_STREAM 1 0']);
      expect(recorder.sentBytes).to.equal(250);
    });

    it('keeps to the window of the connection, over all streams, and serves them in turn', () => {
      const server = new Scripted('server');
      server.send(settings([4, 1_000_000]), headers(1, postHead, false), headers(3, postHead, false));
      for (const { stream } of server.requests) {
        stream.head(ok, false);
        stream.data(body, 0, 500_000, false);
      }
      expect([...dataBytes(server).values()].reduce((sum, bytes) => sum + bytes)).to.equal(65_535);
      server.send(windowUpdate(0, 65_536));
      expect([...dataBytes(server)]).to.deep.equal([
        [1, 32_768],
        [3, 32_768],
      ]);
    });

    it('splits DATA at the frame size of the peer, and not beyond ours', () => {
      const { server, stream } = opened();
      stream.data(body, 0, 40_000, false);
      expect(server.said()).to.deep.equal(['DATA 1 16384', 'DATA 1 16384', 'DATA 1 7232']);
    });

    it('an empty END_STREAM needs no window', () => {
      const { server, stream } = opened([4, 0]);
      stream.data(body, 0, 0, true);
      expect(server.said()).to.deep.equal(['DATA 1 END_STREAM 0', 'RST_STREAM 1 0']);
    });

    it('END_STREAM and trailers wait behind the body', () => {
      const { server, stream } = opened([4, 0]);
      stream.data(body, 0, 10, false);
      stream.data(body, 0, 0, true);
      const other = opened([4, 0]);
      other.stream.data(body, 0, 10, false);
      other.stream.trailers(HeaderBlock.of(['x', 'y']));
      expect([...server.said(), ...other.server.said()]).to.deep.equal([]);
      server.send(windowUpdate(1, 10));
      expect(server.said()[0]).to.equal('DATA 1 END_STREAM 10');
      other.server.send(windowUpdate(1, 10));
      expect(other.server.said().slice(0, 2)).to.deep.equal(['DATA 1 10', 'HEADERS 1 END_STREAM x=y']);
    });

    it('a smaller initial window makes those of open streams negative, and nothing leaves until they are positive', () => {
      const { server, stream } = opened([4, 60_000]);
      stream.data(body, 0, 50_000, false);
      server.send(settings([4, 16_384]));
      stream.data(body, 0, 10_000, false);
      dataBytes(server);
      // 60,000 - 50,000 - 43,616 = -33,616.
      server.send(windowUpdate(1, 33_616));
      expect(server.said()).to.deep.equal([]);
      server.send(windowUpdate(1, 1));
      expect(server.said()).to.deep.equal(['DATA 1 1']);
      server.send(settings([4, 16_484]));
      expect(server.said()).to.deep.equal(['SETTINGS ACK', 'DATA 1 100']);
    });

    it('a larger initial window wakes streams that waited', () => {
      const { server, stream } = opened([4, 0]);
      stream.data(body, 0, 10, true);
      server.send(settings([4, 4]), settings([4, 100]));
      expect(server.said().filter((said) => said.startsWith('DATA'))).to.deep.equal([
        'DATA 1 4',
        'DATA 1 END_STREAM 6',
      ]);
    });

    it('more queued from within `sent` goes on, as a body that is read as it leaves does', () => {
      const { server, stream, recorder } = opened([4, 10_000_000]);
      server.connection.setTransportReady(false);
      let left = 5;
      recorder.sent = () => {
        if (left-- > 0) stream.data(body, 0, 40_000, left === 0);
      };
      stream.data(body, 0, 40_000, false);
      server.send(windowUpdate(0, 10_000_000));
      server.connection.setTransportReady(true);
      for (let turn = 0; turn < 20; turn++) server.flush();
      const total = [...dataBytes(server).values()].reduce((sum, bytes) => sum + bytes, 0);
      expect(total).to.equal(6 * 40_000);
    });

    const overflows: ReadonlyArray<readonly [what: string, bytes: Buffer[], said: string]> = [
      ['an increment beyond 2^31 - 1 on a stream', [windowUpdate(1, 0x7fff_ffff)], 'RST_STREAM 1 3'],
      ['an increment of 0 on a stream', [windowUpdate(1, 0)], 'RST_STREAM 1 1'],
      ['an increment beyond 2^31 - 1 on the connection', [windowUpdate(0, 0x7fff_ffff)], 'GOAWAY 1 3'],
      ['an increment of 0 on the connection', [windowUpdate(0, 0)], 'GOAWAY 1 1'],
    ];
    for (const [what, bytes, said] of overflows) {
      it(`${what}: ${said}`, () => {
        const { server } = opened();
        server.send(...bytes);
        expect(server.said()).to.deep.equal([said]);
      });
    }

    it('an initial window that overflows a stream ends the connection (RFC 9113 section 6.9.2)', () => {
      const { server } = opened();
      server.send(windowUpdate(1, 0x7fff_ffff - 65_535), settings([4, 65_536]));
      expect(server.said().at(-1)).to.equal('GOAWAY 1 3');
    });
  });

  describe('to receive', () => {
    const limits = {
      streamWindowBytes: 65_536,
      streamWindowBytesMax: 65_536,
      connectionWindowBytes: 100_000,
    };

    it('gives a stream its credit when the data was disposed of, the connection on receipt', () => {
      const server = new Scripted('server', limits);
      server.send(headers(1, postHead, false));
      const [{ stream, recorder }] = server.requests;
      recorder.stalled = true;
      for (let i = 0; i < 4; i++) server.send(data(1, body.subarray(0, 15_000)));
      expect(server.said()).to.deep.equal(['WINDOW_UPDATE 0 60000']);
      recorder.resume();
      expect(server.said()).to.deep.equal(['WINDOW_UPDATE 1 60000']);
      expect(stream.open).to.equal(true);
    });

    it('more than the window of a stream resets it; the connection has its credit back', () => {
      const server = new Scripted('server', limits);
      server.send(headers(1, postHead, false));
      server.requests[0].recorder.stalled = true;
      for (let i = 0; i < 4; i++) server.send(data(1, body.subarray(0, 16_384)));
      server.said();
      server.send(data(1, 'x'));
      expect(server.said()).to.deep.equal(['RST_STREAM 1 3']);
      expect(server.requests[0].recorder.failures[0].code).to.equal(ErrorCode.FLOW_CONTROL_ERROR);
      expect(held(server)).to.equal(0);
    });

    it('more than the window of the connection ends it', () => {
      const server = new Scripted('server', { ...limits, bufferedBytesMax: 1000 });
      for (const id of [1, 3]) {
        server.send(headers(id, postHead, false));
        server.requests.at(-1)!.recorder.stalled = true;
        for (let i = 0; i < 4; i++) server.send(data(id, body.subarray(0, 15_000)));
      }
      expect(server.said().at(-1)).to.equal('GOAWAY 3 3');
    });

    it('padding counts to both windows and is given back at once', () => {
      const server = new Scripted('server', limits);
      server.send(headers(1, postHead, false));
      server.requests[0].recorder.stalled = true;
      for (let i = 0; i < 200; i++) server.send(paddedData(1, Buffer.of(1), 255));
      // 200 bytes are held, and their 51,200 of padding were returned on the way.
      expect(server.requests[0].recorder.unread).to.equal(200);
      const said = server.said();
      expect(said.filter((one) => one.startsWith('WINDOW_UPDATE 1')).length).to.equal(1);
      expect(said.filter((one) => one.startsWith('WINDOW_UPDATE 0')).length).to.equal(1);
    });

    for (const [what, end] of [
      ['that we reset', (stream: Http2Stream) => stream.reset(ErrorCode.CANCEL)],
      ['that we answered early', (stream: Http2Stream) => stream.head(ok, true)],
    ] as const) {
      it(`DATA for a stream ${what} still returns its credit to the connection, padding included`, () => {
        const server = new Scripted('server', limits);
        server.send(headers(1, postHead, false));
        end(server.requests[0].stream);
        server.said();
        // As much as the window of the stream has still room for.
        for (let i = 0; i < 5; i++)
          server.send(data(1, body.subarray(0, 9800)), paddedData(1, Buffer.alloc(100), 99));
        const credit = server.frames().reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
        expect(credit).to.equal(50_000);
        expect(held(server)).to.equal(0);
      });
    }

    it('what a stream held when it was reset, by either side, is released', () => {
      for (const end of [
        (server: Scripted) => server.send(reset(1, 8)),
        (server: Scripted) => server.requests[0].stream.reset(8),
      ]) {
        const server = new Scripted('server', limits);
        server.send(headers(1, postHead, false));
        server.requests[0].recorder.stalled = true;
        server.send(data(1, body.subarray(0, 10_000)), data(1, body.subarray(0, 10_000)));
        expect(held(server)).to.equal(20_000);
        end(server);
        expect(held(server)).to.equal(0);
      }
    });

    it('above its bound what is held withholds the credit of the connection, until it is taken', () => {
      const server = new Scripted('server', { ...limits, bufferedBytesMax: 30_000 });
      for (const id of [1, 3, 5]) {
        server.send(headers(id, postHead, false));
        server.requests.at(-1)!.recorder.stalled = true;
        server.send(data(id, body.subarray(0, 14_000)), data(id, body.subarray(0, 14_000)));
      }
      // 28,000 came back at once; the rest is owed. At most the bound and a window can ever be held.
      expect(server.said()).to.deep.equal([]);
      expect(held(server)).to.equal(84_000);
      for (const { recorder } of server.requests) recorder.resume();
      expect(held(server)).to.equal(0);
      const credit = server
        .frames()
        .filter(({ id }) => id === 0)
        .map(({ payload }) => payload.readUInt32BE(0));
      expect(credit).to.deep.equal([84_000]);
    });

    it('a window below the default works at its own size once it was acknowledged', () => {
      const pair = new MemoryPair({ server: { streamWindowBytes: 8192, streamWindowBytesMax: 8192 } });
      const early = pair.request(post, false);
      early.stream.data(body, 0, 300_000, true);
      pair.settle();
      expect(pair.server.requests[0].recorder.bodyBytes).to.equal(300_000);
      const late = pair.request(post, false);
      late.stream.data(body, 0, 300_000, true);
      pair.settle();
      expect(pair.server.requests[1].recorder.bodyBytes).to.equal(300_000);
      const stalled = pair.request(post, false);
      pair.settle();
      pair.server.requests[2].recorder.stalled = true;
      stalled.stream.data(body, 0, 300_000, true);
      pair.settle();
      expect(pair.server.requests[2].recorder.bodyBytes).to.equal(8192);
    });
  });

  describe('a stalled reader', () => {
    it('holds one window of its stream and no more, and the others go on', () => {
      const pair = new MemoryPair();
      pair.server.handler = (stream) => {
        stream.head(ok, false);
        stream.data(body, 0, body.length, true);
      };
      const stalled = pair.request(post, true);
      stalled.recorder.stalled = true;
      stalled.recorder.keepBody = false;
      pair.settle();
      for (let again = 0; again < 20; again++) {
        const other = pair.request(post, true);
        other.recorder.keepBody = false;
        pair.settle();
        expect(other.recorder.bodyBytes).to.equal(body.length);
      }
      expect(stalled.recorder.bodyBytes).to.equal(65_536);
      stalled.recorder.resume();
      pair.settle();
      expect(stalled.recorder.summary).to.equal('head 200, body 2000000, ends 1');
    });

    it('of many uploads is bounded by the connection, which starts again when they are read', () => {
      const bufferedBytesMax = 500_000;
      const pair = new MemoryPair({ server: { bufferedBytesMax } });
      pair.server.handler = (_stream, _head, _end, recorder) => {
        recorder.stalled = true;
        recorder.keepBody = false;
      };
      for (let i = 0; i < 100; i++) pair.request(post, false).stream.data(body, 0, 200_000, true);
      pair.settle();
      const calls = pair.server.requests.map(({ recorder }) => recorder);
      const unread = calls.reduce((sum, { unread }) => sum + unread, 0);
      expect(unread).to.be.within(bufferedBytesMax, bufferedBytesMax + 1_048_576);
      for (const recorder of calls) {
        recorder.resume();
        pair.settle();
      }
      for (const recorder of calls) expect(recorder.bodyBytes).to.equal(200_000);
    });

    it('of many replies holds a window each, and never the connection that it shares with others', () => {
      const pair = new MemoryPair({ client: { bufferedBytesMax: 500_000 } });
      pair.server.handler = (stream) => {
        stream.head(ok, false);
        stream.data(body, 0, 200_000, true);
      };
      const calls = Array.from({ length: 100 }, () => pair.request(post, true).recorder);
      for (const recorder of calls) {
        recorder.stalled = true;
        recorder.keepBody = false;
      }
      pair.settle();
      for (const recorder of calls) expect(recorder.unread).to.equal(65_536);
      const other = pair.request(post, true).recorder;
      pair.settle();
      expect(other.bodyBytes).to.equal(200_000);
    });
  });

  describe('a transport that pushes back', () => {
    it('holds DATA in its stream, where credit bounds it; heads and trailers pass', () => {
      const { server, stream, recorder } = opened();
      server.connection.setTransportReady(false);
      stream.data(body, 0, 1000, false);
      expect(server.said()).to.deep.equal([]);
      expect(recorder.sentBytes).to.equal(0);
      server.send(headers(3, postHead, true));
      server.requests[1].stream.head(ok, true);
      expect(server.said()).to.deep.equal(['HEADERS 3 END_STREAM :status=200']);
      server.connection.setTransportReady(true);
      expect(server.said()).to.deep.equal(['DATA 1 1000']);
      expect(recorder.sentBytes).to.equal(1000);
    });

    it('is not asked to take more than 256 KiB of DATA in one turn, however large the windows', () => {
      const { server, stream } = opened([4, 0x7fff_ffff]);
      server.send(windowUpdate(0, 0x7000_0000));
      server.said();
      stream.data(body, 0, body.length, true);
      const sizes: number[] = [];
      for (let turn = 0; turn < 20; turn++) {
        sizes.push(server.connection.out.length);
        server.flush();
      }
      expect(Math.max(...sizes)).to.be.below(262_144 + 16_384 + 9 * 20);
      expect([...dataBytes(server)]).to.deep.equal([[1, body.length]]);
    });
  });
});

/** Bytes that the connection counts as received and not disposed of. */
function held(server: Scripted): number {
  return (server.connection as unknown as { buffered: number }).buffered;
}
