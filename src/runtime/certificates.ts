import type { ConnectionOptions, TlsOptions } from 'node:tls';
import type { CertificateUse } from '../admin/deps.ts';
import { type CertificateFacts, certificateFacts } from '../core/certificate-facts.ts';
import type { AppState } from './parts.ts';

/** Parsed once for each file that was read: the page asks every second. */
const known = new WeakMap<Buffer, readonly CertificateFacts[]>();

/** Returns the certificates that listeners, clusters and the admin server use, as they were read and not as the files are now. */
export function certificatesInUse({
  running,
  adminTls,
}: Pick<AppState, 'running' | 'adminTls'>): CertificateUse[] {
  return [
    ...running.listeners.flatMap(({ listener }) =>
      uses(`listener ${listener.settings.name}`, 'server certificate', listener.settings.tls),
    ),
    ...[...running.clusters].flatMap(([name, { tls }]) => uses(`cluster ${name}`, 'client certificate', tls)),
    ...uses('admin', 'server certificate', adminTls ?? null),
  ];
}

function uses(usedBy: string, role: string, tls: TlsOptions | ConnectionOptions | null): CertificateUse[] {
  if (tls === null) return [];
  const of = (pem: unknown, as: string): CertificateUse[] =>
    Buffer.isBuffer(pem) ? factsOf(pem).map((facts) => ({ usedBy, role: as, ...facts })) : [];
  return [...of(tls.cert, role), ...of(tls.ca, 'authority')];
}

function factsOf(pem: Buffer): readonly CertificateFacts[] {
  let facts = known.get(pem);
  if (facts === undefined) {
    facts = certificateFacts(pem.toString('latin1'));
    known.set(pem, facts);
  }
  return facts;
}
