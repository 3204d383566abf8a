import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatAddress } from '../../../src/core/address.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { systemRandom } from '../../../src/core/random.ts';
import type { ApiServer } from '../../../src/discovery/kubernetes/api-server.ts';
import { HttpsApiServer } from '../../../src/discovery/kubernetes/https-api-server.ts';
import { inClusterAccess } from '../../../src/discovery/kubernetes/in-cluster.ts';
import { readText } from '../../../src/discovery/kubernetes/read-text.ts';
import { KubernetesSource } from '../../../src/discovery/kubernetes/source.ts';
import { until } from '../checks.ts';
import type { ControlPlane } from './cluster.ts';
import { namespace } from './slices.ts';

/** The folder that the kubelet mounts into a pod. */
export class Mount {
  readonly dir: string;
  constructor(dir: string, cluster: ControlPlane, token: string) {
    this.dir = dir;
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'namespace'), namespace);
    this.writeToken(token);
    this.writeCa(cluster);
  }
  writeToken(token: string): void {
    writeFileSync(join(this.dir, 'token'), token);
  }
  writeCa(cluster: ControlPlane): void {
    copyFileSync(cluster.caFile, join(this.dir, 'ca.crt'));
  }
}

const patienceMs = 30_000;

/** A service as a sidecar in a pod discovers it, with the real clock and the real API server. */
export class WatchedService {
  readonly source: KubernetesSource;
  /** Paths of the requests. */
  readonly requests: string[] = [];
  /** Requests fail while this is true. */
  isCutOff = false;
  /** Changes what is asked for. */
  rewrite: (path: string) => string = (path) => path;
  published = 0;
  /** `performance.now()` of the latest list. */
  publishedMs = 0;
  private addresses: readonly string[] = [];
  private cancels = new Set<() => void>();

  constructor(service: string, cluster: ControlPlane, mount: Mount) {
    const env = { KUBERNETES_SERVICE_HOST: cluster.host, KUBERNETES_SERVICE_PORT: String(cluster.port) };
    const real = new HttpsApiServer(inClusterAccess(env, readText, mount.dir));
    const api: ApiServer = {
      get: (pathOf, receiver) => {
        if (this.isCutOff) {
          queueMicrotask(() => receiver.failed('cut off by the test'));
          return () => {};
        }
        const cancel = real.get((ns) => {
          const path = this.rewrite(pathOf(ns));
          this.requests.push(path);
          return path;
        }, receiver);
        const cut = () => {
          cancel();
          receiver.failed('cut off by the test');
        };
        this.cancels.add(cut);
        return cancel;
      },
    };
    this.source = new KubernetesSource(
      { service, family: 'auto', transport: 'TCP', localZone: '' },
      { clock: systemClock, random: systemRandom(), logger: silentLogger, api },
    );
  }

  start(): void {
    this.source.start((list) => {
      this.published++;
      this.publishedMs = performance.now();
      this.addresses = list.map(({ address }) => formatAddress(address));
    });
  }

  /** Breaks what is open, and lets nothing through. */
  cutOff(): void {
    this.isCutOff = true;
    for (const cut of this.cancels) cut();
    this.cancels.clear();
  }

  get error(): string {
    return this.source.status.lastError;
  }

  get endpoints(): number {
    return this.addresses.length;
  }

  async has(what: string, ...hosts: readonly string[]): Promise<void> {
    const expected = hosts.map((host) => `${host}:50051`).join();
    await until(
      `${what} (${this.addresses.join()}; ${this.error})`,
      patienceMs,
      async () => this.addresses.join() === expected,
    );
  }

  async says(what: RegExp): Promise<void> {
    await until(`the status says ${what}, and not ${this.error}`, patienceMs, async () =>
      what.test(this.error),
    );
  }
}
