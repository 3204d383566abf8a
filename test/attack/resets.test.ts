import { expect } from 'chai';
import { connectGreeter } from '../support/greeter-client.ts';
import { judgesRealTime } from '../support/real-time.ts';
import type { RawPeer } from './support/raw-peer.ts';
import { attackRig } from './support/rig.ts';
import { siege } from './support/siege.ts';
import {
  block,
  data,
  frame,
  grpcRequest,
  headers,
  paths,
  rst,
  Type,
  u32,
  windowUpdate,
} from './support/wire.ts';

const calm = 0xb;
const rssMaxMiB = 320;
const head = block(...grpcRequest(paths.bidi));
const streamsMax = 4000;

/** What makes the sidecar reset a stream by itself, after its HEADERS (CVE-2025-8671). */
const ownResets: ReadonlyArray<readonly [name: string, trigger: (id: number) => Buffer]> = [
  ['a window increment of 0', (id) => windowUpdate(id, 0)],
  ['a window that overflows', (id) => windowUpdate(id, 0x7fff_ffff)],
  ['DATA after END_STREAM', (id) => Buffer.concat([data(id, Buffer.of(1), true), data(id, Buffer.of(1))])],
  ['trailers that are malformed', (id) => headers(id, block(['connection', 'close']), true)],
  ['trailers without END_STREAM', (id) => headers(id, block(['x-a', 'b']))],
];

const begin = (id: number): Buffer => headers(id, head);
const each = (unit: (id: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: streamsMax }, (_, i) => unit(2 * i + 1)));

describe('attack: resets', function () {
  judgesRealTime(this, 'the latency of an honest client beside the attack is judged', 2);
  const rig = attackRig();

  it('rapid reset (CVE-2023-44487): closed with ENHANCE_YOUR_CALM after some hundred, upstream work cancelled', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const attack = each((id) => Buffer.concat([begin(id), rst(id)]));
      const result = await siege(rig.target, { connectionsMax: 100 }, async (peer) => {
        peer.send(attack);
        await peer.toldToGo();
      });
      expect(result.calmed).to.equal(result.connections);
      await rig.untilIdleUpstream();
    }));

  it('rapid reset, a hundred streams first and their resets after a while', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const peer = await rig.peer();
      let id = 1;
      for (let round = 0; round < 20 && !peer.closed; round++) {
        const ids = Array.from({ length: 100 }, () => (id += 2));
        peer.send(...ids.map(begin));
        await new Promise((resolve) => setTimeout(resolve, 20));
        peer.send(...ids.map((one) => rst(one)));
      }
      await peer.toldToGo();
      expect(peer.goawayCode).to.equal(calm);
      expect(id).to.be.at.most(2 * 1000);
      await rig.untilIdleUpstream();
    }));

  for (const [name, trigger] of ownResets) {
    it(`MadeYouReset by ${name}: counted as the client's, work cancelled`, () =>
      rig.withBystander(rssMaxMiB, async () => {
        const attack = each((id) => Buffer.concat([begin(id), trigger(id)]));
        const result = await siege(rig.target, { forMs: 700, connectionsMax: 50 }, async (peer) => {
          peer.send(attack);
          await peer.toldToGo();
          expect(resetsSeen(peer)).to.be.at.most(250);
        });
        expect(result.calmed).to.equal(result.connections);
        await rig.untilIdleUpstream();
      }));
  }

  it('connections that are dropped with a thousand calls open: the replicas keep everybody else', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const begins = Buffer.concat(Array.from({ length: 1000 }, (_, i) => begin(2 * i + 1)));
      for (let round = 0; round < 5; round++) {
        const peer = await rig.peer();
        await peer.greeted();
        peer.send(begins);
        await new Promise((resolve) => setTimeout(resolve, 150));
        peer.socket.resetAndDestroy();
      }
      await rig.untilIdleUpstream();
    }));

  it('RST_STREAM of idle streams: PROTOCOL_ERROR at once (RFC 9113 section 6.4)', async () => {
    const peer = await rig.peer();
    peer.send(frame(Type.Rst, 0, 99, u32(8)));
    await peer.toldToGo();
    expect(peer.goawayCode).to.equal(1);
  });

  it('thousands of honest cancels: every call but the cancelled ones goes on, on the same connection', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const client = connectGreeter(rig.target);
      rig.defer(() => client.close());
      let connectionsLost = 0;
      let cancelled = 0;
      const worker = async (): Promise<void> => {
        for (let i = 0; i < 100; i++) {
          // After the first reply of a stream, before any reply, and not at all.
          const { call, result } = client.openServerStream({ options: { replies: 1000, pauseMs: 50 } });
          call.once('data', () => call.cancel());
          const stop = new AbortController();
          const early = client.unary({ options: { sleepMs: 1000 } }, { signal: stop.signal });
          setTimeout(() => stop.abort(), 5);
          const whole = await client.sayHello('whole');
          const codes = [(await result).code, (await early).code, whole.code];
          if (codes.join() !== '1,1,0') connectionsLost++;
          cancelled += 2;
        }
      };
      await Promise.all(Array.from({ length: 15 }, worker));
      expect(cancelled).to.equal(3000);
      expect(connectionsLost).to.equal(0);
    }));
});

function resetsSeen(peer: RawPeer): number {
  return [...peer.resets.values()].reduce((sum, count) => sum + count, 0);
}
