import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { connectGreeter } from '../support/greeter-client.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { until } from '../support/until.ts';
import { attackRig } from './support/rig.ts';
import {
  block,
  data,
  frame,
  grpcRequest,
  headers,
  message,
  paths,
  ping,
  Type,
  u32,
  windowUpdate,
} from './support/wire.ts';

/** Traffic that looks like an attack to whoever counts frames alone. None of it may be refused, slowed or cut. */
describe('attack: honest traffic that resembles one', function () {
  judgesRealTime(this, 'the latency of an honest client beside the attack is judged', 2);
  const rig = attackRig();
  const rssMaxMiB = 256;

  it('10,000 DATA frames of 600 bytes on one stream', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const peer = await rig.peer();
      // One message that comes in small pieces; the replica answers when it is whole.
      const total = 6_000_000;
      const body = Buffer.concat([Buffer.of(0), u32(total - 5), field(1, total - 5)]);
      let credit = 65_535;
      let streamCredit = 65_535;
      peer.onFrame = (type, _flags, id, payload) => {
        if (type !== Type.WindowUpdate) return;
        if (id === 0) credit += payload.readUInt32BE(0);
        else streamCredit += payload.readUInt32BE(0);
      };
      await peer.greeted();
      peer.send(headers(1, block(...grpcRequest(paths.unary))));
      for (let at = 0; at < total; at += 600) {
        while (Math.min(credit, streamCredit) < 600 && !peer.closed) await sleep(1);
        credit -= 600;
        streamCredit -= 600;
        peer.send(data(1, body.subarray(at, at + 600), at + 600 >= total));
      }
      peer.send(windowUpdate(0, 7_000_000), windowUpdate(1, 7_000_000));
      await until(
        () => peer.stream(1).ended,
        () => `${JSON.stringify(peer.stream(1))}, GOAWAY ${peer.goawayCode} ${peer.goawayText}`,
        8000,
      );
      expect(peer.stream(1).dataBytes).to.be.greaterThan(total - 100);
      expect(peer.goawayCode).to.equal(-1);
    }));

  it('200 near-empty unary calls a second on one connection, for some seconds', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const peer = await rig.peer();
      const empty = message(Buffer.alloc(0));
      const head = block(...grpcRequest(paths.hello));
      for (let i = 0; i < 600; i++) {
        const id = 2 * i + 1;
        // As some clients do: the message first, then END_STREAM in an empty frame of its own.
        peer.send(headers(id, head), data(id, empty), data(id, Buffer.alloc(0), true));
        await sleep(5);
      }
      await until(
        () => peer.seen.size === 600 && [...peer.seen.values()].every(({ ended }) => ended),
        () => `${peer.seen.size} of 600 were answered, GOAWAY ${peer.goawayCode} ${peer.goawayText}`,
        8000,
      );
      expect([peer.goawayCode, peer.resets.size]).to.deep.equal([-1, 0]);
    }));

  it('a PING for every other message, as clients do that measure their path', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const peer = await rig.peer();
      await peer.greeted();
      peer.send(headers(1, block(...grpcRequest(paths.bidi))));
      const echo = message(Buffer.alloc(0));
      for (let i = 0; i < 200; i++) {
        // 40 messages with 20 PINGs; and a credit for each message that comes back.
        const batch = Array.from({ length: 20 }, () => [data(1, Buffer.concat([echo, echo])), ping()]).flat();
        peer.send(...batch, windowUpdate(0, 2000), windowUpdate(1, 2000));
        await sleep(5);
      }
      peer.send(data(1, Buffer.alloc(0), true));
      await until(
        () => peer.stream(1).ended,
        () => `${JSON.stringify(peer.stream(1))}, GOAWAY ${peer.goawayCode} ${peer.goawayText}`,
        8000,
      );
      expect(peer.counts[Type.Ping]).to.equal(4000);
      expect(peer.goawayCode).to.equal(-1);
    }));

  it('calls that end by deadlines of 20 ms, hundreds in a row', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const client = connectGreeter(rig.target);
      rig.defer(() => client.close());
      const codes = new Map<number, number>();
      for (let i = 0; i < 40; i++) {
        const calls = Array.from({ length: 5 }, () =>
          client.unary({ options: { sleepMs: 2000 } }, { deadlineMs: 20 }),
        );
        for (const { code } of await Promise.all(calls)) codes.set(code, (codes.get(code) ?? 0) + 1);
      }
      expect([...codes]).to.deep.equal([[4, 200]]);
    }));

  it('a reader that pauses for seconds with a megabyte to come gets all of it', async () => {
    const client = connectGreeter(rig.target);
    rig.defer(() => client.close());
    const { call, result } = client.openServerStream({ options: { replies: 20, replyBytes: 100_000 } });
    await sleep(3000);
    let bytes = 0;
    call.on('data', (reply: { payload: Buffer }) => {
      bytes += reply.payload.length;
    });
    expect((await result).code).to.equal(0);
    expect(bytes).to.equal(2_000_000);
  });

  it('a connection of small frames, padded ones and PRIORITY as old browsers send it', async () => {
    const peer = await rig.peer();
    const priorities = [3, 5, 7, 9, 11].map((id) =>
      frame(Type.Priority, 0, id, Buffer.concat([u32(0), Buffer.of(200)])),
    );
    const padded = frame(
      Type.Data,
      0x9,
      13,
      Buffer.concat([Buffer.of(10), message(Buffer.alloc(0)), Buffer.alloc(10)]),
    );
    peer.send(...priorities, headers(13, block(...grpcRequest(paths.hello))), padded);
    await until(
      () => peer.stream(13).ended,
      () => `${JSON.stringify(peer.stream(13))}, GOAWAY ${peer.goawayCode}`,
    );
    expect(peer.goawayCode).to.equal(-1);
  });
});

/** A protobuf field of bytes that is `length` long with its key and length. */
function field(number: number, length: number): Buffer {
  // Four bytes hold lengths from 2 MiB to 256 MiB.
  const value = length - 5;
  const size = Buffer.of(
    (value & 127) | 128,
    ((value >> 7) & 127) | 128,
    ((value >> 14) & 127) | 128,
    (value >> 21) & 127,
  );
  return Buffer.concat([Buffer.of((number << 3) | 2), size, Buffer.alloc(value, 0x61)]);
}
