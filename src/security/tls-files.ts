import { constants, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConnectionOptions, TlsOptions } from 'node:tls';

/** PEM files as the configuration names them; '' and undefined mean none. */
export interface TlsFiles {
  readonly cert?: string;
  readonly key?: string;
  /** Authorities that the other side's certificate is checked against. */
  readonly ca?: string;
}

/**
 * For every TLS connection, whatever it carries. A renegotiation of TLS 1.2 is refused: HTTP/2 forbids it (RFC 9113 section
 * 9.2.1), and each costs who is asked a handshake for a few bytes of who asks, on a connection that is counted once. The peer
 * gets the alert `no_renegotiation`, which TLS libraries take for the end of the connection. TLS compression is refused as well: it
 * lets lengths tell secrets (RFC 9113 section 9.2).
 */
const secureOptions = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION;

/** What `tls.createServer` needs. Throws with the file's name when one cannot be read; loading the configuration checked it before. */
export function serverTls(files: TlsFiles, requireClientCert: boolean): TlsOptions {
  return {
    ...read(files),
    minVersion: 'TLSv1.2',
    secureOptions,
    requestCert: files.ca !== undefined,
    rejectUnauthorized: requireClientCert,
  };
}

/** What `tls.connect` needs; the system's authorities where no `ca` is named. */
export function clientTls(files: TlsFiles, serverName: string | undefined): ConnectionOptions {
  return {
    ...read(files),
    minVersion: 'TLSv1.2',
    secureOptions,
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

/** Distinguishes contents: of two with the same digest certificates, key and authorities are the same. '' without TLS. */
export function tlsDigest(options: TlsOptions | ConnectionOptions | null): string {
  if (options === null) return '';
  const hash = createHash('sha256');
  for (const part of [options.cert, options.key, options.ca]) hash.update(`${part ?? ''}\0`);
  return hash.digest('base64url');
}

function read(files: TlsFiles): { cert?: Buffer; key?: Buffer; ca?: Buffer } {
  return {
    ...(files.cert ? { cert: readPem(files.cert, 'certificate') } : {}),
    ...(files.key ? { key: readPem(files.key, 'private key') } : {}),
    ...(files.ca ? { ca: readPem(files.ca, 'authorities') } : {}),
  };
}

/** Configuration has read the file a moment ago; it may have gone since. */
function readPem(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `TLS: the file ${JSON.stringify(file)} (${what}) can no longer be read (${code}); restore it`,
    );
  }
}
