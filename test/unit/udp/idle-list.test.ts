import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { type IdleEntry, IdleList } from '../../../src/udp/idle-list.ts';

interface Entry extends IdleEntry<Entry> {
  readonly name: string;
}

describe('udp/IdleList', () => {
  function setUp(timeoutMs: () => number = () => 100) {
    const clock = new VirtualClock();
    const expired: string[] = [];
    const list: IdleList<Entry> = new IdleList(clock, timeoutMs, (entry) => {
      expired.push(`${entry.name} at ${clock.now()}`);
      list.remove(entry);
    });
    const add = (name: string): Entry => {
      const entry: Entry = { name, lastMs: 0, earlier: null, later: null };
      list.add(entry);
      return entry;
    };
    return { clock, list, add, expired };
  }

  it('expires each entry when it has been idle for the timeout, by one timer', () => {
    const { clock, list, add, expired } = setUp();
    const a = add('a');
    clock.advance(30);
    add('b');
    clock.advance(30);
    list.touch(a);
    expect(clock.pending).to.equal(1);
    clock.advance(200);
    expect(expired).to.deep.equal(['b at 130', 'a at 160']);
    expect([list.size, clock.pending]).to.deep.equal([0, 0]);
  });

  it('lists its entries from the one that is idle for longest', () => {
    const { list, add, clock } = setUp();
    const [a, b, c] = ['a', 'b', 'c'].map(add);
    list.touch(b);
    list.touch(a);
    list.touch(a);
    expect(list.all()).to.deep.equal([c, b, a]);
    list.remove(b);
    expect(list.all()).to.deep.equal([c, a]);
    for (const entry of [a, c]) list.remove(entry);
    expect([list.size, clock.pending]).to.deep.equal([0, 0]);
  });

  it('reads the timeout of the moment', () => {
    let timeoutMs = 100;
    const { clock, add, expired } = setUp(() => timeoutMs);
    add('a');
    timeoutMs = 60_000;
    clock.advance(59_999);
    expect(expired).to.deep.equal([]);
    clock.advance(1);
    expect(expired).to.deep.equal(['a at 60000']);
    add('b');
    clock.advance(10);
    timeoutMs = 5000;
    clock.advance(6000);
    expect(expired.slice(1)).to.deep.equal(['b at 65000']);
  });

  it('goes on where an entry was not removed when it expired', () => {
    const clock = new VirtualClock();
    const list = new IdleList<Entry>(
      clock,
      () => 100,
      () => {},
    );
    list.add({ name: 'a', lastMs: 0, earlier: null, later: null });
    clock.advance(100);
    expect([list.size, clock.pending]).to.deep.equal([0, 0]);
  });
});
