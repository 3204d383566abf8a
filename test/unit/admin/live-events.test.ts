import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import {
  LiveEvents,
  type LiveSection,
  liveClientsMax,
  liveEndingTicksMax,
  liveSkipsMax,
} from '../../../src/admin/live-events.ts';
import { VirtualClock } from '../../../src/core/clock.ts';

class FakeResponse extends EventEmitter {
  written = '';
  writableNeedDrain = false;
  ended = false;
  write(text: string): void {
    this.written += text;
  }
  end(text = ''): void {
    this.written += text;
    this.ended = true;
  }
  destroy(): void {
    this.emit('close');
  }
  get snapshots(): number {
    return this.written.split('event: snapshot\n').length - 1;
  }
}

/** A snapshot that is another each time. */
function counter(): () => unknown {
  let n = 0;
  return () => ({ n: ++n });
}

function rig(snapshot: () => unknown = counter(), more: readonly LiveSection[] = []) {
  const clock = new VirtualClock();
  const events = new LiveEvents(clock, [{ name: 'snapshot', make: snapshot }, ...more], () => [7]);
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

  it('makes one snapshot a second for all readers, also for those that come in between, and none without any', () => {
    let made = 0;
    const { clock, add } = rig(() => ++made);
    clock.advance(5_000);
    expect(made).to.equal(0);
    const readers = [add(), add(), add()];
    expect(readers.map(({ snapshots }) => snapshots)).to.deep.equal([1, 1, 1]);
    clock.advance(1_000);
    expect(made).to.equal(2);
    for (const reader of readers) reader.emit('close');
    expect(clock.pending).to.equal(0);
  });

  it('sends a section only to readers that do not have it as it is', () => {
    let routes = 'a';
    const { clock, events, add } = rig(counter(), [{ name: 'routes', make: () => routes }]);
    const first = add();
    clock.advance(3_000);
    const late = add();
    const sent = ({ written }: FakeResponse) =>
      [...written.matchAll(/event: routes\ndata: "(.)"/g)].map(([, r]) => r);
    expect([sent(first), sent(late)]).to.deep.equal([['a'], ['a']]);
    routes = 'b';
    first.writableNeedDrain = true;
    clock.advance(2_000);
    expect([sent(first), sent(late)]).to.deep.equal([['a'], ['a', 'b']]);
    first.writableNeedDrain = false;
    clock.advance(1_000);
    expect(sent(first), 'a reader that was slow gets what it missed').to.deep.equal(['a', 'b']);
    events.close();
  });

  it('makes the sections of a pace when that is over or their urgency is another', () => {
    let urgency = 'healthy';
    let made = 0;
    const pace = { read: () => ({ everyMs: 3_000, urgency }) };
    const sections = ['clusters', 'calls'].map((name) => ({ name, make: () => ++made, pace }));
    const { clock, events, add } = rig(counter(), sections);
    const reader = add();
    expect(made).to.equal(2);
    clock.advance(2_000);
    expect([made, reader.snapshots]).to.deep.equal([2, 3]);
    clock.advance(1_000);
    expect(made).to.equal(4);
    urgency = 'ejected';
    clock.advance(1_000);
    expect(made, 'at once').to.equal(6);
    clock.advance(2_000);
    expect(made, 'the pace begins again').to.equal(6);
    expect(reader.written).to.match(/event: clusters\ndata: 5\n\nevent: calls\ndata: 6\n\n/);
    events.close();
  });

  it('makes the sections of a pace that cannot be read, so that they say what is wrong', () => {
    const trouble = () => {
      throw new Error('no clusters');
    };
    const { events, add } = rig(counter(), [{ name: 'clusters', make: trouble, pace: { read: trouble } }]);
    expect(add().written).to.include('event: trouble\ndata: {"message":"Error: no clusters"}\n\n');
    events.close();
  });

  it('lets a slow reader miss snapshots, ends its stream with the reason, and cuts it off where it takes nothing', () => {
    const { clock, add } = rig();
    const slow = add();
    slow.writableNeedDrain = true;
    clock.advance(2_000);
    expect(slow.snapshots).to.equal(1);
    slow.writableNeedDrain = false;
    clock.advance(1_000);
    expect(slow.snapshots).to.equal(2);
    slow.writableNeedDrain = true;
    clock.advance(liveSkipsMax * 1_000);
    expect(slow.ended).to.equal(false);
    clock.advance(1_000);
    expect(slow.ended).to.equal(true);
    expect(slow.written).to.match(/event: closing\ndata: \{"reason":"the reader is too slow"\}\n\n$/);
    slow.writableNeedDrain = false;
    clock.advance((liveEndingTicksMax - 1) * 1_000);
    expect([slow.snapshots, clock.pending], 'nothing is written after the end').to.deep.equal([2, 1]);
    clock.advance(1_000);
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
