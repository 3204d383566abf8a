import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type PeerOptions, RawPeer } from './raw-peer.ts';

/** What a replica does on each connection, and to each request. */
export interface Hostility extends PeerOptions {
  /** At once, after its SETTINGS unless `mute`. */
  connected?(peer: RawPeer): void;
  /** A HEADERS frame came: the beginning of a request. */
  request?(peer: RawPeer, id: number): void;
}

/** A replica on 127.0.0.1 that means no good. */
export class HostileServer {
  /** One for each connection so far. */
  readonly peers: RawPeer[] = [];
  private readonly server: Server;

  constructor(hostility: Hostility) {
    this.server = createServer((socket) => {
      const peer = new RawPeer(socket, 'server', hostility);
      this.peers.push(peer);
      peer.onFrame = (type, _flags, id) => {
        if (type === 1) hostility.request?.(peer, id);
      };
      hostility.connected?.(peer);
    });
  }

  async listen(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.close();
    for (const peer of this.peers) peer.destroy();
    await once(this.server, 'close');
  }
}
