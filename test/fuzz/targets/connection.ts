import { ByteSource } from '../byte-source.ts';
import { EndUnderTest } from '../engine/end-under-test.ts';
import { FrameOp, recordBytes, ScriptedPeer } from '../engine/script.ts';
import { connectionSeeds } from '../engine/seeds.ts';
import type { FuzzTarget } from '../target.ts';

/** Which end is under test; the other is a script. */
type Role = 'client' | 'server';

/** Operations of a record, after those of `ScriptedPeer`. */
const appOps = 6;
const opCount = FrameOp.names + appOps + 6;

class Play {
  private readonly role: Role;
  private readonly end: EndUnderTest;
  private readonly peer: ScriptedPeer;
  private readonly eager: boolean;
  private pieceBytes: number;
  private nowMs = 0;

  constructor(role: Role, source: ByteSource) {
    this.role = role;
    const set = source.u8();
    const flags = source.u8();
    this.pieceBytes = source.u8() % 40;
    this.end = new EndUnderTest(role, set);
    this.end.reads = (flags & 1) === 0;
    this.end.answers = (flags & 2) !== 0;
    this.eager = (flags & 4) !== 0;
    this.peer = new ScriptedPeer(role === 'server');
    // A peer that does not even begin well is not let in further; most begin well.
    if ((flags & 0xf0) === 0xf0) return;
    if (role === 'server') this.peer.say(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'));
    this.peer.frame(4, 0, 0, Buffer.alloc(0));
    if ((flags & 8) === 0) this.peer.frame(4, 1, 0, Buffer.alloc(0));
    this.deliver();
  }

  step(record: Uint8Array): void {
    const op = record[0] % opCount;
    if (op < FrameOp.names) {
      this.peer.step(op, record);
      if (this.eager) this.deliver();
    } else if (op < FrameOp.names + appOps) {
      if (op === FrameOp.names && this.role === 'client') this.request(record);
      else this.end.act(op - FrameOp.names, record);
    } else this.transport(op - FrameOp.names - appOps, record);
  }

  private request([, a, b, c, d]: Uint8Array): void {
    const opened = this.end.open(a, b & 0x80 ? b : 0, c, (d & 1) === 1);
    // What the peer may speak on.
    if (opened !== null) this.peer.ids.push((opened.stream as unknown as { id: number }).id);
  }

  private transport(op: number, [, a, b]: Uint8Array): void {
    const { connection } = this.end;
    if (op === 0 || op === 1) {
      this.pieceBytes = a % 40;
      this.deliver();
    } else if (op === 2) this.end.flush(this.nowMs);
    else if (op === 3) this.nowMs += a * b;
    else if (op === 4 && !this.end.over) connection.setTransportReady((a & 1) === 1);
    else if ((a & 7) === 0) connection.shutdown();
    else if ((a & 7) === 1) connection.announceShutdown();
    else this.end.flush(this.nowMs);
    this.end.inspect();
  }

  deliver(): void {
    this.end.receive(this.peer.take(), this.pieceBytes, this.nowMs);
  }

  finish(): void {
    this.deliver();
    this.end.flush(this.nowMs);
    this.end.finish();
  }
}

function runAs(role: Role): (input: Uint8Array) => void {
  return (input) => {
    const source = new ByteSource(input);
    const play = new Play(role, source);
    while (source.left > 0) {
      const record = new Uint8Array(recordBytes);
      record.set(source.take(recordBytes));
      play.step(record);
    }
    play.finish();
  };
}

const shared = {
  inputBytesMax: 3 + recordBytes * 96,
  recordBytes,
  headBytes: 3,
  dictionary: [],
};

export const server: FuzzTarget = {
  about: 'a server connection under a scripted client: no throw, legal output, bounded work and memory',
  ...shared,
  seeds: () => connectionSeeds('server'),
  run: runAs('server'),
};

export const client: FuzzTarget = {
  about: 'a client connection under a scripted server: the same',
  ...shared,
  seeds: () => connectionSeeds('client'),
  run: runAs('client'),
};
