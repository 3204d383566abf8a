import type { FindAccess, ReadText } from './access.ts';

/** Where Kubernetes mounts the credentials of a pod's service account. */
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface Environment {
  readonly [variable: string]: string | undefined;
}

/** Returns whether this process runs in a pod. */
export function isInPod({ KUBERNETES_SERVICE_HOST: host }: Environment): boolean {
  return host !== undefined && host !== '';
}

/**
 * Finds the API server as a pod reaches it, with its service account. The kubelet replaces the token before it expires, and the CA when the
 * cluster has another: both are read again for each request, and a request begins at least every eight minutes.
 *
 * @param mount the folder of the mounted files; for tests
 */
export function inClusterAccess(env: Environment, readText: ReadText, mount = mountPath): FindAccess {
  return async () => {
    const [token, ca, namespace] = await Promise.all([
      readText(`${mount}/token`),
      readText(`${mount}/ca.crt`),
      readText(`${mount}/namespace`),
    ]);
    for (const { error } of [token, ca])
      if (error !== undefined)
        return {
          error: `${error}; set automountServiceAccountToken: true in the pod, or write discovery.kubernetes.kubeconfig`,
        };
    return {
      value: {
        isTls: true,
        host: env.KUBERNETES_SERVICE_HOST ?? '',
        port: Number(env.KUBERNETES_SERVICE_PORT_HTTPS ?? env.KUBERNETES_SERVICE_PORT ?? 443),
        basePath: '',
        ca: ca.value,
        cert: undefined,
        key: undefined,
        serverName: undefined,
        token: (token.value ?? '').trim(),
        namespace: (namespace.value ?? '').trim(),
      },
    };
  };
}
