import { X509Certificate } from 'node:crypto';
import { boundedText } from './bounded-text.ts';

/** What a reader needs to know of a certificate. */
export interface CertificateFacts {
  /** The common name, or the whole subject where there is none. */
  readonly subject: string;
  readonly issuer: string;
  /** Subject alternative names: `DNS:orders.example, IP Address:10.0.0.1`; '' for none. */
  readonly names: string;
  /** Milliseconds since the Unix epoch. */
  readonly notBeforeWallMs: number;
  readonly notAfterWallMs: number;
}

/** A bundle of authorities may hold hundreds. */
export const certificatesOfFileMax = 16;
const nameCharsMax = 200;

const pemBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Reads the first certificates of a PEM text, at most `certificatesOfFileMax`; those that cannot be parsed are left out. */
export function certificateFacts(pem: string): CertificateFacts[] {
  const facts: CertificateFacts[] = [];
  for (const [block] of pem.matchAll(pemBlock)) {
    if (facts.length === certificatesOfFileMax) break;
    try {
      facts.push(factsOf(new X509Certificate(block)));
    } catch {
      // TLS would not have started with a certificate of its own that is broken; of a bundle, TLS ignores it as well.
    }
  }
  return facts;
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    subject: commonName(certificate.subject),
    issuer: commonName(certificate.issuer),
    names: boundedText(certificate.subjectAltName ?? '', nameCharsMax),
    notBeforeWallMs: certificate.validFromDate.getTime(),
    notAfterWallMs: certificate.validToDate.getTime(),
  };
}

function commonName(subject: string): string {
  const [, name] = /^CN=(.+)$/m.exec(subject ?? '') ?? [];
  return boundedText(name ?? (subject ?? '').replaceAll('\n', ', '), nameCharsMax);
}
