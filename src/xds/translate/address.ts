import { isIPv6 } from 'node:net';
import { type Address, parseAddress } from '../../core/address.ts';
import { addressFields, pipeFields, socketAddressFields } from './fields/cluster-fields.ts';
import type { MessageReader } from './message-reader.ts';
import { quoted } from './notes.ts';

const hostPattern = /^[A-Za-z0-9_.-]{1,253}$/;

/** Reads `config.core.v3.Address`; undefined after a problem. */
export function readAddress(reader: MessageReader, name: string): Address | undefined {
  const address = reader.message(name, addressFields);
  if (address === undefined) {
    reader.problem(name, 'is missing; send a socket address');
    return undefined;
  }
  const pipe = address.message('pipe', pipeFields);
  if (pipe !== undefined) {
    const parsed = parseAddress(`unix:${pipe.text('path')}`);
    if (parsed.value === undefined) pipe.problem('path', 'is not the path of a socket');
    return parsed.value;
  }
  const socket = address.message('socket_address', socketAddressFields);
  if (socket !== undefined) return readSocketAddress(socket);
  address.problem('', 'has no socket address; send one');
  return undefined;
}

function readSocketAddress(socket: MessageReader): Address | undefined {
  const host = socket.text('address');
  const port = socket.number('port_value') ?? 0;
  if (socket.text('protocol') === 'UDP') {
    socket.problem('protocol', 'is UDP; declare UDP in the configuration file');
    return undefined;
  }
  if (!hostPattern.test(host) && !isIPv6(host)) {
    socket.problem('address', `${quoted(host)} is not an IP address or a host name`);
    return undefined;
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    socket.problem('port_value', `${port} is not a port; send a number from 1 to 65535`);
    return undefined;
  }
  return { kind: 'tcp', host, port };
}
