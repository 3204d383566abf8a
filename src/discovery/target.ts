import { isIP } from 'node:net';
import { parseAddress } from '../core/address.ts';
import type { EndpointSpec } from '../core/endpoint-spec.ts';
import type { DnsTarget } from './dns.ts';

/** What `--to` names. */
export type Target =
  | { readonly kind: 'static'; readonly endpoint: EndpointSpec }
  | { readonly kind: 'dns'; readonly dns: DnsTarget };

export type TargetResult = { value: Target; error?: undefined } | { value?: undefined; error: string };

interface Options {
  weight: number;
  zone: string;
  priority: number;
}

/**
 * Parses `host:port`, `[::1]:port`, `unix:/path` or `dns:///host:port` (`dns:host:port` too, as gRPC's naming has it),
 * each with `;weight=2`, `;zone=a`, `;priority=1` behind it. Never throws.
 */
export function parseTarget(text: string): TargetResult {
  const [place, ...parameters] = text.trim().split(';');
  const options = parseOptions(text, parameters);
  if (typeof options === 'string') return { error: options };
  if (/^dns:/i.test(place)) return parseDns(text, place.slice(4), options);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(place)?.[1].toLowerCase();
  if (scheme !== undefined && scheme !== 'unix')
    return {
      error: `"${text}": "${scheme}://" is not understood here; write host:port, unix:/path or dns:///host:port`,
    };
  const address = parseAddress(scheme === 'unix' ? `unix:${place.slice('unix://'.length)}` : place);
  if (address.error !== undefined) return { error: address.error };
  if (address.value.kind === 'tcp' && address.value.port === 0) return { error: portZero(text) };
  return { value: { kind: 'static', endpoint: { address: address.value, ...options } } };
}

const portZero = (text: string) => `"${text}": nothing listens on port 0; write a port from 1 to 65535`;

function parseDns(text: string, rest: string, options: Options): TargetResult {
  if (rest.startsWith('//') && !rest.startsWith('///'))
    return { error: `"${text}" names a DNS server, which is not supported; write dns:///host:port` };
  const parsed = parseAddress(rest.replace(/^\/\/\//, ''));
  if (parsed.error !== undefined || parsed.value.kind !== 'tcp')
    return {
      error: `"${text}" is no DNS target (${parsed.error ?? 'a path has no name'}); write dns:///host:port`,
    };
  const { host, port } = parsed.value;
  if (port === 0) return { error: portZero(text) };
  if (isIP(host) === 0 && !isDnsName(host))
    return { error: `"${text}": "${host}" is no DNS name; write dns:///host:port` };
  return { value: { kind: 'dns', dns: { host, port, ...options } } };
}

/** RFC 1035 section 2.3.4 for lengths; the underscore because service names use it. */
function isDnsName(host: string): boolean {
  const labels = host.replace(/\.$/, '').split('.');
  return host.length <= 254 && labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,62})$/i.test(label));
}

/** The options, or the error. */
function parseOptions(text: string, parameters: readonly string[]): Options | string {
  const options: Options = { weight: 1, zone: '', priority: 0 };
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=');
    const name = (equals < 0 ? parameter : parameter.slice(0, equals)).trim();
    const value = equals < 0 ? '' : parameter.slice(equals + 1).trim();
    if (name === 'weight') {
      options.weight = /^\d{1,6}(\.\d{1,6})?$/.test(value) ? Number(value) : 0;
      if (options.weight < 1) return `"${text}": weight "${value}" is not a number from 1 to 999999`;
    } else if (name === 'priority') {
      options.priority = Number(value);
      if (!/^\d{1,3}$/.test(value))
        return `"${text}": priority "${value}" is not a whole number from 0 to 999`;
    } else if (name === 'zone') {
      options.zone = value;
    } else {
      return `"${text}": "${name}" is not an option of a target; there are weight, zone and priority`;
    }
  }
  return options;
}
