import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect } from 'chai';
import { startSidecar } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';

describe('a reply before the request is in', () => {
  it('leaves an HTTP/1.1 connection to the next request, whoever would have taken the rest', async () => {
    const [nobody] = await freeAddresses(1);
    const sidecar = await startSidecar({
      listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'gone' }] }],
      clusters: [{ name: 'gone', protocol: 'http1', health: 'none', endpoints: [{ address: nobody }] }],
    });
    const [host, port] = sidecar.target().split(':');
    const socket = connect({ host, port: Number(port) });
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
    });
    // More than is read without credit: nobody gives any for a body that was answered already.
    const body = Buffer.alloc(256 << 10, 'b');
    socket.write(`POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`);
    socket.write(body);
    socket.write('GET /b HTTP/1.1\r\nhost: a\r\n\r\n');
    const replies = () => heard.match(/^HTTP\/1\.1 503 /gm)?.length ?? 0;
    await until(
      () => replies() === 2,
      () => `${replies()} replies: ${heard.slice(0, 200)}`,
    );
    expect(heard.match(/connect_failed/g)?.length).to.be.at.least(2);
    socket.end();
    await once(socket, 'close');
    await sidecar.stop();
  });

  it('is not made where another endpoint can take a large HTTP/1.1 request that never left', async () => {
    const [nobody] = await freeAddresses(1);
    const lengths: number[] = [];
    const server = createServer((request, reply) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      request.on('end', () => {
        lengths.push(bytes);
        reply.end('ok');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const sidecar = await startSidecar({
      listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'c' }] }],
      clusters: [
        {
          name: 'c',
          protocol: 'http1',
          health: 'none',
          balancer: { policy: 'round_robin' },
          endpoints: [{ address: nobody }, { address }],
        },
      ],
    });
    const body = Buffer.alloc(256 << 10, 'b');
    for (let i = 0; i < 4; i++) {
      const reply = await fetch(`http://${sidecar.target()}/`, { method: 'POST', body });
      expect(`${reply.status} ${await reply.text()}`).to.equal('200 ok');
    }
    expect(lengths).to.deep.equal(Array(4).fill(body.length));
    await sidecar.stop();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
});
