import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { freeAddresses } from '../../support/sidecar-process.ts';
import { until } from '../checks.ts';
import { type ClusterPrograms, type RunningProgram, runProgram } from './programs.ts';

/**
 * A Kubernetes control plane without nodes, on free ports of loopback: a real kube-apiserver with RBAC, PodSecurity, static tokens
 * and service-account tokens, and the etcd behind it. There are no controllers: a test writes EndpointSlices and pods by itself,
 * and a namespace has no `default` service account.
 *
 * ```ts
 * const programs = clusterPrograms();                      // builds what is missing; see `install`
 * if ('missing' in programs) exitForMissing(programs.missing);
 * const cluster = await startCluster(programs, dir);       // ready when it resolves; all files are below `dir`
 * await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
 * const { status, body } = await cluster.call('GET', '/api/v1/namespaces');       // as admin
 * const token = await cluster.serviceAccountToken('shop', 'sidecar', 600);
 * const kubeconfig = cluster.writeKubeconfig(token, 'shop');                      // for kubectl, helm and Outrigger
 * await cluster.stop();
 * ```
 *
 * From a shell, `node test/real/kubernetes/up.ts DIR` starts one, prints KUBECONFIG, and stops it with Ctrl-C.
 */
export interface ControlPlane {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** PEM file with the certificates that a client trusts. */
  readonly caFile: string;
  /** Bearer token of a member of system:masters. */
  readonly adminToken: string;
  /** Bearer token of the user `plain`, whom no role is bound to. */
  readonly plainToken: string;
  /** Makes one request, as admin unless another token is given; rejects if there is no answer. */
  call(method: string, path: string, body?: object, token?: string): Promise<ApiReply>;
  /** Creates or changes an object by server-side apply; `path` is found by its kind. Rejects with what the server says. */
  apply(object: KubernetesObject): Promise<ApiReply>;
  /** Deletes an object if it is there. */
  remove(object: KubernetesObject): Promise<void>;
  /** A real token of a service account, which must exist. `seconds` is 600 or more. */
  serviceAccountToken(namespace: string, name: string, seconds?: number): Promise<string>;
  /** Writes a kubeconfig with this token; gives its path. */
  writeKubeconfig(token: string, namespace?: string): string;
  /** Compacts etcd up to now. Watches and lists of older versions get 410 once the API server has been restarted. */
  compact(): Promise<void>;
  stopApiServer(signal?: NodeJS.Signals): Promise<void>;
  /** On the same port; resolves once it is ready. `newCertificates` replaces its certificate and the CA. */
  startApiServer(options?: {
    readonly newCertificates?: boolean;
    readonly flags?: readonly string[];
  }): Promise<void>;
  /** The end of what the API server wrote. */
  log(): string;
  stop(): Promise<void>;
}

export interface ApiReply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the tests read what the API promises.
  readonly body: any;
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

const startPatienceMs = 120_000;
const callTimeoutMs = 30_000;
const adminToken = 'admin-token';
const plainToken = 'plain-token';

/** Starts etcd and the API server with their data below `dir`; resolves once the API server is ready. */
export async function startCluster(programs: ClusterPrograms, dir: string): Promise<ControlPlane> {
  mkdirSync(dir, { recursive: true });
  const [client, peer, api] = await freeAddresses(3);
  const files = writeServerFiles(dir);
  const etcd = runProgram(programs.etcd, [
    ...['--data-dir', join(dir, 'etcd'), '--log-level', 'error', '--unsafe-no-fsync'],
    ...['--listen-client-urls', `http://${client}`, '--advertise-client-urls', `http://${client}`],
    ...['--listen-peer-urls', `http://${peer}`, '--initial-advertise-peer-urls', `http://${peer}`],
    ...['--initial-cluster', `default=http://${peer}`],
  ]);
  const port = Number(api.split(':')[1]);
  const args = apiServerArgs(dir, files, client, port);
  let apiServer: RunningProgram | null = null;
  const caFile = join(dir, 'certs/apiserver.crt');
  const caller = callerOf(port, caFile);
  const plane: ControlPlane = {
    url: `https://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    caFile,
    adminToken,
    plainToken,
    ...objectCalls(caller),
    call: caller,
    writeKubeconfig: (token, namespace) => writeKubeconfig(dir, plane.url, caFile, token, namespace),
    compact: () => compact(client),
    async stopApiServer(signal) {
      await apiServer?.stop(signal);
    },
    async startApiServer({ newCertificates = false, flags = [] } = {}) {
      if (newCertificates) rmSync(join(dir, 'certs'), { recursive: true, force: true });
      const started = runProgram(programs.apiServer, [...args, ...flags]);
      apiServer = started;
      await until('the API server is ready', startPatienceMs, async () => {
        if (!started.running) throw new Error(`kube-apiserver ended: ${started.log()}`);
        if (!etcd.running) throw new Error(`etcd ended: ${etcd.log()}`);
        const ready = existsSync(caFile) ? await caller('GET', '/readyz').catch(() => null) : null;
        return ready?.status === 200;
      });
    },
    log: () => apiServer?.log() ?? '',
    async stop() {
      await apiServer?.stop();
      await etcd.stop();
    },
  };
  try {
    await plane.startApiServer();
  } catch (error) {
    await plane.stop();
    throw error;
  }
  return plane;
}

/** The key that signs service-account tokens, and the list of static tokens. */
function writeServerFiles(dir: string): { readonly key: string; readonly tokens: string } {
  const [key, tokens] = [join(dir, 'service-accounts.key'), join(dir, 'tokens.csv')];
  if (!existsSync(key)) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(key, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  }
  writeFileSync(tokens, `${adminToken},admin,1,"system:masters"\n${plainToken},plain,2\n`);
  return { key, tokens };
}

function apiServerArgs(
  dir: string,
  { key, tokens }: { readonly key: string; readonly tokens: string },
  etcd: string,
  port: number,
): string[] {
  return [
    ...['--etcd-servers', `http://${etcd}`],
    ...['--bind-address', '127.0.0.1', '--advertise-address', '127.0.0.1', '--secure-port', String(port)],
    // The server signs a certificate of its own, with the CA behind it in the same file.
    ...['--cert-dir', join(dir, 'certs')],
    ...['--token-auth-file', tokens, '--authorization-mode', 'RBAC', '--anonymous-auth=false'],
    ...['--service-account-issuer', 'https://kubernetes.default.svc'],
    ...['--service-account-signing-key-file', key, '--service-account-key-file', key],
    ...['--service-cluster-ip-range', '10.96.0.0/16', '--endpoint-reconciler-type', 'none'],
    // No controller makes the `default` service account that this plugin requires of each pod.
    ...['--disable-admission-plugins', 'ServiceAccount', '--allow-privileged=true', '--profiling=false'],
  ];
}

type Caller = ControlPlane['call'];

function callerOf(port: number, caFile: string): Caller {
  return (method, path, body, token = adminToken) =>
    new Promise((resolve, reject) => {
      const isApply = method === 'PATCH';
      const headers = {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body && { 'content-type': isApply ? 'application/apply-patch+yaml' : 'application/json' }),
      };
      const sent = request(
        {
          host: '127.0.0.1',
          port,
          path,
          method,
          headers,
          ca: readFileSync(caFile),
          timeout: callTimeoutMs,
          agent: false,
        },
        (reply) => {
          const chunks: Buffer[] = [];
          reply.on('data', (chunk: Buffer) => chunks.push(chunk));
          reply.on('error', reject);
          reply.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: reply.statusCode ?? 0, body: parsed(text) });
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer`)));
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function objectCalls(call: Caller): Pick<ControlPlane, 'apply' | 'remove' | 'serviceAccountToken'> {
  return {
    async apply(object) {
      const reply = await call('PATCH', `${pathOf(object)}?fieldManager=test&force=true`, object);
      if (reply.status >= 300)
        throw new Error(
          `${object.kind} ${object.metadata.name}: ${reply.status} ${reply.body?.message ?? ''}`,
        );
      return reply;
    },
    async remove(object) {
      const { status, body } = await call('DELETE', pathOf(object));
      if (status >= 300 && status !== 404)
        throw new Error(`${pathOf(object)}: ${status} ${body?.message ?? ''}`);
    },
    async serviceAccountToken(namespace, name, seconds = 3600) {
      const reply = await call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: seconds },
      });
      if (reply.status !== 201) throw new Error(`no token: ${reply.status} ${reply.body?.message ?? ''}`);
      return reply.body.status.token;
    },
  };
}

const clusterScoped = new Set([
  'Namespace',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'Node',
  'PersistentVolume',
]);

/** The path of an object: the plural of each kind that the tests use is regular, or in `y`. */
function pathOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = kind.toLowerCase().replace(/y$/, 'ie').replace(/s$/, 'se');
  const scope = clusterScoped.has(kind) ? '' : `/namespaces/${metadata.namespace ?? 'default'}`;
  return `${root}${scope}/${plural}s/${metadata.name}`;
}

function writeKubeconfig(
  dir: string,
  server: string,
  ca: string,
  token: string,
  namespace = 'default',
): string {
  const path = join(dir, `kubeconfig-${token.slice(-12)}.json`);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': ca } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
    'current-context': 'test',
  };
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

/** By the JSON gateway of etcd's gRPC API. */
async function compact(client: string): Promise<void> {
  const status = (await post(client, '/v3/maintenance/status', {})) as { header: { revision: string } };
  await post(client, '/v3/kv/compaction', { revision: status.header.revision, physical: true });
}

function post(address: string, path: string, body: object): Promise<unknown> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host, port, path, method: 'POST', timeout: callTimeoutMs, agent: false },
      (reply) => {
        let text = '';
        reply.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        reply.on('end', () =>
          reply.statusCode === 200 ? resolve(parsed(text)) : reject(new Error(`etcd: ${text}`)),
        );
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}
