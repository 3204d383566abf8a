import { expect } from 'chai';
import { judgesRealTime } from '../support/real-time.ts';
import { until } from '../support/until.ts';
import { attackRig } from './support/rig.ts';
import { siege } from './support/siege.ts';
import {
  block,
  data,
  frame,
  grpcRequest,
  headers,
  paths,
  Setting,
  settings,
  Type,
  u32,
  windowUpdate,
} from './support/wire.ts';

const code = { PROTOCOL_ERROR: 1, FLOW_CONTROL_ERROR: 3 } as const;
const rssMaxMiB = 256;
const idle = block(...grpcRequest(paths.bidi));
const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => 2 * i + 1);

const offences: ReadonlyArray<readonly [name: string, frames: Buffer[], goaway: number, rst: number]> = [
  [
    'a window increment of 0 on the connection',
    [frame(Type.WindowUpdate, 0, 0, u32(0))],
    code.PROTOCOL_ERROR,
    -1,
  ],
  ['the window of the connection overflowed', [windowUpdate(0, 0x7fff_ffff)], code.FLOW_CONTROL_ERROR, -1],
  ['a window increment of 0 on a stream', [windowUpdate(1, 0)], -1, code.PROTOCOL_ERROR],
  ['the window of a stream overflowed', [windowUpdate(1, 0x7fff_ffff)], -1, code.FLOW_CONTROL_ERROR],
  [
    'the window of a stream overflowed by SETTINGS',
    [windowUpdate(1, 0x7fff_0000), settings([Setting.InitialWindowSize, 0x7fff_ffff])],
    code.FLOW_CONTROL_ERROR,
    -1,
  ],
  [
    'an initial window over 2^31 - 1',
    [settings([Setting.InitialWindowSize, 0x8000_0000])],
    code.FLOW_CONTROL_ERROR,
    -1,
  ],
];

describe('attack: windows', function () {
  judgesRealTime(this, 'the latency of an honest client beside the attack is judged', 2);
  const rig = attackRig();

  for (const [name, frames, goaway, rst] of offences) {
    it(`${name}: ${goaway < 0 ? 'the stream is reset' : 'the connection ends'} and its calls with it`, async () => {
      const peer = await rig.peer();
      await peer.greeted();
      peer.send(headers(1, idle), ...frames);
      if (goaway >= 0) await peer.toldToGo();
      else {
        await until(
          () => peer.stream(1).rst >= 0,
          () => 'the stream was not reset',
        );
      }
      expect([peer.goawayCode, peer.stream(1).rst]).to.deep.equal([goaway, rst]);
      await rig.untilIdleUpstream();
    });
  }

  it('all of them, from one connection after the other', () =>
    rig.withBystander(rssMaxMiB, async () => {
      let next = 0;
      await siege(rig.target, { parallel: 4, connectionsMax: 200 }, async (peer) => {
        const [, frames, goaway] = offences[next++ % offences.length];
        await peer.greeted();
        peer.send(headers(1, idle), ...frames);
        await until(
          () => peer.closed || peer.stream(1).rst >= 0,
          () => 'it was not stopped',
          8000,
        );
        expect(peer.goawayCode).to.equal(goaway);
        peer.destroy();
      });
      await rig.untilIdleUpstream();
    }));

  it('DATA past the window of a stream, and of the connection: FLOW_CONTROL_ERROR', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const full = Buffer.alloc(16_384);
      const result = await siege(rig.target, { forMs: 1000, connectionsMax: 20 }, async (peer) => {
        await peer.greeted();
        const uploads = ids(200).map((id) => headers(id, block(...grpcRequest(paths.unary))));
        peer.send(...uploads, ...ids(200).flatMap((id) => new Array(8).fill(data(id, full))));
        await until(
          () => peer.closed || peer.resets.size > 0,
          () => 'it was not stopped',
          8000,
        );
        const ends = [peer.goawayCode, ...peer.resets.keys()];
        expect(ends).to.include(code.FLOW_CONTROL_ERROR);
        peer.destroy();
      });
      expect(result.connections).to.be.at.least(2);
      await rig.untilIdleUpstream();
    }));
});
