import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { countListening, portSharers } from '../../../src/listeners/port-sharers.ts';

describe('portSharers', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:3A99 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0000 100 0 0 10 0
   1: 0100007F:3A99 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 112 1 0000 100 0 0 10 0
   2: 0100007F:3A99 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 113 1 0000 100 0 0 10 0
   3: 00000000:3A99 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 114 1 0000 100 0 0 10 0
   4: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00:0 00:0 0 0 0 115
   5: B80D01200000000000000000010000AB:0050 00000000000000000000000000000000:0000 0A 00:0 00:0 0 0 0 116`;

  it('counts sockets that listen on the very address; not connections, not the wildcard beside it', () => {
    expect(countListening(table, { host: '127.0.0.1', port: 15001 })).to.equal(2);
    expect(countListening(table, { host: '0.0.0.0', port: 15001 })).to.equal(1);
    expect(countListening(table, { host: '127.0.0.1', port: 15002 })).to.equal(0);
  });

  it('knows IPv6 in all its forms', () => {
    expect(countListening(table, { host: '::1', port: 80 })).to.equal(1);
    expect(countListening(table, { host: '0:0:0:0:0:0:0:1', port: 80 })).to.equal(1);
    expect(countListening(table, { host: '2001:db8::ab00:1', port: 80 })).to.equal(1);
    expect(countListening(table, { host: '::', port: 80 })).to.equal(0);
  });

  it('sees a second one come and go', async function () {
    if (process.platform !== 'linux') this.skip(); // the kernel's tables are those of Linux
    const listen = async (port: number): Promise<Server> => {
      const server = createServer().listen({ host: '127.0.0.1', port, reusePort: true });
      await once(server, 'listening');
      return server;
    };
    const first = await listen(0);
    const { port } = first.address() as { port: number };
    const count = () => portSharers({ kind: 'tcp', host: '127.0.0.1', port });
    expect(count()).to.equal(1);
    const second = await listen(port);
    expect(count()).to.equal(2);
    await new Promise((closed) => second.close(closed));
    expect(count()).to.equal(1);
    await new Promise((closed) => first.close(closed));
    expect(count()).to.equal(0);
  });

  it('says nothing of socket files', () => {
    expect(portSharers({ kind: 'unix', path: '/x' })).to.equal(null);
  });
});
