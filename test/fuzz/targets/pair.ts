import { ByteSource } from '../byte-source.ts';
import type { AppStream } from '../engine/app.ts';
import { EndUnderTest } from '../engine/end-under-test.ts';
import { recordBytes } from '../engine/script.ts';
import { pairSeeds } from '../engine/seeds.ts';
import { frameBytes } from '../reference/frames.ts';
import { check, type FuzzTarget } from '../target.ts';

/** Limits that honest traffic of this size keeps to. */
const honestSets = [0, 1, 2, 4];
/** Heads that need no body of a certain length. */
const honestHeads = [0, 1, 2, 7];
/** Rounds until both ends are quiet; each moves bytes, or it was the last. */
const roundsMax = 20_000;

/**
 * Both roles of the engine, joined. While nobody touches the bytes between them every call must arrive whole; once the
 * script spoils them, both ends must still keep to the protocol, and end in order.
 */
class Pair {
  private readonly honest: boolean;
  private readonly client: EndUnderTest;
  private readonly server: EndUnderTest;
  private nowMs = 0;

  constructor(source: ByteSource) {
    const flags = source.u8();
    const [a, b] = [source.u8(), source.u8()];
    this.honest = (flags & 1) === 0;
    this.client = new EndUnderTest('client', this.honest ? honestSets[a % honestSets.length] : a);
    this.server = new EndUnderTest('server', this.honest ? honestSets[b % honestSets.length] : b);
    for (const end of [this.client, this.server]) {
      end.keepBody = this.honest;
      end.reads = (flags & 2) === 0;
    }
    this.server.answers = (flags & 4) !== 0;
  }

  step(record: Uint8Array): void {
    const [op, a, b, c, d, e] = record;
    const end = (a & 1) === 0 ? this.client : this.server;
    switch (op % 10) {
      case 0:
        this.client.open(
          this.honest ? honestHeads[b % honestHeads.length] : b,
          this.honest ? 0 : c,
          d,
          (e & 1) === 1,
        );
        return;
      case 1:
      case 2:
      case 3:
        return this.act(end, b % 6, record);
      case 4:
        this.move(this.client, this.server, 1 + b, c % 64);
        return;
      case 5:
        this.move(this.server, this.client, 1 + b, c % 64);
        return;
      case 6:
        return this.settle(c % 64);
      case 7:
        if (!this.honest) this.spoil(end, b, (c << 8) | d, e);
        return;
      case 8:
        this.nowMs += b;
        return end.flush(this.nowMs);
      default:
        if (!end.over) end.connection.setTransportReady((b & 1) === 1);
        if (!this.honest && (b & 0x1e) === 0x1e) end.connection.shutdown();
        return end.inspect();
    }
  }

  private act(end: EndUnderTest, op: number, [, , , c, d, e, f, g]: Uint8Array): void {
    // An honest reply declares no length that its body has not.
    const first = op === 0 && this.honest ? d % 2 : d;
    end.act(op, Uint8Array.of(0, c, first, e, f, g, 0, 0));
  }

  /** At most `count` bytes (times 256) travel from one end to the other. */
  private move(from: EndUnderTest, to: EndUnderTest, count: number, pieceBytes: number): boolean {
    from.flush(this.nowMs);
    const wire = from.takeOutgoing();
    if (wire.length === 0) return false;
    const moved = wire.subarray(0, count * 256);
    from.outgoing = wire.subarray(moved.length);
    to.receive(moved, pieceBytes, this.nowMs);
    return true;
  }

  private settle(pieceBytes: number): void {
    for (let round = 0; ; round++) {
      check(round < roundsMax, 'two ends fall silent at last');
      const there = this.move(this.client, this.server, 1024, pieceBytes);
      const back = this.move(this.server, this.client, 1024, pieceBytes);
      if (!there && !back) return;
    }
  }

  /** Changes what an end has written and has not arrived: bytes, whole pieces, a frame more. */
  private spoil(from: EndUnderTest, how: number, at: number, value: number): void {
    from.flush(this.nowMs);
    const wire = Buffer.from(from.outgoing);
    const place = wire.length === 0 ? 0 : at % wire.length;
    const frame = frameBytes(value % 11, how >> 3, at % 8, Buffer.alloc(at % 9, value));
    if (how % 8 < 2 && wire.length > 0) wire[place] = value;
    else if (how % 8 === 2 && wire.length > 0) wire[place] ^= 1 << (value % 8);
    const start = how % 8 > 5 ? 0 : place;
    if (how % 8 === 3) from.outgoing = Buffer.concat([wire.subarray(0, place), wire.subarray(place + value)]);
    else if (how % 8 === 4) from.outgoing = Buffer.concat([wire, wire.subarray(place)]);
    else if (how % 8 > 4)
      from.outgoing = Buffer.concat([wire.subarray(0, start), frame, wire.subarray(start)]);
    else from.outgoing = wire;
  }

  finish(): void {
    for (const end of [this.client, this.server]) if (!end.over) end.connection.setTransportReady(true);
    this.settle(0);
    for (let round = 0; round < 3; round++) {
      for (const end of [this.client, this.server]) end.complete();
      // Resets may be spread over time; a minute is enough for all that a script can make.
      this.nowMs += 60_000;
      this.settle(0);
    }
    if (this.honest) this.whole();
    this.client.finish();
    this.server.finish();
  }

  private whole(): void {
    for (const end of [this.client, this.server]) {
      check(!end.over || end.error === null, `an honest connection ended: ${end.error?.message}`);
      check(end.connection.streams.size === 0, `${end.connection.streams.size} streams are still open`);
      check(end.over || end.model.unanswered === 0, 'SETTINGS and PINGs are answered');
      const windowBytes = Math.max(end.connection.options.connectionWindowBytes, 65_535);
      check(
        end.over || end.model.connectionGranted * 2 > windowBytes,
        'the window of the connection is given back',
      );
    }
    const answers = new Map(this.server.apps.map((app) => [idOf(app), app]));
    for (const asked of this.client.apps) compare(asked, answers.get(idOf(asked)));
  }
}

function idOf(app: AppStream): number {
  return (app.stream as unknown as { id: number }).id;
}

/** What one end said is what the other heard, unless one of them ended it early and the other was told so. */
function compare(asked: AppStream, answered: AppStream | undefined): void {
  if (answered === undefined) {
    const told = asked.failure !== null || asked.resetSaid;
    return check(told, 'a call that did not arrive fails');
  }
  const early = asked.resetSaid || answered.resetSaid || answered.discards;
  if (asked.failure !== null)
    check(early, `a call failed that nobody ended: ${asked.failure.kind} ${asked.failure.message}`);
  check(starts(answered.bodySaid, asked.bodyHeard), 'a reply arrives in order');
  check(starts(asked.bodySaid, answered.bodyHeard), 'a request arrives in order');
  if (early) return;
  check(asked.ended && asked.bodyHeard.length === answered.bodySaid.length, 'a reply arrives whole');
  check((asked.trailersHeard !== null) === answered.trailersSaid, 'trailers arrive as trailers');
  // A reply that ends before the request does ends the request as well.
  if (answered.ended) check(answered.bodyHeard.length === asked.bodySaid.length, 'a request arrives whole');
  else check(answered.endSaid, 'a request arrives to its end, or is answered before');
}

function starts(whole: Buffer, begin: Buffer): boolean {
  return begin.length <= whole.length && whole.subarray(0, begin.length).equals(begin);
}

function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  const pair = new Pair(source);
  while (source.left > 0) {
    const record = new Uint8Array(recordBytes);
    record.set(source.take(recordBytes));
    pair.step(record);
  }
  pair.finish();
}

export const pair: FuzzTarget = {
  about: 'client and server joined: calls arrive whole; with spoilt bytes between them both stay in order',
  inputBytesMax: 3 + recordBytes * 96,
  recordBytes,
  headBytes: 3,
  dictionary: [],
  seeds: pairSeeds,
  run,
};
