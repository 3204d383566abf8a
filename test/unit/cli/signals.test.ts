import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { processSignals, repeatAfterMs } from '../../../src/cli/signals.ts';
import { VirtualClock } from '../../../src/core/clock.ts';

function setUp() {
  const source = new EventEmitter();
  const clock = new VirtualClock();
  const signals = processSignals(source, clock);
  const seen: string[] = [];
  const listen = (): void => {
    signals.onTerminate(() => seen.push('stop'));
    signals.onTerminateAgain(() => seen.push('end now'));
    signals.onHangup(() => seen.push('reload'));
    signals.onReopenLogs(() => seen.push('reopen'));
  };
  return { source, clock, seen, listen };
}

describe('cli/signals', () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    it(`${signal} drains; the same or another soon after is the same request, a later one ends the drain`, () => {
      const { source, clock, seen, listen } = setUp();
      listen();
      source.emit(signal);
      source.emit(signal);
      clock.advance(repeatAfterMs - 1);
      source.emit('SIGTERM');
      expect(seen).to.deep.equal(['stop']);
      clock.advance(1);
      source.emit('SIGINT');
      expect(seen).to.deep.equal(['stop', 'end now']);
    });

    it(`${signal} that came before anything could be stopped counts once it can`, () => {
      const { source, seen, listen } = setUp();
      source.emit(signal);
      listen();
      expect(seen).to.deep.equal(['stop']);
    });
  }

  it('SIGHUP reloads and SIGUSR1 reopens the logs, each time; before there is anything to do they do nothing', () => {
    const { source, seen, listen } = setUp();
    for (const signal of ['SIGHUP', 'SIGUSR1']) source.emit(signal);
    listen();
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR1']) source.emit(signal);
    expect(seen).to.deep.equal(['reload', 'reopen', 'reopen']);
  });
});
