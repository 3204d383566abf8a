import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Result } from '../../core/result.ts';
import type { Diagnostics } from '../../schema/diagnostics.ts';
import { shown } from '../../schema/problem.ts';
import type { RuleHelp } from './rule.ts';

/** PEM files of one `tls` section, by their keys there. */
export interface PemFiles {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Authorities, and what they are called. */
  readonly authorities: { readonly named: 'ca' | 'clientCa'; readonly file: string | undefined };
}

/**
 * Files that can be read and hold what they are to hold: what TLS would refuse should be reported by `validate`, with the
 * name of the file, and not by the start or the first connection.
 */
export function pemFilesMatch(
  { cert, key, authorities }: PemFiles,
  path: string,
  diagnostics: Diagnostics,
  help: RuleHelp,
): void {
  const parsed = <T>(named: string, file: string | undefined, kind: Kind<T>): Parsed<T> | undefined => {
    if (file === undefined) return undefined;
    const { value, error } = parseFile(file, kind, help);
    if (error !== undefined) diagnostics.problem(`${path}.${named}`, `${shown(file)} ${error}`);
    return value;
  };
  const { named, file } = authorities;
  const trusted = parsed(named, file, certificate);
  const shownToOthers = parsed('cert', cert, certificate);
  const secret = parsed('key', key, privateKey);
  const refused = (at: string, written: string | undefined, options: SecureContextOptions): void => {
    const why = refusalOf(options);
    if (why !== undefined) diagnostics.problem(`${path}.${at}`, `${shown(written)} ${why}`);
  };
  if (trusted !== undefined) refused(named, file, { ca: trusted.pem });
  if (shownToOthers === undefined || secret === undefined) return;
  if (shownToOthers.value.checkPrivateKey(secret.value))
    refused('cert', cert, { cert: shownToOthers.pem, key: secret.pem });
  else
    diagnostics.problem(
      `${path}.key`,
      `${shown(key)} is not the key of the certificate ${shown(cert)}; write the one that it was made with`,
    );
}

/** What TLS itself refuses in files that can be parsed: a chain that is damaged further down, a weak key. */
function refusalOf(options: SecureContextOptions): string | undefined {
  try {
    createSecureContext(options);
    return undefined;
  } catch (error) {
    const { code = '', reason, message } = error as NodeJS.ErrnoException & { readonly reason?: string };
    return refusals[code] ?? `is refused by TLS (${reason ?? message}); write the path of another PEM file`;
  }
}

const refusals: Readonly<Record<string, string>> = {
  ERR_SSL_EE_KEY_TOO_SMALL:
    'has a key that is too short for TLS; write a certificate with an RSA key of 2048 bits or more, or an ECDSA key',
  ERR_SSL_CA_KEY_TOO_SMALL:
    'has an authority whose key is too short for TLS; write a certificate of an authority with an RSA key of 2048 bits or more',
  ERR_SSL_CA_MD_TOO_WEAK:
    'is signed with a hash that is too weak for TLS; write a certificate that is signed with SHA-256',
  ERR_OSSL_PEM_BAD_BASE64_DECODE: 'holds a certificate that is damaged; write the file again',
  ERR_OSSL_PEM_BAD_END_LINE: 'holds a certificate that is not complete; write the file again',
};

interface Parsed<T> {
  readonly pem: Buffer;
  readonly value: T;
}

interface Kind<T> {
  readonly parse: (pem: Buffer) => T;
  /** What is the matter with a file that cannot be parsed. */
  readonly otherwise: (file: { readonly name: string; readonly bytes: Buffer }) => string;
  /** The command that makes PEM of DER. */
  readonly convert: (name: string) => string;
}
const certificate: Kind<X509Certificate> = {
  parse: (pem) => new X509Certificate(pem),
  otherwise: (file) =>
    isPem(file.bytes, 'CERTIFICATE')
      ? 'holds a certificate that is damaged; write the file again'
      : 'holds no certificate; write the path of a PEM file with one',
  convert: (name) => `openssl x509 -inform der -in ${name} -out cert.pem`,
};
const privateKey: Kind<KeyObject> = {
  parse: (pem) => createPrivateKey(pem),
  otherwise: ({ name, bytes }) => {
    if (isPem(bytes, 'ENCRYPTED'))
      return `holds a private key with a passphrase; write a key without one, as openssl pkey -in ${shellWord(name)} -out key.pem makes it`;
    return isPem(bytes, 'PRIVATE KEY')
      ? 'holds a private key that is damaged; write the file again'
      : 'holds no private key; write the path of a PEM file with one';
  },
  convert: (name) => `openssl pkey -inform der -in ${name} -out key.pem`,
};

function parseFile<T>(
  file: string,
  { parse, otherwise, convert }: Kind<T>,
  help: RuleHelp,
): Result<Parsed<T>> {
  const read = help.readFile(file);
  if (read.error !== undefined) return read;
  const pem = read.value;
  // DER and PKCS#12 begin with an ASN.1 SEQUENCE. X509Certificate takes DER, TLS takes PEM alone.
  if (pem[0] === 0x30 && !isPem(pem, '')) {
    const fix = isPkcs12(pem)
      ? `is in PKCS#12 format; write a PEM file, as openssl pkcs12 -nodes -in ${shellWord(file)} makes it`
      : `is in DER format; write a PEM file, as ${convert(shellWord(file))} makes it`;
    return { error: fix };
  }
  try {
    return { value: { pem, value: parse(pem) } };
  } catch {
    return { error: otherwise({ name: file, bytes: pem }) };
  }
}

/** Whether a file has a PEM header with these words in it, `-----BEGIN ENCRYPTED PRIVATE KEY-----`, or `Proc-Type: 4,ENCRYPTED`. */
function isPem(bytes: Buffer, words: string): boolean {
  return bytes.includes('-----BEGIN ') && bytes.includes(words);
}

/** PKCS#12 is a sequence whose first element is the version 3 (RFC 7292, section 4). */
function isPkcs12(bytes: Buffer): boolean {
  return bytes.subarray(2, 8).includes(Buffer.of(0x02, 0x01, 0x03));
}

/** A file name as a shell takes it. */
function shellWord(name: string): string {
  return /^[\w./+-]+$/.test(name) ? name : shown(name);
}
