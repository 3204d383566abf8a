import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { status } from '@grpc/grpc-js';
import { startExampleTls, startExampleWeb, writeExampleCertificates } from '../support/example-servers.ts';
import { startGreeter } from '../support/greeter-server.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import type { Fence } from './fences.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const patienceMs = 30_000;
/** The listeners and the admin addresses of the guide. */
const ownAddresses = [
  '127.0.0.1:15000',
  '127.0.0.1:15001',
  '127.0.0.1:15006',
  '0.0.0.0:15020',
  '127.0.0.1:15053',
];
/** The configuration of a page that shows its commands alone. */
const usual = 'outrigger run --config outrigger.yaml';
const usualFile = readFileSync(join(root, 'examples/quick-start.yaml'), 'utf8');

/** Commands that need no running sidecar. */
const offline = new Set(['validate', 'schema', 'version', 'help', 'completion', 'man']);

export interface CommandResult {
  readonly code: number;
  readonly output: string;
}

/**
 * Where the commands of one page are run: a folder with the files that they name, `outrigger` and `grpcurl` on the path, and the
 * servers of `npm run -s servers`. Every address of the guide is replaced by one with a free port.
 */
export class Workplace {
  private readonly folder = mkdtempSync(join(tmpdir(), 'outrigger-docs-'));
  private readonly addresses = new Map<string, string>();
  private readonly closers: Array<() => unknown> = [];
  private sidecar: ChildProcess | null = null;

  async open(): Promise<void> {
    const certs = join(this.folder, '.cache/certs');
    writeExampleCertificates(certs);
    for (const name of ['protos', 'examples']) symlinkSync(join(root, name), join(this.folder, name));
    mkdirSync(join(this.folder, 'bin'));
    this.installPackages();
    // curl then fails where it gets an error.
    writeFileSync(join(this.folder, '.curlrc'), 'fail\n');
    this.command('outrigger', 'src/main.ts');
    this.command('grpcurl', 'test/docs/grpcurl.ts');
    await this.startServers(certs);
    const free = await freeAddresses(ownAddresses.length);
    ownAddresses.forEach((address, i) => void this.addresses.set(address, free[i]));
    this.write('outrigger.yaml', usualFile);
  }

  /** The packages that programs of the guide import: ours, which is the sources here, and those of `node_modules`. */
  private installPackages(): void {
    const own = join(this.folder, 'node_modules/outrigger');
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, 'package.json'), '{ "type": "module", "exports": "./index.js" }');
    writeFileSync(join(own, 'index.js'), `export * from ${JSON.stringify(join(root, 'src/index.ts'))};\n`);
    symlinkSync(join(root, 'node_modules/@grpc'), join(this.folder, 'node_modules/@grpc'));
  }

  private command(name: string, source: string): void {
    const file = join(this.folder, 'bin', name);
    writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${join(root, source)}' "$@"\n`);
    chmodSync(file, 0o755);
  }

  private async startServers(certs: string): Promise<void> {
    for (const port of [50_051, 50_052, 50_053, 50_054, 50_055]) {
      const greeter = await startGreeter({ name: `greeter on ${port}`, watch: true });
      if (port === 50_054) greeter.failure = { code: status.UNAVAILABLE, details: 'fails' };
      if (port === 50_055) greeter.delayMs = 300;
      this.started(port, greeter.address, () => greeter.kill());
    }
    const greeter = await startGreeter({ name: 'greeter behind TLS' });
    this.closers.push(() => greeter.kill());
    const [cert, key, ca] = ['server.pem', 'server.key', 'ca.pem'].map((name) =>
      readFileSync(join(certs, name)),
    );
    for (const port of [50_061, 50_062]) {
      const requiresClientCert = port === 50_062;
      const front = await startExampleTls(greeter.port, { certs: { cert, key, ca }, requiresClientCert });
      this.started(port, front.address, () => front.close());
    }
    for (const port of [8080, 8081]) {
      const web = await startExampleWeb(`web server on ${port}`);
      this.started(port, web.address, () => web.close());
    }
  }

  private started(port: number, address: string, close: () => unknown): void {
    this.addresses.set(`127.0.0.1:${port}`, address);
    this.closers.push(close);
  }

  /** Replaces the addresses of the guide. */
  private adapted(text: string): string {
    return text.replaceAll(/\b(127\.0\.0\.1|0\.0\.0\.0|localhost):(\d{4,5})\b/g, (all, host, port) => {
      const address = this.addresses.get(`${host === 'localhost' ? '127.0.0.1' : host}:${port}`);
      if (address === undefined) return all;
      return host === 'localhost' ? address.replace('127.0.0.1', 'localhost') : address;
    });
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), this.adapted(text));
  }

  /** Runs a block. One that runs a sidecar leaves it running, in the place of an earlier one. */
  async run({ text }: Pick<Fence, 'text'>): Promise<CommandResult> {
    const script = this.adapted(text).replaceAll('npm run -s outrigger --', 'outrigger');
    if (/^(?:\w+=\S+ )*outrigger run /.test(script)) return this.startSidecar(script);
    if (this.sidecar === null && needsSidecar(script)) await this.startSidecar(this.adapted(usual));
    const child = this.spawn(script);
    const timer = setTimeout(() => kill(child, 'SIGKILL'), patienceMs);
    const output = collect(child);
    const [code] = await once(child, 'close');
    clearTimeout(timer);
    return { code: code ?? -1, output: output() };
  }

  private spawn(script: string): ChildProcess {
    return spawn('bash', ['-e', '-o', 'pipefail', '-c', script], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: {
        PATH: `${join(this.folder, 'bin')}:${process.env.PATH}`,
        HOME: this.folder,
        NODE_COMPILE_CACHE: join(root, '.cache/compile'),
        OUTRIGGER_ADMIN: this.addresses.get('127.0.0.1:15000'),
        OUTRIGGER_DRAIN_DELAY: '0s',
      },
    });
  }

  private async startSidecar(script: string): Promise<CommandResult> {
    await this.stopSidecar();
    const child = this.spawn(`exec ${script.trim()}`.replace(/^exec (?=\w+=)/, ''));
    this.sidecar = child;
    const output = collect(child);
    const untilMs = Date.now() + patienceMs;
    while (child.exitCode === null && Date.now() < untilMs) {
      const ready = await fetch(`http://${this.addresses.get('127.0.0.1:15000')}/ready`).catch(() => null);
      await ready?.text();
      if (ready?.status === 200) return { code: 0, output: output() };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return { code: child.exitCode ?? -1, output: output() };
  }

  private async stopSidecar(): Promise<void> {
    const { sidecar } = this;
    this.sidecar = null;
    if (sidecar === null || sidecar.exitCode !== null || sidecar.signalCode !== null) return;
    const ended = once(sidecar, 'close');
    kill(sidecar, 'SIGINT');
    const timer = setTimeout(() => kill(sidecar, 'SIGKILL'), patienceMs);
    await ended;
    clearTimeout(timer);
  }

  async close(): Promise<void> {
    await this.stopSidecar();
    for (const close of this.closers.reverse()) await close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Whether a script talks to a running sidecar. */
function needsSidecar(script: string): boolean {
  // `explain --config` asks the file.
  const asks = script.replaceAll(/^ *outrigger explain .*--config .*$/gm, '');
  const commands = [...asks.matchAll(/^ *outrigger (\S+)/gm)].map(([, name]) => name);
  return /\b(?:curl|grpcurl) /.test(asks) || commands.some((name) => !offline.has(name));
}

function collect(child: ChildProcess): () => string {
  let output = '';
  const hear = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout!.on('data', hear);
  child.stderr!.on('data', hear);
  return () => output;
}

/** Signals a script and what it started. */
function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // It has ended.
  }
}
