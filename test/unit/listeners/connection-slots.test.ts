import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { ConnectionSlots } from '../../../src/listeners/connection-slots.ts';

describe('connection slots', () => {
  it('are as many as configured, and given back when their connections close, once each', () => {
    const slots = new ConnectionSlots(2);
    const [first, second, third] = [new EventEmitter(), new EventEmitter(), new EventEmitter()];
    expect([slots.hold(first), slots.hold(second), slots.hold(third), slots.held]).to.deep.equal([
      true,
      true,
      false,
      2,
    ]);
    third.emit('close');
    expect(slots.hold(third), 'one that held none gives none back').to.equal(false);
    first.emit('close');
    first.emit('close');
    expect(slots.held).to.equal(1);
    expect([slots.hold(third), slots.hold(first)]).to.deep.equal([true, false]);
  });

  it('are free again after 300 connections that came and went', async () => {
    const slots = new ConnectionSlots(3);
    const accepted: Socket[] = [];
    const server: Server = createServer((socket) => {
      socket.on('error', () => {});
      if (slots.hold(socket)) accepted.push(socket.resume());
      else socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    for (let round = 0; round < 300; round++) {
      const client = connect(port, '127.0.0.1');
      client.on('error', () => {});
      await once(server, 'connection');
      const closed = new Promise((resolve) => accepted[round].once('close', resolve));
      // By each side in turn, in good order or not.
      if (round % 3 === 0) client.end();
      else if (round % 3 === 1) client.resetAndDestroy();
      else accepted[round].destroy();
      await closed;
      client.destroy();
    }
    expect([accepted.length, slots.held]).to.deep.equal([300, 0]);
    server.close();
    await once(server, 'close');
  });
});
