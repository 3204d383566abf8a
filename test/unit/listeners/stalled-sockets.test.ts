import type { Socket } from 'node:net';
import { expect } from 'chai';
import { StalledSockets } from '../../../src/listeners/stalled-sockets.ts';

class FakeSocket {
  writableLength = 0;
  destroyed = false;
  destroy(): void {
    this.destroyed = true;
  }
}

describe('listeners/stalled-sockets', () => {
  const destroyedAfter = (waiting: (check: number) => number): number => {
    const watch = new StalledSockets();
    const socket = new FakeSocket();
    for (let check = 1; check <= 100; check++) {
      socket.writableLength = waiting(check);
      watch.check([socket as unknown as Socket], 5);
      if (socket.destroyed) return check;
    }
    return -1;
  };

  it('destroys a socket once as much has waited for more checks than allowed', () => {
    expect(destroyedAfter(() => 1000)).to.equal(7);
    expect(destroyedAfter((check) => (check < 50 ? check : 1000))).to.equal(56);
  });

  it('leaves alone what moves, however slowly, and what has nothing to send', () => {
    expect(destroyedAfter((check) => 1000 - check)).to.equal(-1);
    expect(destroyedAfter((check) => 1000 + Math.floor(check / 5))).to.equal(-1);
    expect(destroyedAfter(() => 0)).to.equal(-1);
  });
});
