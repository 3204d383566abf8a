import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { parse } from 'yaml';
import {
  type ExampleWebServer,
  startExampleTls,
  startExampleWeb,
  tlsClient,
  writeExampleCertificates,
} from '../support/example-servers.ts';
import type { Greeter } from '../support/greeter-server.ts';
import type { ConfigShape, Sidecar } from '../support/sidecar.ts';
import type { Rig } from './rig.ts';

/** Where the examples are. */
export const examplesFolder = fileURLToPath(new URL('../../examples/', import.meta.url));

/** The names of all configurations among the examples. */
export const exampleFiles: readonly string[] = readdirSync(examplesFolder)
  .filter((file) => /\.(?:ya?ml|json)$/.test(file))
  .sort();

/** Reads a file of the examples. */
export function exampleText(file: string): string {
  return readFileSync(join(examplesFolder, file), 'utf8');
}

type Addresses = Readonly<Record<string, string>>;

/** What the tests of the examples share: certificates, servers on free ports, and sidecars that use them. */
export interface ExamplesRig {
  /** The folder with the certificates; files in it are removed after the tests. */
  folder(): string;
  /** The variables that the examples use. */
  env(): Record<string, string>;
  /** Reads a certificate or a key. */
  read(name: string): Buffer;
  /** Returns the text of an example with other addresses and its variables filled in. Each address must occur. */
  adapted(file: string, addresses: Addresses): string;
  /** Starts an example with its listeners and its admin server on free ports. */
  start(file: string, addresses: Addresses): Promise<Sidecar>;
  greeters(...names: string[]): Promise<Greeter[]>;
  web(...names: string[]): Promise<ExampleWebServer[]>;
  /** Starts a TLS server in front of a greeter and returns its address. */
  tlsFront(plaintext: Greeter, requiresClientCert: boolean): Promise<string>;
  /** Makes calls one after the other, all of which must succeed, and returns the names of the replicas that answered. */
  replicasOf(proxy: Sidecar, calls: number, metadata?: [string, string][]): Promise<string[]>;
  /** Resolves with the status of a call over TLS. */
  sayHelloOverTls(proxy: Sidecar, credentials: grpc.ChannelCredentials): Promise<number>;
}

/** Makes the certificates before the tests of a `describe` and removes them after it. */
export function examplesRig({ greeter, sidecar, client, defer }: Rig): ExamplesRig {
  let certs = '';
  before(() => {
    certs = mkdtempSync(join(tmpdir(), 'outrigger-examples-'));
    writeExampleCertificates(certs);
  });
  after(() => rmSync(certs, { recursive: true }));
  const made: ExamplesRig = {
    folder: () => certs,
    env: () => ({ CERTS: certs, SESSION_SECRET: 'only-for-this-test' }),
    read: (name) => readFileSync(join(certs, name)),
    adapted(file, addresses) {
      const env = made.env();
      let text = exampleText(file).replaceAll(/\$\{(\w+)(?::-[^}]*)?\}/g, (_, name: string) => env[name]);
      for (const [from, to] of Object.entries(addresses)) {
        expect(text, file).to.contain(from);
        text = text.replaceAll(new RegExp(`${from.replaceAll('.', '\\.')}\\b`, 'g'), to);
      }
      return text;
    },
    start(file, addresses) {
      const shape = parse(made.adapted(file, addresses)) as ConfigShape & { admin?: object };
      const listeners = shape.listeners!.map((listener) => ({ ...listener, listen: '127.0.0.1:0' }));
      return sidecar({ ...shape, admin: { ...shape.admin, listen: '127.0.0.1:0' }, listeners });
    },
    greeters: (...names) => Promise.all(names.map((name) => greeter({ name, watch: true }))),
    web: (...names) =>
      Promise.all(
        names.map(async (name) => {
          const server = await startExampleWeb(name);
          defer(() => server.close());
          return server;
        }),
      ),
    async tlsFront(plaintext, requiresClientCert) {
      const [cert, key, ca] = ['server.pem', 'server.key', 'ca.pem'].map(made.read);
      const front = await startExampleTls(plaintext.port, { certs: { cert, key, ca }, requiresClientCert });
      defer(() => front.close());
      return front.address;
    },
    async replicasOf(proxy, calls, metadata = []) {
      const caller = client(proxy.target());
      const names = new Set<string>();
      for (let i = 0; i < calls; i++) {
        const { code, details, replies } = await caller.sayHello('x', { metadata });
        expect(code, details).to.equal(grpc.status.OK);
        names.add(replies[0].replica);
      }
      return [...names].sort();
    },
    sayHelloOverTls(proxy, credentials) {
      const caller = tlsClient(proxy.target(), credentials);
      defer(() => caller.close());
      return caller.sayHello();
    },
  };
  return made;
}
