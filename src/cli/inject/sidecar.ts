import { formatAddress } from '../../core/address.ts';

/** Names of what `inject` adds to a pod template, by which it finds it again. */
export const containerName = 'outrigger';
export const volumeName = 'outrigger-config';
/** On the pod template and on a ConfigMap of ours: the version of Outrigger that added it. */
export const markAnnotation = 'outrigger/injected';
/** On a workload or its pod template; `disabled` leaves it as it is. */
export const optOutAnnotation = 'outrigger/inject';
export const configKey = 'outrigger.yaml';
export const probesPort = 15_020;

/** Asks the clients of the service to open another connection while the service still answers. The image has the command. */
const drainCommand = ['outrigger', 'drain', '--inbound'];

/** A sidecar that `inject` adds. */
export interface SidecarSpec {
  readonly image: string;
  /** ConfigMap with the configuration. */
  readonly configMap: string;
  /** Of Outrigger. */
  readonly version: string;
  /** IP address on which the sidecar answers probes; the default is that of pods with an IPv4 address. */
  readonly host?: string;
  /** Its admin address as the hook reaches it; the default is that of the configuration. */
  readonly admin?: string;
  /** How long its configuration lets a drain take; the default is that of the configuration. */
  readonly drainSeconds?: number;
  /** Whether its configuration discovers Services of Kubernetes, for which it requires a service account; unknown without one. */
  readonly discoversServices?: boolean;
}

/** All IPv4 addresses of the pod. */
export const hostDefault = '0.0.0.0';

/**
 * Returns the container. As an init container with `restartPolicy: Always` (a native sidecar) it is ready before the
 * containers of the service start, and stops after them. Its `preStop` hook runs when the termination of the pod begins:
 * clients of the service are asked to go to another connection while the service still answers.
 */
export function sidecarContainer({ image, host = hostDefault, admin }: SidecarSpec): object {
  const drain = admin === undefined ? drainCommand : [...drainCommand, '--admin', admin];
  const probe = (path: string, more: object): object => ({ httpGet: { path, port: 'outrigger' }, ...more });
  return {
    name: containerName,
    image,
    restartPolicy: 'Always',
    args: ['run', '--config', `/etc/outrigger/${configKey}`, '--watch'],
    // The kubelet and Prometheus cannot reach loopback; the page and every change stay there.
    env: [{ name: 'OUTRIGGER_ADMIN_PROBES', value: formatAddress({ kind: 'tcp', host, port: probesPort }) }],
    ports: [{ name: 'outrigger', containerPort: probesPort }],
    // By then the containers of the service have not started, so it does not ask for them.
    startupProbe: probe('/ready', { periodSeconds: 1, failureThreshold: 120 }),
    readinessProbe: probe('/ready?usable=inbound', { periodSeconds: 2 }),
    livenessProbe: probe('/live', { periodSeconds: 10 }),
    lifecycle: { preStop: { exec: { command: drain } } },
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    securityContext: {
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [{ name: volumeName, mountPath: '/etc/outrigger', readOnly: true }],
  };
}

export function configVolume({ configMap }: SidecarSpec): object {
  return { name: volumeName, configMap: { name: configMap } };
}

/** Returns a ConfigMap with the configuration; in the namespace that is current when it is applied, unless one is given. */
export function configMapObject(
  { configMap, version }: SidecarSpec,
  content: string,
  namespace: string | undefined,
): object {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: configMap,
      ...(namespace === undefined ? {} : { namespace }),
      annotations: { [markAnnotation]: version },
    },
    data: { [configKey]: content },
  };
}
