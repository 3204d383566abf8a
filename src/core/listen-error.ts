import { type Address, formatAddress } from './address.ts';
import { socketFileTrouble } from './unix-socket.ts';

/** The addresses that the admin server has. */
export type AdminKey = 'admin.listen' | 'admin.probes';

/** Why a listener or the admin server cannot listen: one sentence with the address and what to do. */
export class ListenError extends Error {
  /** Name of the listener, or '' for the admin server. */
  readonly listener: string;
  /** Of the admin server: the key that names the address. */
  readonly adminKey: AdminKey;

  constructor(listener: string, address: Address, cause: unknown, adminKey: AdminKey = 'admin.listen') {
    const admin = adminKey === 'admin.listen' ? 'the admin server' : `the admin server (${adminKey})`;
    const who = listener === '' ? admin : `listener ${listener}`;
    super(`${who} cannot listen on ${formatAddress(address)}: ${listenTrouble(address, cause)}`);
    this.listener = listener;
    this.adminKey = adminKey;
  }
}

/** Ports below this belong to the system's services. */
const privilegedPortsEnd = 1024;

function listenTrouble(address: Address, cause: unknown): string {
  const error = cause as NodeJS.ErrnoException;
  if (address.kind === 'unix') return socketFileTrouble(address.path, error);
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the address is in use; stop what listens there or choose another port';
    case 'EACCES':
      return address.port < privilegedPortsEnd
        ? `a port below ${privilegedPortsEnd} requires the capability CAP_NET_BIND_SERVICE; choose a higher port, or grant it (systemd: AmbientCapabilities, Kubernetes: securityContext.capabilities.add)`
        : 'this user may not listen there; choose another port';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address; choose one that it has, 127.0.0.1 for this machine or 0.0.0.0 for every interface';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${JSON.stringify(address.host)} has no address; write an IP address of this machine`;
    case 'EAFNOSUPPORT':
      return 'this machine has no IPv6; write an IPv4 address';
    case 'EMFILE':
    case 'ENFILE':
      return 'no file descriptors are left; raise the limit (ulimit -n)';
    default:
      return error.message;
  }
}
