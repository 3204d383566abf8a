import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect } from 'chai';
import { expired, newAuthority } from '../support/certificates.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { localhostCertificate, localhostKey } from '../unit/health/localhost-certificate.ts';
import { rig } from './rig.ts';

describe('a client certificate that is refused', () => {
  const { greeter, sidecar, defer } = rig();
  const authority = newAuthority();

  function listenerTls(requireClientCert: boolean) {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    const file = (name: string, text: string | Buffer) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    return {
      cert: file('cert.pem', localhostCertificate),
      key: file('key.pem', localhostKey),
      clientCa: file('client-ca.pem', authority.cert),
      requireClientCert,
    };
  }

  for (const [what, issue, reason] of [
    [
      'since it has expired',
      () => authority.issue(['bad.client'], expired),
      'the certificate of the client has expired; renew it',
    ],
    [
      'since nobody knows its authority',
      () => newAuthority('another authority').issue(['bad.client']),
      'the certificate of the client comes from an authority that is not trusted; write the authority of the client certificate in tls.clientCa',
    ],
  ] as const) {
    for (const required of [true, false]) {
      it(`${what}, where one is ${required ? 'required' : 'optional'}: the log says why, and who`, async () => {
        const replica = await greeter();
        const shape = greeterConfig([replica]);
        const proxy = await sidecar({
          ...shape,
          listeners: [{ ...shape.listeners![0], tls: listenerTls(required) }],
        });
        const [, port] = proxy.target().split(':');
        const socket = connect({
          host: 'localhost',
          servername: 'localhost',
          port: Number(port),
          ca: Buffer.from(localhostCertificate),
          ...issue(),
        });
        socket.on('error', () => {});
        let from = 0;
        socket.on('secureConnect', () => {
          from = socket.localPort!;
        });
        socket.resume();
        await once(socket, 'close');
        const refusal = () => proxy.log.find((line) => line.includes('TLS client certificate refused')) ?? '';
        await until(
          () => refusal() !== '',
          () => proxy.log.join('\n'),
        );
        expect(refusal()).to.match(new RegExp(`listener=in peer=\\S+:${from} `));
        expect(refusal()).to.include('serverName=localhost').and.include(`reason="${reason}`);
        // Of a certificate that is required, Node has forgotten the rest by then.
        if (!required) expect(refusal()).to.include('certificate=bad.client');
        expect(proxy.log.join('\n')).to.not.include('hang up');
        expect(replica.calls).to.equal(0);
      });
    }
  }
});
