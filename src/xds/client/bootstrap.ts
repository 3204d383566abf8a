import type { Result } from '../../core/result.ts';
import { isJsonObject, type Json, type JsonObject } from '../../reflection/json.ts';
import type { ControlPlaneTls, NodeIdentity } from './interface.ts';

/** What a bootstrap file of gRPC says of the control plane and of this process (gRFC A27). */
export interface Bootstrap {
  /** `host:port` or `unix:/path`. */
  readonly server: string;
  readonly tls: ControlPlaneTls | null;
  readonly node: NodeIdentity;
  /** What the file has and Outrigger does not use, each a sentence. */
  readonly warnings: readonly string[];
}

/** Keys of the file that change nothing here, without a warning. */
const silentKeys = new Set(['xds_servers', 'node']);
const noEffect: ReadonlyMap<string, string> = new Map([
  ['certificate_providers', 'use TLS of the clusters that the control plane sends, or of the file'],
  ['authorities', 'Outrigger asks one control plane for all names'],
  ['client_default_listener_resource_name_template', 'name the listeners under `xds.listeners`'],
  ['server_listener_resource_name_template', 'name the listeners under `xds.listeners`'],
]);

/**
 * Reads the text of a gRPC bootstrap file: the first control plane that it names, credentials `insecure` or `tls`, and the node.
 * The error says which key is wrong and what to write.
 */
export function parseBootstrap(text: string): Result<Bootstrap> {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch (error) {
    return { error: `the file is not JSON: ${(error as Error).message}` };
  }
  try {
    return { value: bootstrapOf(objectAt(json, 'the file')) };
  } catch (error) {
    if (error instanceof InvalidBootstrap) return { error: error.message };
    throw error;
  }
}

/** What is wrong with the text of a bootstrap file, or the files of certificates and keys that it names. */
export function checkBootstrap(text: string): Result<readonly string[]> {
  const { value, error } = parseBootstrap(text);
  if (error !== undefined) return { error };
  const { ca, cert, key } = value.tls ?? {};
  return { value: [ca, cert, key].filter((file) => file !== undefined && file !== '') as string[] };
}

/** Caught by `parseBootstrap` alone. */
class InvalidBootstrap extends Error {}

function invalid(message: string): never {
  throw new InvalidBootstrap(message);
}

function bootstrapOf(file: JsonObject): Bootstrap {
  const { xds_servers: servers } = file;
  if (!Array.isArray(servers) || servers.length === 0)
    return invalid(
      '`xds_servers` must be a list with a control plane: [{ "server_uri": "host:port", "channel_creds": [{ "type": "insecure" }] }]',
    );
  const server = objectAt(servers[0], '`xds_servers[0]`');
  const warnings = Object.keys(file)
    .filter((key) => !silentKeys.has(key))
    .map((key) => `\`${key}\` has no effect; ${noEffect.get(key) ?? 'Outrigger does not know it'}`);
  if (servers.length > 1)
    warnings.push(`\`xds_servers\` names ${servers.length} control planes; Outrigger uses the first one`);
  return {
    server: addressOf(textAt(server, 'server_uri', '`xds_servers[0].server_uri`')),
    tls: credentialsOf(server),
    node: nodeOf(file.node),
    warnings,
  };
}

/** Without the scheme of a name that gRPC resolves by DNS, or that is an address. */
function addressOf(uri: string): string {
  if (uri === '')
    return invalid(
      '`xds_servers[0].server_uri` is missing; write host:port or unix:/path of the control plane',
    );
  const [, scheme, rest] = /^([a-z0-9+.-]+):\/{0,3}(.*)$/i.exec(uri) ?? [];
  if (scheme === 'dns' || scheme === 'ipv4' || scheme === 'ipv6') return rest;
  if (scheme === 'unix') return `unix:${uri.replace(/^unix:(?:\/\/(?=\/))?/, '')}`;
  if (/:\/\//.test(uri))
    return invalid(
      `\`xds_servers[0].server_uri\`: ${JSON.stringify(uri)} has a scheme that Outrigger does not know; write host:port, dns:///host:port or unix:/path`,
    );
  return uri;
}

/** The first kind of credentials that is known, as gRFC A27 requires. */
function credentialsOf(server: JsonObject): ControlPlaneTls | null {
  const { channel_creds: list } = server;
  const kinds: string[] = [];
  for (const [i, one] of (Array.isArray(list) ? (list as readonly Json[]) : []).entries()) {
    const place = `\`xds_servers[0].channel_creds[${i}]\``;
    const { type, config } = objectAt(one, place);
    if (type === 'insecure') return null;
    if (type === 'tls') return tlsOf(config === undefined ? {} : objectAt(config, `${place}.config`));
    kinds.push(String(type));
  }
  return invalid(
    kinds.length === 0
      ? '`xds_servers[0].channel_creds` is missing; write [{ "type": "insecure" }] or [{ "type": "tls" }]'
      : `\`xds_servers[0].channel_creds\` has only types that Outrigger does not know (${kinds.slice(0, 5).join(', ')}); add { "type": "tls" } or { "type": "insecure" }`,
  );
}

/** Credentials `tls` (gRFC A65). `refresh_interval` is not needed: the files are read for each connection. */
function tlsOf(config: JsonObject): ControlPlaneTls {
  const place = '`xds_servers[0].channel_creds`';
  const cert = textAt(config, 'certificate_file', `${place}: \`certificate_file\``);
  const key = textAt(config, 'private_key_file', `${place}: \`private_key_file\``);
  const ca = textAt(config, 'ca_certificate_file', `${place}: \`ca_certificate_file\``);
  if ((cert === '') !== (key === ''))
    return invalid(
      `${place}: \`certificate_file\` and \`private_key_file\` require each other; write both or none`,
    );
  return { cert, key, ca, serverName: '' };
}

function nodeOf(json: Json | undefined): NodeIdentity {
  const node = json === undefined ? {} : objectAt(json, '`node`');
  const locality = node.locality === undefined ? {} : objectAt(node.locality, '`node.locality`');
  return {
    id: textAt(node, 'id', '`node.id`'),
    cluster: textAt(node, 'cluster', '`node.cluster`'),
    metadata: node.metadata === undefined ? {} : objectAt(node.metadata, '`node.metadata`'),
    locality: {
      region: textAt(locality, 'region', '`node.locality.region`'),
      zone: textAt(locality, 'zone', '`node.locality.zone`'),
      subZone: textAt(locality, 'sub_zone', '`node.locality.sub_zone`'),
    },
  };
}

function objectAt(json: Json, place: string): JsonObject {
  return isJsonObject(json) ? json : invalid(`${place} must be a JSON object`);
}

/** '' where the key is missing. */
function textAt(object: JsonObject, key: string, place: string): string {
  const value = object[key] ?? '';
  return typeof value === 'string' ? value : invalid(`${place} must be a text`);
}
