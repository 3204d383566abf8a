import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Result } from '../../core/result.ts';
import { shown } from '../problem.ts';
import type { Complaints, RuleHelp } from './rule.ts';

/** PEM files of one `tls` section, by their keys there. */
export interface PemFiles {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Authorities, and what they are called. */
  readonly authorities: { readonly named: 'ca' | 'clientCa'; readonly file: string | undefined };
}

/**
 * Files that can be read and hold what they are to hold: what TLS would refuse should be told by `validate`, with the
 * name of the file, and not by the start or the first connection.
 */
export function pemFilesFit(
  { cert, key, authorities }: PemFiles,
  path: string,
  complaints: Complaints,
  help: RuleHelp,
): void {
  const parsed = <T>(named: string, file: string | undefined, kind: Kind<T>): T | undefined => {
    if (file === undefined) return undefined;
    const { value, error } = parseFile(file, kind, help);
    if (error !== undefined) complaints.problem(`${path}.${named}`, `${shown(file)} ${error}`);
    return value;
  };
  parsed(authorities.named, authorities.file, certificate);
  const shownToOthers = parsed('cert', cert, certificate);
  const secret = parsed('key', key, privateKey);
  if (shownToOthers && secret && !shownToOthers.checkPrivateKey(secret))
    complaints.problem(
      `${path}.key`,
      `${shown(key)} is not the key of the certificate ${shown(cert)}; write the one that it was made with`,
    );
}

interface Kind<T> {
  readonly parse: (pem: Buffer) => T;
  /** What is the matter with a file that cannot be parsed. */
  readonly otherwise: string;
}
const certificate: Kind<X509Certificate> = {
  parse: (pem) => new X509Certificate(pem),
  otherwise: 'holds no certificate; write the path of a PEM file with one',
};
const privateKey: Kind<KeyObject> = {
  parse: (pem) => createPrivateKey(pem),
  otherwise: 'holds no private key, or one with a passphrase; write the path of a PEM file with one without',
};

function parseFile<T>(file: string, { parse, otherwise }: Kind<T>, help: RuleHelp): Result<T> {
  const read = help.readFile(file);
  if (read.error !== undefined) return read;
  try {
    return { value: parse(read.value) };
  } catch {
    return { error: otherwise };
  }
}
