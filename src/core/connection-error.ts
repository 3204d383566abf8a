/**
 * Plain words for what the system and OpenSSL say of a connection: who failed, why, and what to do. The texts of OpenSSL
 * (`8012…:error:0A000086:SSL routines:…:../deps/openssl/…`) never reach a log, a reply or the page.
 */

/** Which side the other end of the connection is on. */
export type PeerRole = 'client' | 'server' | 'peer';

const systemWords: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset'],
  ['EPIPE', 'connection reset'],
  ['EHOSTUNREACH', 'host unreachable'],
  ['ENETUNREACH', 'network unreachable'],
  ['ETIMEDOUT', 'connection timed out'],
  ['ENOTFOUND', 'no such host'],
  ['EAI_AGAIN', 'no such host for now (DNS does not answer)'],
  ['ENOENT', 'no such socket'],
  ['EACCES', 'no permission to connect'],
  ['EADDRNOTAVAIL', 'no local port or address is left'],
  ['EMFILE', 'no file descriptors are left; raise the limit (ulimit -n)'],
]);

/** Short words for a code of the system, or undefined. */
export function systemErrorWords(code: string): string | undefined {
  return systemWords.get(code);
}

/** What to change on our side of the connection, by the role of the peer. */
interface Advice {
  readonly client: string;
  readonly server: string;
}

const trust: Advice = {
  client: 'write the authority of the client certificate in tls.clientCa of the listener',
  server: 'write the authority of the server certificate in tls.ca of the cluster',
};
const ownCertificate: Advice = {
  client: 'check tls.cert of the listener and the authorities of the client',
  server: 'check tls.cert and tls.key of the cluster and the authorities of the server',
};
const versions: Advice = {
  client: 'let the client use TLS 1.2 or 1.3',
  server: 'let the server use TLS 1.2 or 1.3',
};

type Sentence = (who: string, advice: (of: Advice) => string, role: PeerRole) => string;

/** By the reason of OpenSSL without its prefixes, in lower case. An alert is what the peer reported. */
const tlsReasons: ReadonlyMap<string, Sentence> = new Map<string, Sentence>([
  [
    'wrong version number',
    (who) => `${who} does not use TLS on this connection; use TLS on both sides or on neither`,
  ],
  [
    'http request',
    (who) =>
      `${who} sent HTTP without TLS to a port that requires TLS; use https, or remove tls from the listener`,
  ],
  [
    'https proxy request',
    (who) => `${who} sent a request for a proxy without TLS to a port that requires TLS`,
  ],
  ['packet length too long', (who) => `${who} sent bytes that are not TLS`],
  ['unexpected message', (who) => `${who} sent a TLS message that is not expected`],
  ['unexpected eof while reading', (who) => `${who} closed the connection without closing TLS`],
  [
    'peer did not return a certificate',
    (who) =>
      `${who} sent no certificate, and the listener requires one (tls.requireClientCert); give the client a certificate that an authority of tls.clientCa signed`,
  ],
  [
    'certificate verify failed',
    (who, advice) => `the certificate of ${who} cannot be verified; ${advice(trust)}`,
  ],
  [
    'alert certificate required',
    (who) => `${who} requires a client certificate; write tls.cert and tls.key in the cluster`,
  ],
  ['alert bad certificate', (who, advice) => `${who} refused our certificate; ${advice(ownCertificate)}`],
  [
    'alert unsupported certificate',
    (who, advice) => `${who} does not support the kind of our certificate; ${advice(ownCertificate)}`,
  ],
  [
    'alert certificate revoked',
    (who, advice) => `${who} says that our certificate is revoked; ${advice(ownCertificate)}`,
  ],
  [
    'alert certificate expired',
    (who, advice) => `${who} says that our certificate has expired; ${advice(ownCertificate)}`,
  ],
  ['alert certificate unknown', (who, advice) => `${who} refused our certificate; ${advice(ownCertificate)}`],
  [
    'alert unknown ca',
    (who, advice) => `${who} does not trust the authority of our certificate; ${advice(ownCertificate)}`,
  ],
  ['alert access denied', (who, advice) => `${who} refused our certificate; ${advice(ownCertificate)}`],
  [
    'alert handshake failure',
    (who, _advice, role) =>
      role === 'server'
        ? `${who} refused the TLS handshake; it may require a client certificate (tls.cert and tls.key of the cluster) or other ciphers`
        : `${who} refused the TLS handshake`,
  ],
  [
    'alert protocol version',
    (who, advice) => `${who} has no TLS version in common with us; ${advice(versions)}`,
  ],
  [
    'unsupported protocol',
    (who, advice) => `${who} has no TLS version in common with us; ${advice(versions)}`,
  ],
  ['version too low', (who, advice) => `${who} has no TLS version in common with us; ${advice(versions)}`],
  ['alert insufficient security', (who) => `${who} requires stronger ciphers than were offered`],
  ['no shared cipher', (who) => `${who} has no cipher in common with us`],
  ['no suitable signature algorithm', (who) => `${who} has no signature algorithm in common with us`],
  [
    'alert unrecognized name',
    (who) =>
      `${who} has no certificate for the name that was requested (SNI); write tls.serverName in the cluster`,
  ],
  [
    'unrecognized name',
    (who) =>
      `${who} has no certificate for the name that was requested (SNI); write tls.serverName in the cluster`,
  ],
  [
    'alert no application protocol',
    (who, _advice, role) =>
      role === 'server'
        ? `${who} supports none of our application protocols (ALPN); check protocol in the cluster (grpc for HTTP/2, http1 for HTTP/1.1)`
        : `${who} supports none of our application protocols (ALPN)`,
  ],
  [
    'no application protocol',
    (who, _advice, role) =>
      role === 'server'
        ? `${who} supports none of our application protocols (ALPN); check protocol in the cluster (grpc for HTTP/2, http1 for HTTP/1.1)`
        : `${who} supports none of our application protocols (ALPN)`,
  ],
  ['no renegotiation', (who) => `${who} requested a TLS renegotiation, which is not allowed`],
  ['alert decrypt error', (who) => `${who} could not verify the TLS handshake`],
  ['decryption failed or bad record mac', (who) => `${who} sent a TLS record that is damaged`],
]);

/** Codes of certificate verification, of Node and OpenSSL. */
const verification: ReadonlyMap<string, Sentence> = new Map<string, Sentence>([
  [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    (who, advice) => `the certificate of ${who} is self-signed and not trusted; ${advice(trust)}`,
  ],
  [
    'SELF_SIGNED_CERT_IN_CHAIN',
    (who, advice) =>
      `the certificate of ${who} comes from an authority that is not trusted (self-signed certificate in the chain); ${advice(trust)}`,
  ],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    (who, advice) =>
      `the certificate of ${who} comes from an authority that is not trusted; ${advice(trust)}`,
  ],
  [
    'UNABLE_TO_GET_ISSUER_CERT',
    (who, advice) =>
      `the certificate of ${who} comes from an authority that is not trusted; ${advice(trust)}`,
  ],
  [
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    (who, advice) =>
      `the certificate of ${who} comes from an authority that is not trusted; ${advice(trust)}`,
  ],
  ['CERT_HAS_EXPIRED', (who) => `the certificate of ${who} has expired; renew it`],
  [
    'CERT_NOT_YET_VALID',
    (who) => `the certificate of ${who} is not valid yet; check the clocks of both machines`,
  ],
  ['CERT_REVOKED', (who) => `the certificate of ${who} is revoked; replace it`],
  ['CERT_REJECTED', (who) => `the certificate of ${who} is rejected; replace it`],
  ['INVALID_CA', (who) => `the certificate of ${who} is signed by a certificate that is no authority`],
  ['INVALID_PURPOSE', (who) => `the certificate of ${who} is not made for this purpose (extended key usage)`],
]);

/** Plain words for an error of a socket. Never throws; one line, of bounded length but for names in certificates. */
export function connectionErrorText(error: unknown, role: PeerRole): string {
  const { code, message } = partsOf(error);
  const who = role === 'peer' ? 'the peer' : `the ${role}`;
  const advice = (of: Advice): string => (role === 'client' ? of.client : of.server);
  const verified = verification.get(code) ?? verification.get(message);
  if (verified !== undefined) return verified(who, advice, role);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return altNameText(error, who);
  if (message.startsWith('Client network socket disconnected before secure TLS'))
    return `${who} closed the connection during the TLS handshake`;
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'the TLS handshake took too long';
  const reason = tlsReasonOf(code, message);
  if (reason !== undefined) {
    const known = tlsReasons.get(reason) ?? tlsReasons.get(`alert ${reason}`);
    return known?.(who, advice, role) ?? `TLS failed: ${reason.replace('alert ', `${who} reported `)}`;
  }
  const systemCode = systemWords.has(code) ? code : (/\bE[A-Z]{3,}\b/.exec(message)?.[0] ?? '');
  const words = systemWords.get(systemCode);
  return words === undefined ? message || code || 'unknown' : `${words} (${systemCode})`;
}

function partsOf(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: '', message: String(error ?? '') };
  const { code } = error as { code?: unknown };
  return { code: typeof code === 'string' ? code : '', message: error.message };
}

/** `error:0A000086:SSL routines:function:certificate verify failed:file:line:`, with anything before it. */
const dump = /error:[0-9A-F]{6,}:[^:]*:[^:]*:([^:\n]*)/i;

/** The reason of an error of OpenSSL, without what names its version: `alert unknown ca`, `wrong version number`. */
function tlsReasonOf(code: string, message: string): string | undefined {
  const written = dump.exec(message)?.[1] ?? (code.startsWith('ERR_SSL_') ? code.slice(8) : undefined);
  if (written === undefined) return undefined;
  const words = written.replaceAll('_', ' ').trim().toLowerCase() || 'no reason is given';
  return words.replace(/^(?:ssl\/tls|(?:ssl|tls)v\d+) /, '').slice(0, reasonCharsMax);
}
const reasonCharsMax = 120;

/** Node's own text lists every name of the certificate, which may be hundreds. */
function altNameText(error: unknown, who: string): string {
  const { host, cert } = error as { host?: unknown; cert?: { subjectaltname?: unknown } };
  const names = String(cert?.subjectaltname ?? '').slice(0, namesCharsMax);
  const expected =
    typeof host === 'string' && host !== '' ? JSON.stringify(host) : 'the name that was requested';
  const has = names === '' ? '' : `, but for its altnames ${names}`;
  return `the certificate of ${who} is not for ${expected}${has}; write tls.serverName in the cluster, or replace the certificate`;
}
const namesCharsMax = 200;
