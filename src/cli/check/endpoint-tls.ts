import type { X509Certificate } from 'node:crypto';
import { checkServerIdentity, type TLSSocket } from 'node:tls';
import { connectionErrorText } from '../../core/connection-error.ts';
import { forbiddenCipher } from '../../core/tls-cipher.ts';
import { clusterTls } from '../../runtime/build-cluster.ts';
import { endpointTls } from '../../security/endpoint-tls.ts';
import { checkExpiry } from './certificate.ts';
import type { EndpointTarget } from './endpoint-target.ts';
import type { Findings } from './finding.ts';
import type { CheckDeps } from './limits.ts';
import { openTls } from './open-socket.ts';

/** Certificates of one chain that are checked; a longer one is a mistake. */
const chainMax = 10;

/**
 * Checks the TLS handshake of an endpoint, its certificate (chain, name and expiry, each by itself, since a certificate may be
 * wrong in more than one way) and ALPN. Returns whether a call would get through.
 */
export async function checkTls(target: EndpointTarget, deps: CheckDeps, found: Findings): Promise<boolean> {
  const { cluster, address, hostname } = target;
  const options = endpointTls(clusterTls(cluster)!, address, hostname);
  const alpn = cluster.protocol === 'http2' ? 'h2' : 'http/1.1';
  const secured = await openTls(address, options, alpn, deps);
  if (secured.socket === undefined) {
    const [what, ...fix] = secured.error.split('; ');
    found.failed('tls', what, fix.join('; ') || 'check tls of the cluster and the log of the server');
    return false;
  }
  const { socket } = secured;
  // Node gives it once: a second question gets nothing.
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) {
    socket.destroy();
    found.failed('tls', 'the server sent no certificate', 'check the log of the server');
    return false;
  }
  const results = [
    checkCipher(socket, found),
    checkChain(socket, certificate, found),
    checkNames(certificate, target, found),
    checkDates(certificate, deps, found),
    alpn === 'h2' ? checkAlpn(socket, found) : true,
  ];
  socket.destroy();
  return results.every(Boolean);
}

function checkCipher(socket: TLSSocket, found: Findings): boolean {
  const cipher = forbiddenCipher(socket);
  if (cipher === '') {
    found.ok('tls', `${socket.getProtocol()}, ${socket.getCipher().standardName ?? socket.getCipher().name}`);
    return true;
  }
  found.failed(
    'tls',
    `the server chose the TLS cipher ${cipher}, which HTTP/2 does not allow`,
    'let the server use TLS 1.3, or ECDHE ciphers with GCM or ChaCha20',
  );
  return false;
}

/** Reasons that have a check of their own. */
const datesOnly = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'ERR_TLS_CERT_ALTNAME_INVALID']);

function checkChain(socket: TLSSocket, { issuer }: X509Certificate, found: Findings): boolean {
  // A code, though its type says an error; an error where the name does not match.
  const reason = socket.authorizationError as unknown as string | NodeJS.ErrnoException | undefined;
  const code = typeof reason === 'string' ? reason : (reason?.code ?? '');
  if (socket.authorized || datesOnly.has(code)) {
    const name = /^CN=(.+)$/m.exec(issuer)?.[1] ?? issuer.split('\n')[0];
    found.ok('certificate-chain', `the certificate is signed by a trusted authority (${name.slice(0, 80)})`);
    return true;
  }
  const error = Object.assign(new Error(code), { code });
  const [what, ...fix] = connectionErrorText(error, 'server').split('; ');
  found.failed('certificate-chain', what, fix.join('; ') || 'check tls.ca of the cluster');
  return false;
}

function checkNames(
  certificate: X509Certificate,
  { cluster, address, hostname }: EndpointTarget,
  found: Findings,
): boolean {
  const name = cluster.tls?.serverName ?? (hostname || (address.kind === 'tcp' ? address.host : 'localhost'));
  const wrong = checkServerIdentity(name, certificate.toLegacyObject());
  if (wrong === undefined) {
    found.ok('certificate-name', `the certificate is for "${name}"`);
    return true;
  }
  const names = certificate.subjectAltName;
  found.failed(
    'certificate-name',
    `the certificate is not for "${name}"${names === undefined ? '' : `; it is for ${names.slice(0, 200)}`}`,
    'write the name of the certificate in tls.serverName of the cluster, or replace the certificate',
  );
  return false;
}

function checkDates(leaf: X509Certificate, { clock }: CheckDeps, found: Findings): boolean {
  const before = found.list.length;
  const seen = new Set<string>();
  let certificate: X509Certificate | undefined = leaf;
  for (let depth = 0; certificate !== undefined && depth < chainMax; depth++) {
    if (seen.has(certificate.fingerprint256)) break;
    seen.add(certificate.fingerprint256);
    checkExpiry(
      certificate,
      clock.wallMs(),
      found,
      'certificate-expiry',
      'renew the certificate of the server',
    );
    certificate = certificate.issuerCertificate;
  }
  return found.list.slice(before).every(({ result }) => result !== 'failed');
}

function checkAlpn(socket: TLSSocket, found: Findings): boolean {
  if (socket.alpnProtocol === 'h2') {
    found.ok('alpn', 'the server chose h2');
    return true;
  }
  found.failed(
    'alpn',
    `the server chose ${socket.alpnProtocol === false ? 'no protocol' : `"${socket.alpnProtocol}"`} instead of h2`,
    'enable HTTP/2 (ALPN "h2") in the server, or write protocol: http1 in the cluster',
  );
  return false;
}
