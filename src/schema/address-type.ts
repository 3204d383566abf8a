import { isIP } from 'node:net';
import { type Address, formatAddress, parseAddress } from '../core/address.ts';
import { shown } from './problem.ts';
import { type ScalarType, wrongKind } from './scalar-type.ts';

/** Who uses the address: a listener binds it and may ask for port 0, an endpoint is connected to. */
export type AddressUse = 'listen' | 'connect';

const write = 'host:port, [::1]:port or unix:/path';

/** `host:port`, `[::1]:port` or `unix:/path`: one address. */
export function address(use: AddressUse): ScalarType<Address> {
  return {
    label: 'address',
    unit: '',
    jsonSchema: {
      type: 'string',
      pattern: String.raw`^(unix:.+|\[[0-9A-Fa-f:.%]+\]:\d{1,5}|[^\s/:\[\]]+:\d{1,5})$`,
    },
    fromText: (value) => value,
    toRaw: formatAddress,
    parse: (raw) => {
      if (typeof raw === 'number') return { error: `${raw} ${onlyPort(String(raw), use)}` };
      if (typeof raw !== 'string') return wrongKind(raw, write);
      const mistake = mistakeIn(raw, use);
      if (mistake !== undefined) return { error: `${shown(raw)} ${mistake}` };
      const parsed = parseAddress(raw);
      if (parsed.value === undefined || parsed.value.kind === 'unix') return parsed;
      const { host, port } = parsed.value;
      if (!isHost(host)) return { error: `${shown(raw)}: ${shown(host)} is not a host; write ${write}` };
      if (/^[\d.]+$/.test(host) && isIP(host) === 0)
        return {
          error: `${shown(raw)}: ${shown(host)} is not an IP address; write four numbers from 0 to 255, or a name`,
        };
      return port !== 0 || use === 'listen'
        ? parsed
        : { error: `${shown(raw)}: nothing can be reached at port 0; write a port from 1 to 65535` };
    },
  };
}

/** A name, or an IP address, which alone may have colons, and a zone after a percent sign. */
function isHost(host: string): boolean {
  return host.length <= 253 && (/^[A-Za-z0-9_.-]+$/.test(host) || isIP(host) === 6);
}

/** A text that stands for something else than an address, and what to write for it. */
function mistakeIn(raw: string, use: AddressUse): string | undefined {
  if (raw === '') return `is empty; write ${write}`;
  if (raw.startsWith('unix:')) return undefined;
  if (/^\d{1,5}$/.test(raw)) return onlyPort(raw, use);
  const url = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(raw);
  if (url !== null) return urlFix(url[1].toLowerCase(), url[2]);
  if (raw.startsWith('/')) return 'is a path; write unix:/path for a Unix socket';
  const option = /^[^,;]+[,;]\s*(weight|zone|priority)=/.exec(raw);
  if (option !== null && use === 'connect')
    return `holds ${option[1]} too; write the address alone, and ${option[1]} as a key beside it`;
  if (raw.includes(',')) return listFix(use);
  const bare = /^(\*|\+|\[\])?:(\d{1,5})$/.exec(raw);
  return bare === null ? undefined : hostFix(bare[1], bare[2], use);
}

function onlyPort(port: string, use: AddressUse): string {
  return use === 'listen'
    ? `is only a port; write host:port, 127.0.0.1:${port} for this machine or 0.0.0.0:${port} for every interface`
    : `is only a port; write host:port, 127.0.0.1:${port} for this machine`;
}

function hostFix(host: string | undefined, port: string, use: AddressUse): string {
  const what = host === undefined ? 'has no host' : `has ${shown(host)} for a host`;
  return use === 'listen'
    ? `${what}; write 127.0.0.1:${port} for this machine or 0.0.0.0:${port} for every interface`
    : `${what}; write 127.0.0.1:${port} for this machine, or the name of another host`;
}

function urlFix(scheme: string, authority: string): string {
  if (scheme === 'dns')
    return 'is a DNS target; write discovery: { dns: { host: NAME, port: 50051 } } in the cluster';
  const write = parseAddress(authority).value === undefined ? `host:port without "${scheme}://"` : authority;
  const tls = scheme === 'https' || scheme === 'grpcs' ? ', and a tls section for TLS' : '';
  return `is a URL, and an address has no scheme; write ${write}${tls}`;
}

function listFix(use: AddressUse): string {
  return use === 'listen'
    ? 'is a list, and one address is needed; write a listener for each address in a configuration file'
    : 'is a list, and one address is needed; write an entry for each address';
}
