import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { isLoopbackHost } from '../../core/loopback.ts';
import type { Result } from '../../core/result.ts';
import { shown } from '../../schema/problem.ts';
import type { ApiAccess, FindAccess, ReadText } from './access.ts';
import { recordOf } from './slice.ts';

type Entry = Readonly<Record<string, unknown>>;

/**
 * Finds the API server of the current context of a kubeconfig, which is read again for each request, and so are the files that it names.
 * Tokens, token files and client certificates work; what would run a program or send credentials in the clear is refused.
 */
export function kubeconfigAccess(path: string, readText: ReadText): FindAccess {
  return async () => {
    const text = await readText(path);
    if (text.error !== undefined) return text;
    const found = await accessOf(text.value, dirname(path), readText);
    return found.error === undefined ? found : { error: `${path}: ${found.error}` };
  };
}

async function accessOf(text: string, folder: string, readText: ReadText): Promise<Result<ApiAccess>> {
  const { value: chosen, error } = currentContext(text);
  if (chosen === undefined) return { error };
  const { cluster, user, namespace } = chosen;
  const refused = refusedKey(cluster, user);
  if (refused !== '') return { error: refused };
  const server = serverOf(cluster.server);
  if (server.value === undefined) return server;
  const data = (entry: Entry, key: string) => pemOf(entry, key, folder, readText);
  const [ca, cert, key, token] = await Promise.all([
    data(cluster, 'certificate-authority'),
    data(user, 'client-certificate'),
    data(user, 'client-key'),
    tokenOf(user, folder, readText),
  ]);
  for (const { error: wrong } of [ca, cert, key, token]) if (wrong !== undefined) return { error: wrong };
  const serverName = cluster['tls-server-name'];
  return {
    value: {
      ...server.value,
      ca: ca.value || undefined,
      cert: cert.value || undefined,
      key: key.value || undefined,
      serverName: typeof serverName === 'string' && serverName !== '' ? serverName : undefined,
      token: token.value ?? '',
      namespace,
    },
  };
}

interface Chosen {
  readonly cluster: Entry;
  readonly user: Entry;
  readonly namespace: string;
}

function currentContext(text: string): Result<Chosen> {
  let config: Entry;
  try {
    config = recordOf(parse(text, { maxAliasCount: 0 }));
  } catch {
    return { error: 'is no YAML; write the path of a kubeconfig' };
  }
  const name = config['current-context'];
  if (typeof name !== 'string' || name === '')
    return { error: 'has no current-context; run kubectl config use-context NAME' };
  const context = named(config.contexts, name, 'context');
  if (context === null)
    return { error: `has no context ${shown(name)}; run kubectl config use-context NAME` };
  const cluster = named(config.clusters, context.cluster, 'cluster');
  if (cluster === null)
    return { error: `has no cluster ${shown(context.cluster)}, which context ${shown(name)} names` };
  const user = named(config.users, context.user, 'user') ?? {};
  const { namespace } = context;
  return {
    value: {
      cluster,
      user,
      namespace: typeof namespace === 'string' && namespace !== '' ? namespace : 'default',
    },
  };
}

/** The entry of a list of names: `- { name: x, cluster: {…} }`. */
function named(list: unknown, name: unknown, key: string): Entry | null {
  if (!Array.isArray(list)) return null;
  const found = list.find((entry) => recordOf(entry).name === name);
  return found === undefined ? null : recordOf(recordOf(found)[key]);
}

/** Words for what Outrigger does not do with a kubeconfig, '' where there is nothing of it. */
function refusedKey(cluster: Entry, user: Entry): string {
  const instead = 'write a token, a tokenFile or a client certificate';
  if (user.exec !== undefined)
    return `its user runs a program for credentials (exec), and Outrigger runs none; ${instead} (kubectl create token NAME)`;
  if (user['auth-provider'] !== undefined)
    return `its user has an auth-provider, which Kubernetes has removed; ${instead}`;
  if (user.username !== undefined)
    return `its user has a password, which Kubernetes does not accept; ${instead}`;
  if (user.as !== undefined) return `its user acts as another (as), which Outrigger does not do; ${instead}`;
  if (cluster['insecure-skip-tls-verify'] === true)
    return 'its cluster has insecure-skip-tls-verify, which would give the token to anybody; write certificate-authority-data';
  if (cluster['proxy-url'] !== undefined)
    return 'its cluster has a proxy-url, which Outrigger does not use; remove it';
  return '';
}

function serverOf(server: unknown): Result<Pick<ApiAccess, 'isTls' | 'host' | 'port' | 'basePath'>> {
  const url = typeof server === 'string' && URL.canParse(server) ? new URL(server) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    return { error: `its cluster has no server; write server: https://HOST:PORT` };
  const isTls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // `kubectl proxy` listens there, and adds the credentials itself.
  if (!isTls && !isLoopbackHost(host))
    return {
      error: `its server ${shown(url.origin)} is not encrypted; write https://, or the address of kubectl proxy on this machine`,
    };
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  return { value: { isTls, host, port, basePath: url.pathname.replace(/\/$/, '') } };
}

/** `KEY-data` in base64, else the file that `KEY` names, else ''. */
async function pemOf(entry: Entry, key: string, folder: string, readText: ReadText): Promise<Result<string>> {
  const data = entry[`${key}-data`];
  if (typeof data === 'string' && data !== '') {
    const text = Buffer.from(data, 'base64').toString();
    return text.includes('-----BEGIN ') ? { value: text } : { error: `its ${key}-data is not PEM in base64` };
  }
  const path = entry[key];
  return typeof path === 'string' && path !== '' ? readText(resolve(folder, path)) : { value: '' };
}

async function tokenOf(user: Entry, folder: string, readText: ReadText): Promise<Result<string>> {
  // As in kubectl, the file comes first: it rotates.
  const { tokenFile, token } = user;
  if (typeof tokenFile === 'string' && tokenFile !== '') {
    const read = await readText(resolve(folder, tokenFile));
    return read.error === undefined ? { value: read.value.trim() } : read;
  }
  return { value: typeof token === 'string' ? token : '' };
}
