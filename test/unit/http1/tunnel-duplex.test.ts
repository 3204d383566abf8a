import { once } from 'node:events';
import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { TunnelDuplex } from '../../../src/http1/tunnel-duplex.ts';
import { FakeStream } from '../call/call-rig.ts';

function setUp() {
  const tunnel = new FakeStream();
  const duplex = new TunnelDuplex(tunnel);
  const errors: Error[] = [];
  duplex.on('error', (error) => errors.push(error));
  const arrives = (bytes: Buffer, last = false) => duplex.data(bytes, 0, bytes.length, last);
  return { tunnel, duplex, errors, arrives };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('TunnelDuplex', () => {
  it('passes what arrives, copied, and ends with its last byte', async () => {
    const { duplex, arrives } = setUp();
    const bytes = Buffer.from('abc');
    arrives(bytes);
    bytes.fill(0);
    arrives(Buffer.from('d'), true);
    let heard = '';
    for await (const chunk of duplex) heard += chunk;
    expect(heard).to.equal('abcd');
  });

  it('gives credit for what is read, and for no more than a buffer while nobody reads', async () => {
    const { tunnel, duplex, arrives } = setUp();
    for (let n = 0; n < 100; n++) arrives(Buffer.alloc(16_384));
    await turn();
    expect(tunnel.credit).to.be.below(2 * duplex.readableHighWaterMark + 16_384);
    duplex.resume();
    await turn();
    expect(tunnel.credit).to.equal(100 * 16_384);
  });

  it('has written what its tunnel says was sent, and sends its end behind that', async () => {
    const { tunnel, duplex } = setUp();
    let written = false;
    duplex.write('abc', () => {
      written = true;
    });
    duplex.end();
    await turn();
    expect([written, tunnel.said.join()]).to.deep.equal([false, 'data 3']);
    duplex.sent(2);
    await turn();
    expect(written).to.equal(false);
    duplex.sent(1);
    await turn();
    expect([written, tunnel.said.join(), String(tunnel.body)]).to.deep.equal([
      true,
      'data 3,data 0 last',
      'abc',
    ]);
  });

  it('resets a tunnel that is destroyed, and hears of one that fails, which needs no reset', async () => {
    const first = setUp();
    first.duplex.destroy();
    expect(first.tunnel.said).to.deep.equal(['reset CANCEL']);
    const second = setUp();
    const closed = once(second.duplex, 'close');
    second.duplex.failed({ kind: 'closed', code: ErrorCode.NO_ERROR, message: 'it went away' });
    await closed.catch(() => {});
    await turn();
    expect(second.errors.map(({ message }) => message)).to.deep.equal(['it went away']);
    expect(second.tunnel.said).to.deep.equal([]);
  });

  it('gives no credit for what arrives behind its end', () => {
    const { tunnel, duplex, arrives } = setUp();
    duplex.destroy();
    arrives(Buffer.from('late'));
    expect(tunnel.credit).to.equal(0);
  });
});
