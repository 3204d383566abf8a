import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/**
 * The name of the cipher of a TLS connection where HTTP/2 does not allow it, '' where it does and where there is no TLS. RFC 9113
 * section 9.2.2 lists what TLS 1.2 must not use in Appendix A: all suites without an ephemeral key exchange, whose recordings can
 * be decrypted later with the key of the server, and all without authenticated encryption. TLS 1.3 has no such suite.
 */
export function forbiddenCipher(socket: Socket): string {
  if (!(socket instanceof TLSSocket)) return '';
  const { name, version } = socket.getCipher() ?? {};
  if (name === undefined || version === 'TLSv1.3' || name.startsWith('TLS_')) return '';
  return /^(EC)?DHE-.*(GCM|CCM|CHACHA20)/.test(name) ? '' : name;
}
