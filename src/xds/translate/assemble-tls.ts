import type { JsonObject } from '../../reflection/json.ts';
import type { Certificate, PemSource, SecretModel, TlsModel, TlsPart } from './model.ts';

/** Returns the path of a file with this text. The same text may get the same file. */
export type StorePem = (text: string, part: 'cert' | 'key' | 'ca') => string;

interface Secrets {
  readonly secrets: ReadonlyMap<string, SecretModel>;
  readonly storePem: StorePem;
}

/** The key `tls` of a listener or a cluster, null for plaintext; undefined where a secret has not arrived. */
export function assembleTls(
  tls: TlsModel | null,
  side: 'downstream' | 'upstream',
  { secrets, storePem }: Secrets,
): JsonObject | null | undefined {
  if (tls === null) return null;
  const certificate = resolve(tls.certificate, secrets, certificateOf);
  const authorities = resolve(tls.authorities, secrets, authoritiesOf);
  if (certificate === undefined || authorities === undefined) return undefined;
  const file = (source: PemSource, part: 'cert' | 'key' | 'ca') =>
    source.kind === 'file' ? source.path : storePem(source.text, part);
  const ca =
    authorities === null ? {} : { [side === 'upstream' ? 'ca' : 'clientCa']: file(authorities, 'ca') };
  return {
    ...(certificate === null
      ? {}
      : { cert: file(certificate.chain, 'cert'), key: file(certificate.key, 'key') }),
    ...ca,
    ...(tls.requireClientCertificate ? { requireClientCert: true } : {}),
    ...(tls.serverName === '' ? {} : { serverName: tls.serverName }),
  };
}

/** null for none, undefined for a secret that has not arrived or is of another kind. */
function resolve<T>(
  part: TlsPart<T> | null,
  secrets: ReadonlyMap<string, SecretModel>,
  partOf: (secret: SecretModel) => T | undefined,
): T | null | undefined {
  if (part === null) return null;
  if ('value' in part) return part.value;
  const secret = secrets.get(part.secret);
  return secret === undefined ? undefined : partOf(secret);
}

function certificateOf(secret: SecretModel): Certificate | undefined {
  return secret.kind === 'certificate' ? secret.certificate : undefined;
}

function authoritiesOf(secret: SecretModel): PemSource | undefined {
  return secret.kind === 'authorities' ? secret.authorities : undefined;
}
