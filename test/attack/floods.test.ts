import { expect } from 'chai';
import { judgesRealTime } from '../support/real-time.ts';
import { until } from '../support/until.ts';
import { connectPeer } from './support/raw-peer.ts';
import { attackRig } from './support/rig.ts';
import { type Siege, siege } from './support/siege.ts';
import {
  block,
  data,
  frame,
  grpcRequest,
  headers,
  indexed,
  inserted,
  paths,
  ping,
  priority,
  repeat,
  rst,
  Setting,
  settings,
  settingsAck,
  Type,
  windowUpdate,
} from './support/wire.ts';

const calm = 0xb;
const rssMaxMiB = 256;
const pieceBytes = 65_536;

/** Every connection of the attackers was told ENHANCE_YOUR_CALM and closed. */
function expectAllCalmed({ connections, calmed, closed }: Siege): void {
  expect(connections).to.be.at.least(2);
  expect({ calmed, closed }).to.deep.equal({ calmed: connections, closed: connections });
}

/** Frames that cost nothing to send, one kind each; a stream that is open (1) is there for those that need one. */
const floods: ReadonlyArray<readonly [name: string, unit: Buffer]> = [
  ['PING (CVE-2019-9512)', ping()],
  ['SETTINGS (CVE-2019-9515)', settings()],
  [
    'SETTINGS that move every window',
    settings([Setting.InitialWindowSize, 1], [Setting.InitialWindowSize, 65_535]),
  ],
  ['SETTINGS acknowledgements', settingsAck()],
  ['PRIORITY (CVE-2019-9513)', priority(3, 0)],
  ['WINDOW_UPDATE on the connection', windowUpdate(0, 1)],
  ['WINDOW_UPDATE on a stream', windowUpdate(1, 1)],
  ['empty DATA (CVE-2019-9518)', data(1, Buffer.alloc(0))],
  ['DATA that is padding alone', frame(0, 8, 1, Buffer.of(0))],
  ['frames of an unknown type', frame(0x2a, 0, 0)],
];

describe('attack: floods of frames', function () {
  judgesRealTime(this, 'the latency of an honest client beside the attack is judged', 2);
  const rig = attackRig({
    listeners: [
      {
        name: 'narrow',
        listen: '127.0.0.1:0',
        routes: [{ name: 'one', match: { path: '/one' }, cluster: 'greeter' }],
      },
    ],
  });

  for (const [name, unit] of floods) {
    it(`${name}: the connection is closed with ENHANCE_YOUR_CALM`, () =>
      rig.withBystander(rssMaxMiB, async () => {
        const piece = repeat(unit, pieceBytes);
        const result = await siege(rig.target, {}, async (peer, leftMs) => {
          peer.send(headers(1, block(...grpcRequest(paths.bidi))));
          await peer.flood(piece, leftMs);
        });
        expectAllCalmed(result);
        await rig.untilIdleUpstream();
      }));
  }

  it('RST_STREAM and WINDOW_UPDATE for a stream that is over: no free ride', () =>
    rig.withBystander(rssMaxMiB, async () => {
      for (const unit of [rst(1), windowUpdate(1, 1)]) {
        const piece = repeat(unit, pieceBytes);
        const result = await siege(rig.target, { forMs: 700 }, async (peer, leftMs) => {
          peer.send(headers(1, block(...grpcRequest('/none')), true), rst(1));
          await peer.flood(piece, leftMs);
        });
        expectAllCalmed(result);
      }
    }));

  it('DATA for a stream that was reset: no free ride', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const piece = repeat(data(1, Buffer.of(1)), pieceBytes);
      const result = await siege(rig.target, {}, async (peer, leftMs) => {
        // A window increment of 0 has the sidecar reset it, and DATA on its way is no offence for a while.
        peer.send(headers(1, block(...grpcRequest(paths.bidi))), windowUpdate(1, 0));
        await peer.flood(piece, leftMs);
      });
      expectAllCalmed(result);
    }));

  it('requests past the limit of streams: refused, then closed', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const head = block(...grpcRequest(paths.bidi));
      const requests = Buffer.concat(Array.from({ length: 8000 }, (_, i) => headers(2 * i + 1, head)));
      const peer = await rig.peer();
      peer.send(requests);
      await peer.toldToGo();
      expect(peer.goawayCode).to.equal(calm);
      expect(peer.resets.get(7), 'REFUSED_STREAM').to.be.greaterThan(100);
    }));

  it('thousands of calls in every read, in order and for seconds: served, and others have their turns in between', () =>
    rig.withBystander(rssMaxMiB, async () => {
      let served = 0;
      const attacker = async (): Promise<void> => {
        const untilMs = performance.now() + 1500;
        const peer = await connectPeer(rig.targetOf('narrow'));
        rig.defer(() => peer.destroy());
        // The smallest call there is: one byte for each field, since they are in the table from the first call on.
        const fields = Buffer.concat([...grpcRequest('/none').map(inserted)]);
        peer.send(headers(1, fields, true));
        const repeated = Buffer.concat(
          grpcRequest('/none')
            .map((_, i) => indexed(62 + i))
            .toReversed(),
        );
        // As many as may be open at once; all the work is the sidecar's, which says no_route.
        const calls = 1000;
        for (let id = 1; performance.now() < untilMs && !peer.closed; id += 2 * calls) {
          peer.send(...Array.from({ length: calls }, (_, i) => headers(id + 2 * i + 2, repeated, true)));
          await until(
            () => peer.stream(id + 2 * calls).ended || peer.closed,
            () => `call ${id + 2 * calls} is not answered`,
            8000,
          );
        }
        expect([peer.goawayText, ...peer.resets]).to.deep.equal(['']);
        served += peer.counts[Type.Headers];
        peer.destroy();
      };
      await Promise.all([attacker(), attacker(), attacker()]);
      expect(served).to.be.greaterThan(10_000);
    }));

  it('answers that nobody reads: reading stops, and memory stays', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const piece = repeat(ping(), pieceBytes);
      const result = await siege(rig.target, { parallel: 4 }, async (peer, leftMs) => {
        peer.socket.pause();
        await peer.flood(piece, Math.min(leftMs, 400));
        peer.socket.resume();
      });
      expect(result.closed).to.equal(result.connections);
    }));
});
