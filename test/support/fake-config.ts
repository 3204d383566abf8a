import type { CertificateUse, ConfigValue } from '../../src/admin/deps.ts';

/** One setting of each origin. */
export const fakeConfigValues: readonly ConfigValue[] = [
  { path: 'admin.listen', value: '127.0.0.1:15000', default: '127.0.0.1:15000', origin: 'default' },
  { path: 'log.level', value: 'debug', default: 'info', origin: 'OUTRIGGER_LOG_LEVEL' },
  { path: 'drain.grace', value: '30s', default: '10s', origin: 'outrigger.yaml:14' },
  { path: 'clusters[0].name', value: 'greeter', default: '', origin: 'outrigger.yaml:21' },
];

/** A certificate that expires in 2096. */
export const fakeCertificate: CertificateUse = {
  usedBy: 'listener outbound',
  role: 'server certificate',
  subject: 'shop.example',
  issuer: 'Shop CA',
  names: 'DNS:shop.example',
  notBeforeWallMs: 1_700_000_000_000,
  notAfterWallMs: 4_000_000_000_000,
};
