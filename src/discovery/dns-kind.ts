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
      doc: 'Every address of a name is an endpoint. Asked again as the TTL says, early when connections fail; when that fails the last good answer stays.',
      example: '{ host: orders, port: 50051 }',
    },
    {
      host: key(hostName, {
        required: true,
        doc: 'Name to look up, by the rules of the platform: hosts file, `search` and `ndots` of resolv.conf. TLS verifies it.',
      }),
      type: key(choice(['address', 'srv']), {
        default: 'address',
        doc: '`address`: A and AAAA records, each of weight 1. `srv`: SRV records, with their ports, weights and priorities.',
      }),
      port: key(number({ min: 1, max: 65_535 }), {
        otherwise: 'that of each SRV record',
        doc: 'Port of every endpoint; must be written for `type: address`.',
      }),
      family: key(choice(['auto', 'ipv4', 'ipv6', 'all']), {
        default: 'auto',
        doc: 'Which addresses count. `auto`: IPv4 where there is any, else IPv6, since a replica of a dual-stack service has one of each; `all`: each address is a replica.',
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
