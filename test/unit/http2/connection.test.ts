import { expect } from 'chai';
import { FrameType } from '../../../src/http2/frame.ts';
import type { ConnectionOptions } from '../../../src/http2/options.ts';
import {
  data,
  fragment,
  frame,
  getHead,
  headers,
  ping,
  postHead,
  Scripted,
  windowUpdate,
} from './support.ts';

describe('http2/connection', () => {
  /** The parameters of the first SETTINGS, and what is said behind it. */
  function opening(role: 'client' | 'server', options: Partial<ConnectionOptions> = {}) {
    const [first, ...rest] = new Scripted(role, options, false).frames();
    const parameters: Record<number, number> = {};
    for (let at = 0; at < first.payload.length; at += 6)
      parameters[first.payload.readUInt16BE(at)] = first.payload.readUInt32BE(at + 2);
    return { parameters, rest: rest.map(({ type, payload }) => [type, payload.readUInt32BE(0)]) };
  }

  it('opens with the limits that a peer has to keep to, and leaves out those that are the default', () => {
    expect(opening('server').parameters).to.deep.equal({ 3: 1024, 4: 65_536, 6: 61_440, 8: 1 });
    expect(opening('client').parameters).to.deep.equal({ 2: 0, 4: 65_536, 6: 61_440 });
    const options = {
      maxConcurrentStreams: 7,
      streamWindowBytes: 1000,
      headerListBytesMax: 2000,
      headerTableBytesMax: 300,
      frameBytesMax: 20_000,
    };
    expect(opening('server', options).parameters).to.deep.equal({
      1: 300,
      3: 7,
      4: 1000,
      5: 20_000,
      6: 2000,
      8: 1,
    });
  });

  it('opens with a larger window of the connection where it is configured, and says nothing of a default one', () => {
    expect(opening('server', { connectionWindowBytes: 65_535 }).rest).to.deep.equal([]);
    expect(opening('server', { connectionWindowBytes: 65_536 }).rest).to.deep.equal([
      [FrameType.WINDOW_UPDATE, 1],
    ]);
  });

  it('asks for a sign of life by PING', () => {
    const client = new Scripted('client');
    client.connection.ping();
    const [asked] = client.frames();
    expect([asked.type, asked.flags, asked.payload.length]).to.deep.equal([FrameType.PING, 0, 8]);
  });

  it('gives out stream ids up to the highest there is, and none after that', () => {
    const client = new Scripted('client');
    client.connection.nextStreamId = 0x7fff_ffff;
    expect([client.connection.accepting, client.connection.mayOpen]).to.deep.equal([true, true]);
    expect(client.request().stream).to.include({ id: 0x7fff_ffff });
    expect([client.connection.accepting, client.connection.mayOpen]).to.deep.equal([false, false]);
    expect(() => client.request()).to.throw('takes no stream');
  });

  it('announces a shutdown once, and not behind the last GOAWAY', () => {
    const server = new Scripted('server');
    server.send(headers(1, postHead, false));
    server.connection.announceShutdown();
    expect(server.said()).to.deep.equal(['GOAWAY 2147483647 0']);
    server.connection.shutdown();
    server.connection.announceShutdown();
    expect(server.said()).to.deep.equal(['GOAWAY 1 0']);
  });

  it('takes all that is read when it is over, and does nothing with it', () => {
    const server = new Scripted('server');
    const request = headers(1, getHead, true);
    const read = Buffer.concat([frame(9, 4, 1), request]);
    expect(server.connection.receive(read, 0, read.length, 0)).to.equal(read.length);
    expect(server.connection.over).to.equal(true);
    expect(server.connection.receive(request, 0, request.length, 0)).to.equal(request.length);
    expect(server.requests).to.have.length(0);
  });

  it('is busy once an eighth of the work of a turn is used up', () => {
    const busyAfter = (requests: number): boolean => {
      const server = new Scripted('server', { streamsPerTurnMax: 10 });
      const read = Buffer.concat(
        Array.from({ length: requests }, (_, i) => headers(2 * i + 1, getHead, true)),
      );
      server.connection.receive(read, 0, read.length, 0);
      return server.connection.busy;
    };
    expect([busyAfter(1), busyAfter(2)]).to.deep.equal([false, true]);
  });

  it('begins a turn with all of its work, and goes on with what is left of it in the same turn', () => {
    const server = new Scripted('server', { streamsPerTurnMax: 4 });
    const request = (i: number): Buffer => headers(2 * i + 1, getHead, true);
    const receive = (from: number, count: number, sameTurn: boolean): number => {
      const read = Buffer.concat(Array.from({ length: count }, (_, i) => request(from + i)));
      const before = server.requests.length;
      server.connection.receive(read, 0, read.length, 0, sameTurn);
      return server.requests.length - before;
    };
    expect([receive(0, 3, false), receive(3, 3, true), receive(4, 9, false)]).to.deep.equal([3, 1, 4]);
  });

  describe('inside a frame or header section', () => {
    const check = (server: Scripted, times: number): boolean => {
      for (let i = 0; i < times; i++) server.connection.checkUnfinished(5);
      return server.error !== undefined;
    };
    const update = windowUpdate(0, 1);

    it('it may be for as many checks after the first as allowed', () => {
      const server = new Scripted('server');
      server.send(update.subarray(0, 5));
      expect(check(server, 6)).to.equal(false);
      expect(check(server, 1)).to.equal(true);
    });

    it('the checks count again for the next one', () => {
      const server = new Scripted('server');
      server.send(update.subarray(0, 5));
      check(server, 6);
      server.send(Buffer.concat([update.subarray(5), ping().subarray(0, 5)]));
      expect(check(server, 6)).to.equal(false);
      expect(check(server, 1)).to.equal(true);
    });

    it('the checks count again for the next header section, and go on through CONTINUATIONs of one', () => {
      const server = new Scripted('server');
      const section = fragment(...getHead);
      const begin = (id: number) => frame(FrameType.HEADERS, 1, id, section.subarray(0, 3));
      const end = (id: number) => frame(FrameType.CONTINUATION, 4, id, section.subarray(3));
      server.send(begin(1));
      check(server, 6);
      server.send(end(1), begin(3));
      check(server, 3);
      server.send(frame(FrameType.CONTINUATION, 0, 3));
      expect(check(server, 3)).to.equal(false);
      expect(check(server, 1)).to.equal(true);
    });

    it('of nothing it may be for ever', () => {
      const server = new Scripted('server');
      server.send(headers(1, postHead, false), data(1, 'x'));
      expect(check(server, 100)).to.equal(false);
    });
  });
});
