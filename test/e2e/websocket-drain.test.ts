import { expect } from 'chai';
import { eventually } from '../integration/http1-rig.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { openTunnel, startTunnelServer, type TunnelProtocol } from '../support/tunnels.ts';
import { rig } from './rig.ts';

const protocols: readonly TunnelProtocol[] = ['http1', 'http2'];
/** A text frame of a server and the beginning of one; a client masks both, with zeros. */
const whole = Buffer.from('810161', 'hex');
const half = Buffer.from('810561', 'hex');
const masked = { whole: Buffer.from('81810000000061', 'hex'), half: Buffer.from('81850000000061', 'hex') };
const close = '880203e9';

/** The status of a masked close frame, or the bytes where it is none. */
function statusOf(bytes: Buffer): number | string {
  if (bytes.subarray(0, 2).toString('hex') !== '8882' || bytes.length !== 8) return bytes.toString('hex');
  return Buffer.of(bytes[6] ^ bytes[2], bytes[7] ^ bytes[3]).readUInt16BE();
}

for (const client of protocols)
  for (const server of protocols)
    describe(`the end of a drain, for a WebSocket from ${client} to ${server}`, () => {
      const { sidecar, defer } = rig();

      async function open() {
        const replica = await startTunnelServer(server);
        defer(() => replica.close());
        const drain = { delay: '0s', grace: '100ms' };
        const proxy = await sidecar(
          greeterConfig([replica], { protocol: server, health: 'none' }, { drain }),
        );
        const tunnel = await openTunnel(client, proxy.target());
        defer(() => tunnel.close());
        const [served] = replica.tunnels;
        const said = async (toEndpoint: Buffer, toClient: Buffer) => {
          tunnel.duplex.write(toEndpoint);
          served.duplex.write(toClient);
          await eventually(() => served.heard().length === toEndpoint.length);
          await eventually(() => tunnel.heard().length === toClient.length);
        };
        const stop = async () => {
          expect(await proxy.stop()).to.include({ cut: 1 });
          await eventually(
            () => tunnel.duplex.readableEnded || tunnel.duplex.destroyed,
            'the client is ended',
          );
          await eventually(
            () => served.duplex.readableEnded || served.duplex.destroyed,
            'the endpoint is ended',
          );
        };
        return { proxy, said, stop, tunnel, served };
      }
      const heardSince = ({ heard }: { heard(): string }, before: Buffer) =>
        Buffer.from(heard(), 'latin1').subarray(before.length);

      it('sends each side a close frame behind what has passed', async () => {
        const { proxy, said, stop, tunnel, served } = await open();
        await said(masked.whole, whole);
        await stop();
        expect(heardSince(tunnel, whole).toString('hex')).to.equal(close);
        expect(statusOf(heardSince(served, masked.whole))).to.equal(1001);
        await eventually(() => proxy.calls().length === 1);
        expect(proxy.calls()[0]).to.include({ httpStatus: 101, error: 'draining', endedBy: 'outrigger' });
        expect(proxy.calls()[0].attempts[0].tally).to.equal('other');
      });

      it('sends the client none into the middle of a frame', async () => {
        const { said, stop, tunnel, served } = await open();
        await said(masked.whole, half);
        await stop();
        expect(heardSince(tunnel, half)).to.have.length(0);
        expect(statusOf(heardSince(served, masked.whole))).to.equal(1001);
      });

      it('sends the endpoint none into the middle of a frame', async () => {
        const { said, stop, tunnel, served } = await open();
        await said(masked.half, whole);
        await stop();
        expect(heardSince(tunnel, whole).toString('hex')).to.equal(close);
        expect(heardSince(served, masked.half)).to.have.length(0);
      });

      it('sends none behind that of the peer', async () => {
        const { said, stop, tunnel } = await open();
        const closing = Buffer.from('880203e8', 'hex');
        await said(masked.whole, closing);
        await stop();
        expect(heardSince(tunnel, closing)).to.have.length(0);
      });
    });
