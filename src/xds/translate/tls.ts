import {
  altNameFields,
  certificateFields,
  combinedValidationFields,
  commonTlsFields,
  configSourceFields,
  dataSourceFields,
  downstreamTlsFields,
  rawBufferFields,
  sdsFields,
  transportSocketFields,
  upstreamTlsFields,
  validationFields,
} from './fields/listener-fields.ts';
import { stringMatcherFields } from './fields/route-fields.ts';
import { type MessageReader, readAny } from './message-reader.ts';
import type { Certificate, PemSource, TlsModel, TlsPart } from './model.ts';
import { quoted } from './notes.ts';
import type { ReferenceSet } from './translation.ts';

const tlsTypes = {
  downstream: 'extensions.transport_sockets.tls.v3.DownstreamTlsContext',
  upstream: 'extensions.transport_sockets.tls.v3.UpstreamTlsContext',
  plain: 'extensions.transport_sockets.raw_buffer.v3.RawBuffer',
} as const;

/** Reads the transport socket of a filter chain or a cluster: TLS, or null for plaintext. */
export function readTransportSocket(
  reader: MessageReader,
  side: 'downstream' | 'upstream',
  references: ReferenceSet,
): TlsModel | null {
  const any = reader.message('transport_socket', transportSocketFields)?.any('typed_config');
  if (any === undefined) return null;
  if (any.type === tlsTypes.plain) {
    readAny(any, rawBufferFields, reader.notes);
    return null;
  }
  if (any.type !== tlsTypes[side]) {
    reader.notes.problem(any.path, `${quoted(any.type)} is not supported; use TLS or plaintext`);
    return null;
  }
  const context = readAny(any, side === 'downstream' ? downstreamTlsFields : upstreamTlsFields, reader.notes);
  return readContext(context, side, references);
}

function readContext(
  context: MessageReader,
  side: 'downstream' | 'upstream',
  references: ReferenceSet,
): TlsModel {
  const common = context.message('common_tls_context', commonTlsFields);
  const certificate = common === undefined ? null : readCertificatePart(common, references);
  const validation = common === undefined ? null : readValidation(common, references);
  if (side === 'downstream') {
    const required = context.flag('require_client_certificate') === true;
    if (certificate === null) context.problem('common_tls_context', 'has no certificate; send one');
    if (required && validation?.authorities == null)
      context.problem('require_client_certificate', 'needs a CA to verify clients against; send trusted_ca');
    if (validation !== null && validation.names.length > 0)
      context.problem(
        'common_tls_context',
        'verifies names of client certificates, which Outrigger does not; verify by a CA alone',
      );
  }
  const sni = side === 'upstream' ? context.text('sni') : '';
  if (side === 'upstream') {
    context.flag('auto_host_sni');
    context.flag('auto_sni_san_validation');
  }
  return {
    certificate,
    authorities: validation?.authorities ?? null,
    requireClientCertificate: side === 'downstream' && context.flag('require_client_certificate') === true,
    serverName: side === 'upstream' ? verifiedName(context, sni, validation?.names ?? []) : '',
    path: context.path,
  };
}

/** Outrigger verifies the name that it sends as SNI, so one other name can only replace an SNI that is not sent. */
function verifiedName(context: MessageReader, sni: string, names: readonly string[]): string {
  const other = names.find((name) => name !== sni);
  if (other !== undefined && (sni !== '' || names.length > 1))
    context.problem(
      'common_tls_context',
      `verifies the name ${quoted(other)} and sends the SNI ${quoted(sni)}; Outrigger verifies the SNI, so send one name`,
    );
  return sni === '' ? (names[0] ?? '') : sni;
}

function readCertificatePart(common: MessageReader, references: ReferenceSet): TlsPart<Certificate> | null {
  const secrets = common.messages('tls_certificate_sds_secret_configs', sdsFields);
  const certificates = common.messages('tls_certificates', certificateFields);
  if (secrets.length + certificates.length > 1)
    common.problem('tls_certificates', 'has several certificates; send one');
  if (secrets.length > 0) return readSecretName(secrets[0], references);
  const certificate = certificates.length === 0 ? undefined : readCertificate(certificates[0]);
  return certificate === undefined ? null : { value: certificate };
}

/** Reads a certificate with its key; undefined after a problem. */
export function readCertificate(reader: MessageReader): Certificate | undefined {
  const chain = readPem(reader, 'certificate_chain');
  const key = readPem(reader, 'private_key');
  return chain === undefined || key === undefined ? undefined : { chain, key };
}

interface Validation {
  readonly authorities: TlsPart<PemSource> | null;
  readonly names: readonly string[];
}

function readValidation(common: MessageReader, references: ReferenceSet): Validation | null {
  const combined = common.message('combined_validation_context', combinedValidationFields);
  const own = common.message('validation_context', validationFields);
  const secret =
    common.message('validation_context_sds_secret_config', sdsFields) ??
    combined?.message('validation_context_sds_secret_config', sdsFields);
  const context = own ?? combined?.message('default_validation_context', validationFields);
  const names = context === undefined ? [] : readNames(context);
  if (secret !== undefined) return { authorities: readSecretName(secret, references), names };
  if (context === undefined) return null;
  const authorities = readAuthorities(context);
  return { authorities: authorities === undefined ? null : { value: authorities }, names };
}

/** Reads the CA certificates of a validation context; undefined where it has none. */
export function readAuthorities(context: MessageReader): PemSource | undefined {
  return context.has('trusted_ca') ? readPem(context, 'trusted_ca') : undefined;
}

/** Names that the certificate may have. */
function readNames(context: MessageReader): string[] {
  const typed = context.messages('match_typed_subject_alt_names', altNameFields);
  const matchers = [
    ...typed.flatMap((name) => {
      const type = name.text('san_type');
      if (type !== 'DNS' && type !== 'IP_ADDRESS')
        name.problem('san_type', `${quoted(type)} is not supported; verify a DNS name or an IP address`);
      return name.message('matcher', stringMatcherFields) ?? [];
    }),
    ...context.messages('match_subject_alt_names', stringMatcherFields),
  ];
  return matchers.flatMap((matcher) => {
    const exact = matcher.text('exact');
    if (exact === '' || exact.includes('://'))
      matcher.problem('', 'is not an exact DNS name or IP address, which Outrigger requires');
    return exact === '' ? [] : exact;
  });
}

function readSecretName(reader: MessageReader, references: ReferenceSet): { readonly secret: string } {
  const secret = reader.text('name');
  if (secret === '') reader.problem('name', 'is missing; send the name of the secret');
  readConfigSource(reader, 'sds_config');
  references.secrets.add(secret);
  return { secret };
}

/**
 * Reads where a resource comes from. Outrigger has one stream for all of them; a secret that is to come from another service is
 * refused, since the control plane would have to hold the private key.
 */
export function readConfigSource(reader: MessageReader, name: string): void {
  const source = reader.message(name, configSourceFields);
  if (source === undefined || source.has('ads') || source.has('self')) return;
  if (!source.has('api_config_source')) return;
  if (name === 'sds_config')
    source.problem(
      'api_config_source',
      'is another service; send secrets over the ADS stream, or as file names',
    );
  else source.warning('api_config_source', 'is not asked: the resource comes over the ADS stream');
}

function readPem(reader: MessageReader, name: string): PemSource | undefined {
  const source = reader.message(name, dataSourceFields);
  const path = source?.text('filename') ?? '';
  const inline = source?.text('inline_string') ?? '';
  const bytes = source?.text('inline_bytes') ?? '';
  if (path !== '') return { kind: 'file', path };
  const text = inline === '' ? Buffer.from(bytes, 'base64').toString('latin1') : inline;
  if (text !== '') return { kind: 'text', text };
  reader.problem(name, 'is missing; send a file name or PEM text');
  return undefined;
}
