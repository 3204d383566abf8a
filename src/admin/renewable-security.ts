import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { AdminCredentials } from './access.ts';

/** What the clients of the admin server are held to. */
export interface AdminSecurity {
  /** What clients on other machines show; null where none is configured. */
  readonly token: string | null;
  /** Of `address`; null for plain text. Client certificates count where it asks for them. */
  readonly tls: TlsOptions | null;
}

/** What a renewal replaced. */
export interface Renewal {
  readonly token: boolean;
  readonly certificates: boolean;
}

const open: AdminSecurity = { token: null, tls: null };

/** Keeps the token and the certificates of the admin server, and which connections the authorities of now have verified. */
export class RenewableSecurity {
  private readonly read: () => AdminSecurity;
  private current: AdminSecurity;
  /** Node verifies a certificate once, at the handshake; a connection may live on after its authority was replaced. */
  private verified = new WeakSet<Socket>();

  /** `read` gives what is valid now; throws a sentence where a file cannot be read, and so does this. */
  constructor(read: () => AdminSecurity = () => open) {
    this.read = read;
    this.current = read();
  }

  get tls(): TlsOptions | null {
    return this.current.tls;
  }

  get credentials(): AdminCredentials {
    const { token, tls } = this.current;
    return {
      token,
      clientCertificates: tls?.requestCert === true,
      isVerified: (socket) => this.verified.has(socket),
    };
  }

  /** A handshake has ended. */
  connected(socket: Socket): void {
    this.verified.add(socket);
  }

  /** Reads again, and returns what has changed. Throws a sentence, and keeps what it had, where something cannot be read. */
  renew(): Renewal {
    const before = this.current;
    this.current = this.read();
    const { token, tls } = this.current;
    if (!isDeepStrictEqual(tls?.ca, before.tls?.ca)) this.verified = new WeakSet();
    const files = (of: TlsOptions | null): unknown[] => [of?.cert, of?.key, of?.ca];
    return {
      token: token !== before.token,
      certificates: !isDeepStrictEqual(files(tls), files(before.tls)),
    };
  }
}
