import type { TlsOptions } from 'node:tls';
import type { Address } from '../core/address.ts';

/** What the settings of every listener have. */
export interface NetworkListenerSettings {
  readonly name: string;
  readonly address: Address;
  readonly direction: 'outbound' | 'inbound';
  readonly protocol: 'auto' | 'tcp' | 'udp';
  readonly tls: TlsOptions | null;
  /** Another process of the same user may bind the address as well, and takes over from this one. */
  readonly shared: boolean;
}

/** All that is made of settings, so that settings which cannot be used are found out before anything changes. */
export interface PreparedListener {
  readonly settings: NetworkListenerSettings;
}

/** One address that clients reach, by connections or by datagrams, as the rest of the process sees it. */
export interface NetworkListener {
  readonly settings: NetworkListenerSettings;
  /** Where it listens, with the port the system gave. */
  readonly address: Address;
  /** Open connections; UDP has none. */
  readonly connections: number;
  /** Connections whose clients have not been handed all of their replies. */
  readonly undelivered: number;
  /** Binds. Rejects with a sentence that names the address and what to do. */
  listen(): Promise<Address>;
  /** Reads nothing and changes nothing yet. Throws on certificates and keys that do not fit. */
  prepare(settings: NetworkListenerSettings): PreparedListener;
  /** From now on these settings hold, whose address is this listener's. */
  apply(prepared: PreparedListener): void;
  /** A shutdown is near: asks clients to take their next requests elsewhere, and serves as ever. */
  announceShutdown(goawayDelayMs: number): void;
  /** The shutdown that was announced does not take place. */
  resume(): void;
  /** Takes no new connections or sessions. */
  stopAccepting(): Promise<void>;
  /** Takes no new calls. */
  shutdown(): void;
  /** Closes whatever is left. */
  close(): void;
}
