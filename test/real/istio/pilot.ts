import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freeAddresses } from '../../support/sidecar-process.ts';
import { until } from '../checks.ts';
import { type RunningProgram, runProgram } from '../kubernetes/programs.ts';

const installScript = fileURLToPath(new URL('install', import.meta.url));
const startPatienceMs = 60_000;

/** The path of pilot-discovery, or why there is none; builds what is not in the cache, which takes 10 to 20 minutes. */
export function pilotProgram(): { readonly path: string } | { readonly missing: string } {
  const { stdout } = spawnSync(installScript, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const line = (stdout ?? '').trim();
  const [what, , ...rest] = line.split(' ');
  return what === 'have' ? { path: rest.join(' ') } : { missing: line };
}

/** Istio's control plane in plaintext: services from an API server, its own resources from files. */
export class Pilot {
  readonly address: string;
  private readonly path: string;
  private readonly kubeconfig: string;
  private readonly dir: string;
  private readonly others: readonly string[];
  private program: RunningProgram | null = null;

  private constructor(path: string, kubeconfig: string, dir: string, addresses: readonly string[]) {
    [this.address, ...this.others] = addresses;
    this.path = path;
    this.kubeconfig = kubeconfig;
    this.dir = dir;
  }

  static async create(path: string, kubeconfig: string, dir: string): Promise<Pilot> {
    mkdirSync(join(dir, 'config'), { recursive: true });
    writeFileSync(join(dir, 'mesh.yaml'), 'accessLogFile: ""\n');
    return new Pilot(path, kubeconfig, dir, await freeAddresses(3));
  }

  /** Replaces all resources of Istio. */
  serve(resources: readonly object[]): void {
    const next = join(this.dir, 'next.yaml');
    writeFileSync(next, resources.map((resource) => JSON.stringify(resource)).join('\n---\n'));
    renameSync(next, join(this.dir, 'config/mesh.yaml'));
  }

  /** Resolves once it is ready, on the same port after a restart. */
  async start(): Promise<void> {
    const [http, monitoring] = this.others;
    const settings = { ENABLE_CA_SERVER: 'false', POD_NAMESPACE: 'istio-system', POD_NAME: 'pilot' };
    const env = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    // Its root certificate goes to ./etc; without a registry it crashes at the start.
    const program = runProgram('env', [
      ...[`--chdir=${this.dir}`, ...env, this.path, 'discovery'],
      ...['--registries', 'Kubernetes', '--kubeconfig', this.kubeconfig],
      ...['--configDir', join(this.dir, 'config'), '--meshConfig', join(this.dir, 'mesh.yaml')],
      ...['--grpcAddr', this.address, '--secureGRPCAddr=', '--httpAddr', http, '--httpsAddr='],
      ...['--monitoringAddr', monitoring, '--ctrlz_port', '0', '--profile=false'],
    ]);
    this.program = program;
    await until('pilot-discovery is ready', startPatienceMs, async () => {
      if (!program.running) throw new Error(`pilot-discovery ended: ${program.log()}`);
      const ready = await fetch(`http://${http}/ready`).catch(() => null);
      return ready?.status === 200;
    });
  }

  log(): string {
    return this.program?.log() ?? '';
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    await this.program?.stop('SIGKILL');
    this.program = null;
  }
}
