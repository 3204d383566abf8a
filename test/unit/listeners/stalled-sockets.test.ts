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
  const destroyedAfter = (waiting: (look: number) => number): number => {
    const watch = new StalledSockets();
    const socket = new FakeSocket();
    for (let look = 1; look <= 100; look++) {
      socket.writableLength = waiting(look);
      watch.look([socket as unknown as Socket], 5);
      if (socket.destroyed) return look;
    }
    return -1;
  };

  it('destroys a socket once as much has waited for more looks than allowed', () => {
    expect(destroyedAfter(() => 1000)).to.equal(7);
    expect(destroyedAfter((look) => (look < 50 ? look : 1000))).to.equal(56);
  });

  it('leaves alone what moves, however slowly, and what has nothing to send', () => {
    expect(destroyedAfter((look) => 1000 - look)).to.equal(-1);
    expect(destroyedAfter((look) => 1000 + Math.floor(look / 5))).to.equal(-1);
    expect(destroyedAfter(() => 0)).to.equal(-1);
  });
});
