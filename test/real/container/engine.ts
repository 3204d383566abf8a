import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** buildah and podman as root, with a store of images of their own, without an engine, a registry and systemd. */

const here = fileURLToPath(new URL('.', import.meta.url));
const buildPatienceMs = 210_000;
const commandPatienceMs = 60_000;
/** Where most systems have the CA certificates. */
const certificates = '/etc/ssl/certs';

export interface Installed {
  /** Folder of the store of images. */
  readonly store: string;
  /** Name of the image that stands in for Node's official one. */
  readonly base: string;
  /** Folder of the Python environment with hadolint and check-jsonschema. */
  readonly tools: string;
}

/** What the install script has brought, or why there is nothing. */
export function installed(): Installed | { readonly missing: string } {
  const { stdout } = spawnSync(`${here}install`, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const found = new Map<string, string>();
  for (const line of (stdout ?? '').split('\n')) {
    const [, what, value] = /^have (\w+) (.*)$/.exec(line) ?? [];
    if (what !== undefined) found.set(what, value);
  }
  const [store, base, tools] = ['store', 'base', 'tools'].map((name) => found.get(name));
  if (store === undefined || base === undefined || tools === undefined)
    return { missing: (stdout ?? '').trim() };
  return { store, base, tools };
}

export interface Ran {
  readonly code: number;
  readonly out: string;
}

export interface ContainerOptions {
  /** Options of `podman run` beside those that every container here gets. */
  readonly options?: readonly string[];
  readonly args: readonly string[];
}

/** podman refuses a run root of more than 50 characters, which the path of a cache may have, and another one than a store had before. */
function runRootOf(store: string): string {
  return join(tmpdir(), `outrigger-${createHash('sha256').update(store).digest('hex').slice(0, 8)}`);
}

/** Builds images and runs containers; `close` removes all of them. */
export class Engine {
  private readonly store: readonly string[];
  private readonly runRoot: string;
  private readonly work = mkdtempSync(join(tmpdir(), 'outrigger-'));
  private readonly images: string[] = [];
  private readonly containers: string[] = [];

  constructor(store: string) {
    this.runRoot = runRootOf(store);
    this.store = ['--storage-driver', 'vfs', '--root', join(store, 'root'), '--runroot', this.runRoot];
  }

  /** Builds docker/Dockerfile with docker/build.sh. Rejects with what the build wrote last. */
  async build(tag: string): Promise<void> {
    // For machines whose npm goes through an authority of their own.
    const npmrc = join(this.work, 'npmrc');
    writeFileSync(npmrc, `cafile=${certificates}/ca-certificates.crt\n`);
    const options = [
      '--isolation',
      'chroot',
      '--pull-never',
      '--network',
      'host',
      '--no-cache',
      '--force-rm',
    ];
    options.push('--volume', `${certificates}:${certificates}:ro`, '--volume', `${npmrc}:/root/.npmrc:ro`);
    this.images.push(tag);
    const env = { ...process.env, ENGINE: ['buildah', ...this.store].join(' '), TAG: tag };
    const { code, out } = await runProgram('docker/build.sh', options, buildPatienceMs, env);
    if (code !== 0) throw new Error(out.slice(-2_000));
  }

  podman(...args: readonly string[]): Promise<Ran> {
    // runc, because crun 1.8 refuses mixed control groups.
    const common = ['--cgroup-manager', 'cgroupfs', '--events-backend', 'file', '--runtime', 'runc'];
    return runProgram('podman', [...this.store, ...common, ...args], commandPatienceMs);
  }

  /** Mounts an image for reading until `close`; its folder. */
  async mount(image: string): Promise<string> {
    const { code, out } = await this.podman('image', 'mount', image);
    if (code !== 0) throw new Error(out);
    return out.trim().split('\n').at(-1)!;
  }

  /** Starts a container on the network of this machine, with nothing that a sidecar does not need. Rejects if it does not start. */
  start(name: string, image: string, { options = [], args }: ContainerOptions): Promise<void> {
    const limits = ['--memory', '128m', '--pids-limit', '64'];
    const rights = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
    return this.startWith(name, image, ['--network', 'host', ...rights, ...limits, ...options], args);
  }

  /** Starts a container with these options alone. Rejects if it does not start. */
  async startWith(
    name: string,
    image: string,
    options: readonly string[],
    args: readonly string[],
  ): Promise<void> {
    this.containers.push(name);
    // Without them podman asks for its own defaults, which may be above what this machine permits.
    const limits = ['--ulimit', 'nofile=4096:4096', '--ulimit', 'nproc=4096:4096'];
    const { code, out } = await this.podman(
      'run',
      '--detach',
      '--name',
      name,
      ...limits,
      ...options,
      image,
      ...args,
    );
    if (code !== 0) throw new Error(out.slice(-2_000));
  }

  async remove(name: string): Promise<void> {
    await this.podman('rm', '--force', '--time', '0', name);
  }

  /** Runs the health check of a container once. */
  checkHealth(name: string): Promise<Ran> {
    return this.podman('healthcheck', 'run', name);
  }

  async inspect<T>(kind: 'container' | 'image', name: string): Promise<T> {
    const { code, out } = await this.podman('inspect', '--type', kind, name);
    if (code !== 0) throw new Error(out);
    return (JSON.parse(out.slice(out.indexOf('['))) as T[])[0];
  }

  /** Waits for the end of a container; its exit code. */
  async wait(name: string): Promise<number> {
    return Number((await this.podman('wait', name)).out.trim().split('\n').at(-1));
  }

  async logs(name: string): Promise<string> {
    return (await this.podman('logs', '--tail', '30', name)).out;
  }

  /** Removes the containers and images of this run; returns what could not be removed. */
  async close(): Promise<string[]> {
    const left: string[] = [];
    for (const name of this.containers) {
      await this.remove(name);
      if ((await this.podman('container', 'exists', name)).code !== 1) left.push(`container ${name}`);
    }
    for (const name of this.images) {
      await this.podman('image', 'unmount', '--force', name);
      await this.podman('rmi', '--force', name);
      if ((await this.podman('image', 'exists', name)).code !== 1) left.push(`image ${name}`);
    }
    for (const folder of [this.work, this.runRoot]) {
      rmSync(folder, { recursive: true, force: true });
      if (existsSync(folder)) left.push(folder);
    }
    return left;
  }
}

/** Runs a program to its end; standard error follows standard output. */
function runProgram(
  program: string,
  args: readonly string[],
  timeout: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout, env, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : (child.exitCode ?? -1);
      resolve({ code, out: `${stdout}${stderr}${code === -1 ? error?.message : ''}` });
    });
  });
}
