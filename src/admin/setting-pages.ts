import { isoTime } from '../core/iso-time.ts';
import type { CertificateUse, ConfigValue } from './deps.ts';
import { spanText } from './quantities.ts';
import { textTable } from './text-table.ts';

/** A line for each setting: its value, what holds without it, and where the value comes from. */
export function configValuesText(values: readonly ConfigValue[]): string {
  return textTable(
    [{ title: 'SETTING' }, { title: 'VALUE' }, { title: 'DEFAULT' }, { title: 'FROM' }],
    values.map((one) => [one.path, one.value || '-', one.default || '-', one.origin]),
  );
}

/** A line for each certificate in use. */
export function certificatesText(certificates: readonly CertificateUse[], nowWallMs: number): string {
  if (certificates.length === 0)
    return 'No certificate is in use: neither a listener nor a cluster has tls.\n';
  return textTable(
    [
      { title: 'USED BY' },
      { title: 'AS' },
      { title: 'SUBJECT' },
      { title: 'ISSUER' },
      { title: 'EXPIRES' },
      { title: 'IN', align: 'right' },
      { title: 'NAMES' },
    ],
    certificates.map((one) => [
      one.usedBy,
      one.role,
      one.subject,
      one.issuer,
      isoTime(one.notAfterWallMs),
      one.notAfterWallMs > nowWallMs ? spanText(one.notAfterWallMs - nowWallMs) : 'expired',
      one.names,
    ]),
  );
}
