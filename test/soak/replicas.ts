import { fileURLToPath } from 'node:url';
import { ReplicaProcess } from '../fault/replica-process.ts';
import { freePorts } from '../support/free-ports.ts';

const main = fileURLToPath(new URL('./replica-main.ts', import.meta.url));

/** One end of a replica; wall clock, milliseconds. */
export interface End {
  readonly replica: string;
  readonly fromMs: number;
  /** When the process was gone. */
  readonly toMs: number;
}

interface Member {
  readonly name: string;
  readonly addresses: Record<Protocol, string>;
  readonly process: ReplicaProcess;
}

export type Protocol = 'grpc' | 'http' | 'tcp';
const protocols: readonly Protocol[] = ['grpc', 'http', 'tcp'];

/** The replicas, which end and come back one at a time: by a graceful stop and by kill -9 in turns. An odd number, so that everyone ends both ways. */
export class Replicas {
  /** By kill -9. */
  readonly kills: End[] = [];
  readonly gracefulStops: End[] = [];
  private readonly members: Member[];
  private turn = 0;

  private constructor(members: Member[]) {
    this.members = members;
  }

  static async start(count: number): Promise<Replicas> {
    const from = await freePorts(count * protocols.length);
    const members = Array.from({ length: count }, (_, index) => {
      const name = `replica-${index + 1}`;
      const at = (offset: number) => `127.0.0.1:${from + index * protocols.length + offset}`;
      const addresses = { grpc: at(0), http: at(1), tcp: at(2) };
      const ports = [addresses.http, addresses.tcp].map((address) => address.split(':')[1]);
      return { name, addresses, process: new ReplicaProcess(addresses.grpc, name, main, ports) };
    });
    await Promise.all(members.map(({ process }) => process.start()));
    return new Replicas(members);
  }

  addresses(protocol: Protocol): string[] {
    return this.members.map(({ addresses }) => addresses[protocol]);
  }

  /** Whose address it is; '' for nobody's. */
  nameAt(address: string): string {
    return this.members.find(({ addresses }) => Object.values(addresses).includes(address))?.name ?? '';
  }

  /** Where the one is that ends next. */
  get nextAddresses(): string[] {
    return Object.values(this.members[this.turn % this.members.length].addresses);
  }

  /** Ends the next one and brings it back; resolves when it listens again. */
  async restartNext(): Promise<void> {
    const member = this.members[this.turn % this.members.length];
    const graceful = this.turn % 2 === 0;
    this.turn++;
    const fromMs = Date.now();
    await (graceful ? member.process.stop() : member.process.kill());
    const ends = graceful ? this.gracefulStops : this.kills;
    ends.push({ replica: member.name, fromMs, toMs: Date.now() });
    await member.process.start();
  }

  async end(): Promise<void> {
    await Promise.all(this.members.map(({ process }) => process.kill()));
  }
}
