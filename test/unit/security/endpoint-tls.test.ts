import { once } from 'node:events';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { type Address, parseAddress } from '../../../src/core/address.ts';
import { endpointTls } from '../../../src/security/endpoint-tls.ts';
import { newAuthority } from '../../support/certificates.ts';

const address = (text: string): Address => parseAddress(text).value as Address;

describe('the TLS options of an endpoint', () => {
  for (const [what, at, hostname, override, sni] of [
    ['the name that was looked up', '10.0.0.1:443', 'orders.example', undefined, 'orders.example'],
    ['that name without the dot of the root', '10.0.0.1:443', 'orders.example.', undefined, 'orders.example'],
    ['the host of a static address', 'orders.example:443', '', undefined, 'orders.example'],
    ['the host of a static address without its dot', 'orders.example.:443', '', undefined, 'orders.example'],
    ['the override before all', '10.0.0.1:443', 'orders.example', 'other.example', 'other.example'],
    ['no address', '10.0.0.1:443', '', undefined, ''],
    ['no IPv6 address', '[::1]:443', '', undefined, ''],
    ['no IPv6 address with a zone', '[fe80::1%eth0]:443', '', undefined, ''],
    ['no address, be it the override', 'orders.example:443', '', '10.0.0.1', ''],
    ['localhost for a Unix socket', 'unix:/x.sock', '', undefined, 'localhost'],
  ] as const) {
    it(`send ${what} as SNI`, () => {
      const tls = endpointTls({ servername: override }, address(at), hostname);
      expect(tls.servername).to.equal(sni);
    });
  }

  const authority = newAuthority();
  for (const [certified, at, hostname, fits] of [
    [['orders.example'], '127.0.0.1:0', 'orders.example', true],
    [['*.shop.example'], '127.0.0.1:0', 'orders.shop.example.', true],
    [['other.example'], '127.0.0.1:0', 'orders.example', false],
    // The address alone is nobody's identity where a name led to it.
    [['127.0.0.1'], '127.0.0.1:0', 'orders.example', false],
    [['127.0.0.1'], '127.0.0.1:0', '', true],
    [['127.0.0.2'], '127.0.0.1:0', '', false],
    [['orders.example'], '127.0.0.1:0', '', false],
    [['fe80::1'], '[fe80::1%lo]:0', '', true],
    [['fe80::2'], '[fe80::1%lo]:0', '', false],
    [[], '127.0.0.1:0', 'orders.example', false],
  ] as const) {
    it(`${fits ? 'accept' : 'refuse'} a certificate for ${certified.join() || 'nobody'} at ${at} of ${hostname || 'no name'}`, async () => {
      const server = createServer(authority.issue(certified), (socket: TLSSocket) => socket.end());
      server.on('tlsClientError', () => {});
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const tls = endpointTls({ ca: authority.cert }, address(at), hostname);
      const socket = connect({ host: '127.0.0.1', port, ...tls });
      const result = await new Promise((resolve) => {
        socket.once('secureConnect', () => resolve(''));
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      });
      expect(result).to.equal(fits ? '' : 'ERR_TLS_CERT_ALTNAME_INVALID');
      socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
  }
});
