import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { LiveEvents, liveClientsMax, liveSkipsMax } from '../../../src/admin/live-events.ts';
import { VirtualClock } from '../../../src/core/clock.ts';

class FakeResponse extends EventEmitter {
  written = '';
  writableNeedDrain = false;
  ended = false;
  write(text: string): void {
    this.written += text;
  }
  end(): void {
    this.ended = true;
  }
  destroy(): void {
    this.emit('close');
  }
  get snapshots(): number {
    return this.written.split('event: snapshot\n').length - 1;
  }
}

function rig(snapshot: () => unknown = () => ({ n: 1 })) {
  const clock = new VirtualClock();
  const events = new LiveEvents(clock, snapshot, () => [7]);
  const add = (isAllowed?: () => boolean) => {
    const response = new FakeResponse();
    events.add(response as unknown as ServerResponse, isAllowed);
    return response;
  };
  return { clock, events, add };
}

describe('admin/live-events', () => {
  it('sends the history once and a snapshot at once and every second', () => {
    const { clock, events, add } = rig();
    const reader = add();
    expect(reader.written).to.equal(
      'retry: 1000\n\nevent: history\ndata: [7]\n\nevent: snapshot\ndata: {"n":1}\n\n',
    );
    clock.advance(3_000);
    expect(reader.snapshots).to.equal(4);
    events.close();
    expect([reader.ended, clock.pending]).to.deep.equal([true, 0]);
  });

  it('ends the streams of readers that are no longer allowed, at a recheck', () => {
    const { clock, events, add } = rig();
    let isAllowed = true;
    const [revoked, other] = [add(() => isAllowed), add()];
    events.recheck();
    expect([revoked.ended, other.ended]).to.deep.equal([false, false]);
    isAllowed = false;
    events.recheck();
    expect([revoked.ended, other.ended]).to.deep.equal([true, false]);
    clock.advance(1_000);
    expect([revoked.snapshots, other.snapshots]).to.deep.equal([1, 2]);
    events.close();
  });

  it('makes one snapshot for all readers and none without any', () => {
    let made = 0;
    const { clock, add } = rig(() => ++made);
    clock.advance(5_000);
    expect(made).to.equal(0);
    const readers = [add(), add()];
    clock.advance(1_000);
    expect(made).to.equal(3);
    for (const reader of readers) reader.emit('close');
    expect(clock.pending).to.equal(0);
  });

  it('lets a slow reader miss snapshots, and disconnects it in the end', () => {
    const { clock, add } = rig();
    const slow = add();
    slow.writableNeedDrain = true;
    clock.advance(2_000);
    expect(slow.snapshots).to.equal(1);
    slow.writableNeedDrain = false;
    clock.advance(1_000);
    expect(slow.snapshots).to.equal(2);
    slow.writableNeedDrain = true;
    clock.advance((liveSkipsMax + 1) * 1_000);
    expect(clock.pending, 'it was the last').to.equal(0);
  });

  it('has room for a limited number', () => {
    const { events, add } = rig();
    for (let i = 0; i < liveClientsMax; i++) {
      expect(events.full).to.equal(false);
      add();
    }
    expect(events.full).to.equal(true);
    events.close();
  });

  it('says what trouble it has with a snapshot, and goes on', () => {
    let broken = true;
    const { clock, events, add } = rig(() => {
      if (broken) throw new Error('no clusters');
      return {};
    });
    const reader = add();
    expect(reader.written).to.include('event: trouble\ndata: {"message":"Error: no clusters"}\n\n');
    broken = false;
    clock.advance(1_000);
    expect(reader.snapshots).to.equal(1);
    events.close();
  });
});
