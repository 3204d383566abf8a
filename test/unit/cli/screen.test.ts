import { EventEmitter } from 'node:events';
import type { WriteStream } from 'node:tty';
import { expect } from 'chai';
import { screenOf } from '../../../src/cli/screen.ts';

type Out = Pick<WriteStream, 'isTTY' | 'columns' | 'rows' | 'write'>;

class FakeKeyboard extends EventEmitter {
  isTTY = true;
  raw = false;
  setRawMode(raw: boolean) {
    this.raw = raw;
    return this as never;
  }
  setEncoding = () => this as never;
  resume = () => this as never;
  pause = () => this as never;
}

describe('cli/screen', () => {
  const terminal = { isTTY: true, columns: 120, rows: 40, write: () => true } as unknown as Out;
  const keyboard = () => new FakeKeyboard() as never;

  it('is undefined for a file or a pipe', () => {
    expect(screenOf({ ...terminal, isTTY: false } as Out, keyboard(), {})).to.equal(undefined);
  });

  it('has the size of the terminal, and 80 columns where that is unknown', () => {
    expect(screenOf(terminal, keyboard(), {})).to.include({ columns: 120, rows: 40 });
    const unsized = { ...terminal, columns: 0, rows: 0 } as Out;
    expect(screenOf(unsized, keyboard(), {})).to.include({ columns: 80, rows: 24 });
  });

  it('has styles unless NO_COLOR is set to something or the terminal is dumb', () => {
    expect(screenOf(terminal, keyboard(), {})?.hasStyles).to.equal(true);
    expect(screenOf(terminal, keyboard(), { NO_COLOR: '' })?.hasStyles).to.equal(true);
    expect(screenOf(terminal, keyboard(), { NO_COLOR: '1' })?.hasStyles).to.equal(false);
    expect(screenOf(terminal, keyboard(), { TERM: 'dumb' })?.hasStyles).to.equal(false);
  });

  it('passes keys on, and gives the keyboard back', () => {
    const keys = new FakeKeyboard();
    const pressed: string[] = [];
    const stop = screenOf(terminal, keys as never, {})?.onKey?.((key) => pressed.push(key));
    expect(keys.raw).to.equal(true);
    keys.emit('data', 'ab');
    keys.emit('data', '\x1b[A');
    stop?.();
    keys.emit('data', 'c');
    expect(pressed).to.deep.equal(['a', 'b', '\x1b[A']);
    expect([keys.raw, keys.listenerCount('data')]).to.deep.equal([false, 0]);
  });
});
