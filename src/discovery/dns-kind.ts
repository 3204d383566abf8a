import { hostName } from '../schema/names.ts';
import { choice, number } from '../schema/scalar-type.ts';
import { key, optionalSection } from '../schema/shape.ts';
import { DnsSource } from './dns.ts';
import { addressQuery, serviceQuery } from './dns-query.ts';
import { systemDnsResolver } from './dns-resolver.ts';
import { discoveryKind } from './kinds.ts';

/** `discovery.dns`: the addresses of a name, or its SRV records. */
export const dnsDiscovery = discoveryKind({
  name: 'dns',
  schema: optionalSection(
    {
      doc: 'DNS discovery: each address of the name is an endpoint. Outrigger resolves the name again when the TTL expires, and earlier when connections fail. If a lookup fails, Outrigger keeps the last good answer.',
      example: '{ host: orders, port: 50051 }',
    },
    {
      host: key(hostName, {
        required: true,
        doc: 'Name to look up. The rules of the system apply: the hosts file, and `search` and `ndots` in resolv.conf. TLS verifies certificates against this name.',
      }),
      type: key(choice(['address', 'srv']), {
        default: 'address',
        doc: '`address`: A and AAAA records, each with weight 1. `srv`: SRV records, with their ports, weights and priorities.',
      }),
      port: key(number({ min: 1, max: 65_535 }), {
        otherwise: 'the port of each SRV record',
        doc: 'Port of every endpoint. Required for `type: address`.',
      }),
      family: key(choice(['auto', 'ipv4', 'ipv6', 'all']), {
        default: 'auto',
        doc: 'Which addresses Outrigger uses. `auto`: the IPv4 addresses if there are any, otherwise the IPv6 addresses, because each replica of a dual-stack service has one of each. `all`: each address is an endpoint.',
      }),
    },
  ),

  check({ type, port }, { problem }) {
    if (type === 'address' && port === undefined)
      problem('.port', 'is missing; write the port of every endpoint, or type: srv');
    if (type === 'srv' && port !== undefined) problem('.port', 'comes from the SRV records; leave it out');
  },

  create(config, deps) {
    const resolver = (deps.newDnsResolver ?? systemDnsResolver)();
    const query =
      config.type === 'srv'
        ? serviceQuery(config, resolver)
        : // The check sees to it that there is a port.
          addressQuery({ ...config, port: config.port! }, resolver);
    return new DnsSource(query, { ...deps, resolver });
  },
});
