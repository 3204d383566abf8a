import type { X509Certificate } from 'node:crypto';
import { spanText } from '../../admin/quantities.ts';
import type { CheckName, Findings } from './finding.ts';

/** A certificate that expires within this time should have been renewed. */
export const expiryWarningMs = 14 * 24 * 60 * 60 * 1000;

/** Reports until when a certificate is valid. `renew` is what to do about one that has expired or is about to. */
export function checkExpiry(
  certificate: X509Certificate,
  nowWallMs: number,
  found: Findings,
  check: CheckName,
  renew: string,
): void {
  const who = nameOf(certificate);
  const from = new Date(certificate.validFrom).getTime();
  const to = new Date(certificate.validTo).getTime();
  const leftMs = to - nowWallMs;
  if (nowWallMs < from)
    found.failed(
      check,
      `the certificate of ${who} is not valid before ${day(from)}`,
      'set the clock of this machine, or wait until the certificate is valid',
    );
  else if (leftMs <= 0)
    found.failed(check, `the certificate of ${who} expired on ${day(to)}, ${spanText(-leftMs)} ago`, renew);
  else if (leftMs < expiryWarningMs)
    found.warning(check, `the certificate of ${who} expires in ${spanText(leftMs)}, on ${day(to)}`, renew);
  else found.ok(check, `the certificate of ${who} is valid until ${day(to)} (${spanText(leftMs)})`);
}

/** The name of a certificate in sentences: its common name, or the first name it is for. */
export function nameOf({ subject, subjectAltName }: X509Certificate): string {
  const common = /^CN=(.+)$/m.exec(subject ?? '')?.[1];
  const first = subjectAltName?.split(', ')[0].replace(/^[A-Za-z ]+:/, '');
  return JSON.stringify((common ?? first ?? 'unknown').slice(0, 80));
}

function day(ms: number): string {
  return Number.isNaN(ms) ? 'an unknown day' : new Date(ms).toISOString().slice(0, 10);
}
