import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import type { ConnectionOptions } from '../../../src/http2/options.ts';
import {
  data,
  fragment,
  frame,
  getHead,
  goaway,
  headers,
  ok,
  okHead,
  ping,
  postHead,
  reset,
  Scripted,
  settings,
  settingsAck,
  u32,
  windowUpdate,
} from './support.ts';

type Role = 'client' | 'server';

/** How many points of the glitch counter something costs, where no control frame is free. */
function pointsOf(
  role: Role,
  act: (end: Scripted) => void,
  options: Partial<ConnectionOptions> = {},
): number {
  for (let glitchesMax = 1; glitchesMax < 50; glitchesMax++) {
    const limits = { glitchesLeakPerSecond: 0, controlFramesMax: 0, ...options };
    const end = new Scripted(role, { ...limits, glitchesMax: glitchesMax * 2 });
    // Half of the points are used up beforehand, below what has new streams refused.
    end.connection.glitch(glitchesMax);
    act(end);
    if (end.error?.code !== ErrorCode.ENHANCE_YOUR_CALM) return glitchesMax - 1;
  }
  throw new Error('it costs too much');
}

describe('http2/frame-handlers', () => {
  describe('what a frame costs', () => {
    const malformed = [[':method', 'GET'] as const];
    const large = [...getHead, ['x-large', 'a'.repeat(200)] as const];
    const request = headers(1, getHead, true);
    const costs: ReadonlyArray<
      readonly [
        what: string,
        role: Role,
        points: number,
        frames: Buffer[],
        options?: Partial<ConnectionOptions>,
      ]
    > = [
      ['an empty DATA', 'server', 1, [headers(1, postHead, false), data(1, '')]],
      ['an empty DATA that ends the message', 'server', 0, [headers(1, postHead, false), data(1, '', true)]],
      ['a second acknowledgement of SETTINGS', 'server', 1, [settingsAck]],
      ['SETTINGS once more', 'server', 10, [settings()]],
      ['GOAWAY once more', 'client', 10, [goaway(9, 0), goaway(9, 0)]],
      ['the first GOAWAY', 'client', 0, [goaway(9, 0)]],
      ['a malformed request', 'server', 10, [headers(1, malformed, true)]],
      ['a request over the limit of streams', 'server', 1, [request], { maxConcurrentStreams: 0 }],
      ['a request that is too large', 'server', 10, [headers(1, large, true)], { headerListBytesMax: 300 }],
      ['a 1xx reply', 'client', 0, [headers(1, [[':status', '100']], false)]],
      ['a PING', 'server', 1, [ping()]],
      ['an acknowledgement of a PING', 'server', 1, [ping(1)]],
      ['a PRIORITY', 'server', 1, [frame(2, 0, 1, Buffer.concat([u32(3), Buffer.of(1)]))]],
      ['a frame of an unknown type', 'server', 1, [frame(0xee, 0, 0)]],
      ['a WINDOW_UPDATE of the connection', 'server', 1, [windowUpdate(0, 1)]],
      ['a WINDOW_UPDATE of a stream', 'server', 1, [headers(1, postHead, false), windowUpdate(1, 1)]],
      ['an RST_STREAM', 'server', 1, [headers(1, postHead, false), reset(1, 8)]],
      [
        'an RST_STREAM of a stream that is over',
        'server',
        2,
        [headers(1, postHead, false), headers(3, postHead, false), reset(1, 8), reset(1, 8)],
      ],
    ];
    for (const [what, role, points, frames, options] of costs)
      it(`${what}: ${points}`, () => {
        const act = (end: Scripted): void => {
          if (role === 'client') end.request();
          end.send(...frames);
        };
        expect(pointsOf(role, act, options)).to.equal(points);
      });

    it('DATA and HEADERS late for a stream that we reset: 1 each', () => {
      const late = (...frames: Buffer[]) =>
        pointsOf('server', (server) => {
          server.send(headers(1, postHead, false));
          server.requests[0].stream.reset(8);
          server.send(...frames);
        });
      expect([late(), late(data(1, 'x')), late(headers(1, [['x-a', 'b']], true))]).to.deep.equal([0, 1, 1]);
    });

    it('a request after our GOAWAY, and its DATA and trailers: 1 each', () => {
      const costAfter = (...frames: Buffer[]) =>
        pointsOf('server', (server) => {
          server.send(headers(1, postHead, false));
          server.connection.shutdown();
          server.send(...frames);
        });
      const next = headers(3, postHead, false);
      const trailers = headers(3, [['x-a', 'b']], true);
      expect([costAfter(next), costAfter(next, data(3, 'x')), costAfter(next, trailers)]).to.deep.equal([
        1, 2, 2,
      ]);
    });

    /** PINGs that are free after something, once those that are free anyway are used up. */
    function pingsAfter(...frames: Buffer[]): number {
      const server = new Scripted('server', {
        glitchesMax: 100,
        glitchesLeakPerSecond: 0,
        controlFramesMax: 20,
      });
      server.send(headers(1, postHead, false), data(1, 'x'));
      for (let i = 0; i < 20; i++) server.send(ping());
      server.send(...frames);
      // The rest of the points goes at once with the first PING that is not free.
      server.connection.glitch(frames.some((one) => one.length === 9 && (one[4] & 1) === 0) ? 98 : 99);
      for (let free = 0; ; free++) {
        server.send(ping());
        if (server.error !== undefined) return free;
      }
    }

    it('is earned back ten times by each frame of a message', () => {
      const earned = [
        pingsAfter(),
        pingsAfter(data(1, '')),
        pingsAfter(data(1, 'x')),
        pingsAfter(data(1, '', true)),
        pingsAfter(headers(1, [['x-a', 'b']], true)),
        pingsAfter(headers(3, getHead, true)),
      ];
      expect(earned).to.deep.equal([0, 0, 10, 10, 10, 10]);
    });
  });

  describe('a stream whose reset has to wait', () => {
    /** A client that has used up its resets, and the id of a stream that it has yet to reset. */
    function paced(): { client: Scripted; id: number; resetsLater: () => boolean } {
      const client = new Scripted('client');
      const calls = Array.from({ length: 102 }, () => client.request(postHead, false));
      client.said();
      // One goes on, or the connection would be over.
      for (const { stream } of calls.slice(0, 101)) stream?.reset(8);
      client.said();
      const id = 201;
      const resetsLater = (): boolean => {
        client.connection.serveResets(10_000);
        return client.said().includes(`RST_STREAM ${id} 8`);
      };
      return { client, id, resetsLater };
    }

    it('is reset when its time has come, though more of it came meanwhile', () => {
      for (const late of [(id: number) => data(id, 'x'), (id: number) => headers(id, okHead, false)]) {
        const { client, id, resetsLater } = paced();
        client.send(late(id));
        expect(resetsLater()).to.equal(true);
      }
    });

    it('is not reset when the server has ended it meanwhile, in whatever way', () => {
      for (const late of [
        (id: number) => data(id, 'x', true),
        (id: number) => headers(id, okHead, true),
        (id: number) => reset(id, 0),
      ]) {
        const { client, id, resetsLater } = paced();
        client.send(late(id));
        expect(resetsLater()).to.equal(false);
      }
    });
  });

  it('a stream that ended before our GOAWAY is none of those after it: what comes for it is an offence', () => {
    for (const [late, said] of [
      [data(3, 'x'), 'RST_STREAM 3 5'],
      [headers(3, [['x-a', 'b']], true), 'GOAWAY 3 5'],
    ] as const) {
      const server = new Scripted('server');
      server.send(headers(1, postHead, false), headers(3, getHead, true));
      server.requests[1].stream.head(ok, true);
      server.connection.shutdown();
      server.said();
      server.send(late);
      expect(server.said()).to.include(said);
    }
  });

  it('an even id below those that are open is idle to a server, and to a client', () => {
    for (const late of [windowUpdate(2, 1), reset(2, 8), data(2, 'x'), headers(2, okHead, true)]) {
      const server = new Scripted('server');
      server.send(headers(1, postHead, false), headers(3, postHead, false));
      server.send(late);
      expect(server.error?.code).to.equal(ErrorCode.PROTOCOL_ERROR);
      const client = new Scripted('client');
      for (let i = 0; i < 3; i++) client.request();
      client.send(late);
      expect(client.error?.code).to.equal(ErrorCode.PROTOCOL_ERROR);
    }
  });

  it('CONTINUATION without HEADERS is a connection error', () => {
    const server = new Scripted('server');
    server.send(frame(9, 4, 1, fragment(...getHead)));
    expect([server.requests.length, server.error?.code]).to.deep.equal([0, ErrorCode.PROTOCOL_ERROR]);
    expect(server.error?.message).to.equal('CONTINUATION without HEADERS');
  });

  it('DATA in pieces that does not end its stream does not end it', () => {
    const server = new Scripted('server');
    server.send(headers(1, postHead, false));
    const bytes = data(1, 'a'.repeat(5000));
    server.send(bytes.subarray(0, 3000));
    server.send(bytes.subarray(3000));
    const { recorder } = server.requests[0];
    expect([recorder.bodyBytes, recorder.ends]).to.deep.equal([5000, 0]);
  });

  it('frames are as long as the peer takes, and no longer than ours', () => {
    for (const [theirs, ours, longest] of [
      [20_000, 32_768, 20_000],
      [32_768, 20_000, 20_000],
    ]) {
      const server = new Scripted('server', { frameBytesMax: ours });
      server.send(settings([5, theirs]), headers(1, getHead, true));
      server.said();
      server.requests[0].stream.head(ok, false);
      server.requests[0].stream.data(Buffer.alloc(50_000), 0, 50_000, false);
      expect(server.said()[1]).to.equal(`DATA 1 ${longest}`);
    }
  });

  it('SETTINGS may make room for more streams, on a connection that goes on', () => {
    const client = new Scripted('client');
    const before = client.capacities;
    client.send(settings([3, 5]));
    expect(client.capacities).to.equal(before + 1);
    client.connection.transportClosed('gone');
    const after = client.capacities;
    client.send(settings([3, 6]));
    expect(client.capacities).to.equal(after);
  });

  it('SETTINGS say how large a head the peer takes, on streams that are open as well', () => {
    const client = new Scripted('client');
    const { stream } = client.request();
    expect(stream?.headListBytesMax).to.equal(Number.POSITIVE_INFINITY);
    client.send(settings([6, 1000]));
    expect(stream?.headListBytesMax).to.equal(1000);
  });

  it('SETTINGS that let the last stream of a connection that shuts down end are the end of that', () => {
    const server = new Scripted('server');
    server.send(settings([4, 0]), headers(1, getHead, true));
    server.requests[0].stream.head(ok, false);
    server.requests[0].stream.data(Buffer.alloc(5), 0, 5, true);
    server.connection.shutdown();
    const before = server.capacities;
    server.send(settings([4, 100]));
    expect([server.error, server.capacities]).to.deep.equal([null, before + 1]);
  });

  it('GOAWAY leaves its code, and no more of its text than is fit for a log', () => {
    const client = new Scripted('client');
    const recorder = client.request();
    client.said();
    client.send(goaway(0, ErrorCode.ENHANCE_YOUR_CALM, 'x'.repeat(5000)));
    expect(client.connection.goawayCode).to.equal(ErrorCode.ENHANCE_YOUR_CALM);
    expect(recorder.failures[0].message).to.equal(`it said GOAWAY ENHANCE_YOUR_CALM ("${'x'.repeat(128)}")`);
  });

  it('long header sections count as more of the work of a turn than short ones', () => {
    const begun = (bytes: number): number => {
      const server = new Scripted('server', { streamsPerTurnMax: 10 });
      const head = [...getHead, ['x-long', 'a'.repeat(bytes)] as const];
      const read = Buffer.concat(Array.from({ length: 20 }, (_, i) => headers(2 * i + 1, head, true)));
      server.connection.receive(read, 0, read.length, 0);
      return server.requests.length;
    };
    expect([begun(1), begun(1300), begun(5200)]).to.deep.equal([10, 2, 1]);
  });
});
