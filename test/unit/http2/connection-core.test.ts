import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { BufferBudget } from '../../../src/http2/buffer-budget.ts';
import {
  data,
  getHead,
  headers,
  ok,
  okHead,
  ping,
  postHead,
  reset,
  Scripted,
  settings,
  settingsAck,
  windowUpdate,
} from './support.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const withBody = [...postHead, ['content-length', '4']] as const;
const trailers = (id: number): Buffer => headers(id, [['x-a', 'b']], true);
const bytes = (length: number): Buffer => Buffer.alloc(length, 'a');

describe('http2/connection-core', () => {
  describe('at the soft limit of glitches', () => {
    const limits = { glitchesMax: 100, glitchesLeakPerSecond: 0 };

    it('says so once, takes no new requests, and lets those there are go on to their end', () => {
      const server = new Scripted('server', limits);
      server.send(headers(1, postHead, false));
      for (let i = 0; i < 8; i++) server.send(settings());
      expect(server.said().filter((word) => word.startsWith('GOAWAY'))).to.deep.equal(['GOAWAY 1 11']);
      server.send(headers(3, getHead, true), data(1, 'x', true));
      expect([server.requests.length, server.requests[0].recorder.bodyBytes]).to.deep.equal([1, 1]);
      server.requests[0].stream.head(ok, true);
      expect([server.said(), server.error]).to.deep.equal([['HEADERS 1 END_STREAM :status=200'], null]);
    });

    it('is forgiven by time: the next one is as far away as the first', () => {
      const server = new Scripted('server', { glitchesMax: 100, glitchesLeakPerSecond: 10 });
      for (let round = 1; round <= 20; round++) {
        server.nowMs = round * 10_000;
        for (let i = 0; i < 7; i++) server.send(settings());
      }
      expect([server.error, server.said().some((word) => word.startsWith('GOAWAY'))]).to.deep.equal([
        undefined,
        false,
      ]);
    });
  });

  it('what is written earns control frames as what is read does', () => {
    const server = new Scripted('server', { glitchesMax: 1, glitchesLeakPerSecond: 0, controlFramesMax: 20 });
    server.send(headers(1, getHead, true));
    for (let i = 0; i < 20; i++) server.send(ping());
    const [{ stream }] = server.requests;
    stream.head(ok, false);
    stream.data(bytes(1), 0, 1, false);
    for (let i = 0; i < 20; i++) server.send(ping());
    expect(server.error).to.equal(undefined);
    server.send(ping());
    expect(server.error?.code).to.equal(ErrorCode.ENHANCE_YOUR_CALM);
  });

  it('a stream error costs ten points, and is an early reset like any other', () => {
    const run = (limits: object): number => {
      const server = new Scripted('server', { glitchesLeakPerSecond: 0, controlFramesMax: 1e9, ...limits });
      server.nowMs = 5000;
      server.send(headers(1, postHead, false));
      let errors = 0;
      for (let id = 3; server.error === undefined && errors < 200; id += 2, errors++)
        server.send(headers(id, withBody, false), data(id, 'abcde'));
      return errors;
    };
    expect(run({ glitchesMax: 10, earlyResetsMax: 1e9 })).to.equal(1);
    // Behind the soft limit a request more is one point.
    expect(run({ glitchesMax: 11, earlyResetsMax: 1e9 })).to.equal(2);
    expect(run({ glitchesMax: 12, earlyResetsMax: 1e9 })).to.equal(3);
    expect(run({ glitchesMax: 1e9, earlyResetsMax: 50 })).to.equal(50);
  });

  it('what servers get wrong is no attack by early resets', () => {
    const client = new Scripted('client', { glitchesMax: 1e9, earlyResetsMax: 5 });
    client.nowMs = 5000;
    for (let i = 0; i < 40; i++) {
      client.request();
      client.send(headers(2 * i + 1, [['no-status', '1']], true));
    }
    expect(client.error).to.equal(undefined);
  });

  describe('streams that we reset', () => {
    it('are remembered, and the oldest forgotten: of those a late frame is an offence, and no more than that', () => {
      const server = new Scripted('server', { maxConcurrentStreams: 5000 });
      const ids = Array.from({ length: 2049 }, (_, index) => 2 * index + 1);
      for (const id of ids) server.send(headers(id, postHead, false));
      server.said();
      for (const { stream } of server.requests) stream.reset(8);
      // A server owes nobody patience: all of them at once.
      expect(server.said()).to.deep.equal(ids.map((id) => `RST_STREAM ${id} 8`));
      server.send(trailers(3));
      expect(server.said()).to.deep.equal([]);
      server.send(trailers(1));
      expect([server.said(), server.error]).to.deep.equal([['RST_STREAM 1 5'], undefined]);
    });

    it('may be sent all that their windows allowed, and no byte more', () => {
      for (const [extra, code] of [
        [0, undefined],
        [1, ErrorCode.FLOW_CONTROL_ERROR],
      ]) {
        const server = new Scripted('server', { streamWindowBytes: 100_000 });
        server.send(headers(1, postHead, false));
        server.requests[0].stream.reset(8);
        for (let left = 100_000 + extra!; left > 0; left -= 16_384)
          server.send(data(1, bytes(Math.min(left, 16_384))));
        expect(server.error?.code).to.equal(code);
      }
    });

    it('and requests that were refused may be sent a whole window as well', () => {
      const server = new Scripted('server', { streamWindowBytes: 100_000, maxConcurrentStreams: 0 });
      server.send(headers(1, postHead, false));
      for (let left = 100_000; left > 0; left -= 16_384) server.send(data(1, bytes(Math.min(left, 16_384))));
      expect(server.error).to.equal(undefined);
    });

    it('for passing their window take nothing from what others may still be sent', () => {
      const server = new Scripted('server', { streamWindowBytes: 65_535, streamWindowBytesMax: 65_535 });
      server.handler = (_stream, _head, _end, recorder) => {
        recorder.stalled = true;
      };
      const whole = (id: number) => [16_384, 16_384, 16_384, 16_383].map((length) => data(id, bytes(length)));
      server.send(
        headers(1, postHead, false),
        headers(3, postHead, false),
        ...whole(1),
        data(1, bytes(5000)),
      );
      expect(server.said()).to.include('RST_STREAM 1 3');
      server.requests[1].stream.reset(8);
      server.send(...whole(3));
      expect(server.error).to.equal(undefined);
    });
  });

  it('the first window of a stream is ours once it was acknowledged, and larger only before', () => {
    for (const [streamWindowBytes, allowed] of [
      [1000, 1000],
      [100_000, 100_000],
    ]) {
      const options = { streamWindowBytes, streamWindowBytesMax: streamWindowBytes };
      const send = (first: boolean, size: number): string[] => {
        const server = new Scripted('server', options, false);
        server.handler = (_stream, _head, _end, recorder) => {
          recorder.stalled = true;
        };
        const request = headers(1, postHead, false);
        server.send(preface, settings(), ...(first ? [request, settingsAck] : [settingsAck, request]));
        server.said();
        for (let left = size; left > 0; left -= 16_384) server.send(data(1, bytes(Math.min(left, 16_384))));
        return server.said().filter((word) => word.startsWith('RST_STREAM'));
      };
      for (const first of [true, false]) {
        expect(send(first, allowed)).to.deep.equal([]);
        expect(send(first, allowed + 1)).to.deep.equal(['RST_STREAM 1 3']);
      }
    }
  });

  it('a stream that ends makes room for another, and leaves the queue of those that wait', () => {
    const server = new Scripted('server');
    server.send(settings([4, 1_000_000]), headers(1, getHead, true), headers(3, getHead, true));
    for (const { stream } of server.requests) {
      stream.head(ok, false);
      stream.data(bytes(70_000), 0, 70_000, false);
    }
    const { queue } = server.connection as unknown as { queue: { size: number } };
    expect(queue.size).to.equal(2);
    const before = server.capacities;
    server.send(reset(1, 8));
    expect([queue.size, server.capacities]).to.deep.equal([1, before + 1]);
    server.connection.transportClosed('gone');
    expect([queue.size, server.capacities]).to.deep.equal([0, before + 1]);
  });

  describe('a transport that takes nothing', () => {
    const check = (server: Scripted, times: number): boolean => {
      for (let i = 0; i < times; i++) server.connection.checkStalls(5, 5);
      return server.error !== undefined;
    };
    const stuck = (): Scripted => {
      const server = new Scripted('server');
      server.connection.setTransportReady(false);
      return server;
    };

    it('is given up after as many checks as allowed', () => {
      const server = stuck();
      expect(check(server, 6)).to.equal(false);
      expect(check(server, 1)).to.equal(true);
    });

    it('is checked again once it has taken something, or was ready for more', () => {
      for (const revive of [
        (server: Scripted) => server.connection.flushed(),
        (server: Scripted) => {
          server.connection.setTransportReady(true);
          check(server, 1);
          server.connection.setTransportReady(false);
        },
      ]) {
        const server = stuck();
        check(server, 6);
        revive(server);
        expect(check(server, 5)).to.equal(false);
        expect(check(server, 2)).to.equal(true);
      }
    });
  });

  it('while memory is short a connection that holds no more than its share loses nothing', () => {
    const budget = new BufferBudget(100_000_000);
    const server = new Scripted('server', { budget });
    server.send(settings([4, 0]), headers(1, getHead, true));
    server.requests[0].stream.head(ok, false);
    server.requests[0].stream.data(bytes(262_144), 0, 262_144, false);
    server.said();
    budget.press(true);
    server.connection.checkStalls(100, 100);
    expect(server.said()).to.deep.equal([]);
    server.requests[0].stream.data(bytes(1), 0, 1, false);
    expect(server.said()).to.deep.equal(['RST_STREAM 1 11']);
  });

  it('all of its streams hear of the end, though the first of them throws', () => {
    const client = new Scripted('client');
    const [first, second] = [client.request(), client.request()];
    client.said();
    first.failed = () => {
      throw new Error('a bug');
    };
    expect(() => client.connection.transportClosed('gone')).to.throw('a bug');
    expect(second.failures.map(({ kind, message }) => [kind, message])).to.deep.equal([['closed', 'gone']]);
    expect(client.events).to.include('ended');
  });

  it('writes nothing once it is over', () => {
    const client = new Scripted('client');
    for (const { stream } of Array.from({ length: 120 }, () => client.request(postHead, false))) {
      client.said();
      stream?.reset(8);
    }
    client.connection.transportClosed('gone');
    client.said();
    client.connection.serveResets(100_000);
    client.connection.ping();
    client.connection.shutdown();
    client.connection.announceShutdown();
    client.send(headers(1, okHead, true), windowUpdate(0, 10));
    expect(client.said()).to.deep.equal([]);
  });
});
