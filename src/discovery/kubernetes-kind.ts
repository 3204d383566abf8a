import { shown } from '../schema/problem.ts';
import { choice, text } from '../schema/scalar-type.ts';
import { key, optionalSection } from '../schema/shape.ts';
import { discoveryKind } from './kinds.ts';
import type { FindAccess } from './kubernetes/access.ts';
import { HttpsApiServer } from './kubernetes/https-api-server.ts';
import { type Environment, inClusterAccess, isInPod } from './kubernetes/in-cluster.ts';
import { kubeconfigAccess } from './kubernetes/kubeconfig.ts';
import { portNameOrNumber } from './kubernetes/port-type.ts';
import { readText } from './kubernetes/read-text.ts';
import { KubernetesSource } from './kubernetes/source.ts';

const kind = discoveryKind({
  name: 'kubernetes',
  schema: optionalSection(
    {
      doc: 'Kubernetes discovery: each ready pod of a Service is an endpoint. Outrigger lists and watches the EndpointSlices of the Service, which requires a Role (see kubernetes-discovery.md). While the API server has an error, Outrigger keeps the last good list.',
      example: '{ service: orders, port: grpc }',
    },
    {
      service: key(
        text({
          label: 'name of a Service',
          charsMax: 63,
          pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
          write: 'the name of a Service without namespace, such as orders',
        }),
        {
          required: true,
          doc: 'Name of the Service. TLS verifies certificates against `SERVICE.NAMESPACE.svc`, unless `tls.serverName` is set.',
        },
      ),
      namespace: key(
        text({
          label: 'namespace',
          charsMax: 63,
          pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
          write: 'the name of a namespace, such as shop',
        }),
        {
          otherwise: 'the namespace of the pod, or of the context of the kubeconfig',
          doc: 'Namespace of the Service.',
        },
      ),
      port: key(portNameOrNumber, {
        otherwise: 'the only port of the Service',
        doc: 'Name of a port of the Service, or number of the port of its pods (`targetPort`).',
      }),
      family: key(choice(['auto', 'ipv4', 'ipv6']), {
        default: 'auto',
        doc: 'Which addresses of a dual-stack Service Outrigger uses. `auto`: the IPv4 addresses if there are any, otherwise the IPv6 addresses.',
      }),
      kubeconfig: key(text({ label: 'file', charsMax: 4096 }), {
        otherwise: 'the service account of the pod; outside of a cluster the file in `KUBECONFIG`',
        doc: 'Path of a kubeconfig, of which Outrigger uses the current context, with a token, `tokenFile` or client certificate. Outrigger reads the file again for each request.',
      }),
    },
  ),

  check({ kubeconfig }, { readFile, warning }) {
    // The file may be written by a program that starts later.
    const wrong = kubeconfig === undefined ? undefined : readFile(kubeconfig).error;
    if (wrong !== undefined) warning('.kubeconfig', `${shown(kubeconfig)} ${wrong}`);
  },

  create({ kubeconfig, ...service }, deps) {
    const api = new HttpsApiServer(accessOf(kubeconfig, deps.env));
    const { transport, localZone } = deps;
    return new KubernetesSource({ ...service, transport, localZone }, { ...deps, api });
  },
});

/** `discovery.kubernetes`: the pods behind a service. Topology hints are for the zone of this process. */
export const kubernetesDiscovery = { ...kind, usesLocalZone: true };

function accessOf(kubeconfig: string | undefined, env: Environment): FindAccess {
  if (kubeconfig !== undefined) return kubeconfigAccess(kubeconfig, readText);
  if (isInPod(env)) return inClusterAccess(env, readText);
  const [file] = (env.KUBECONFIG ?? '').split(':');
  if (file !== '') return kubeconfigAccess(file, readText);
  const error =
    'Outrigger runs in no pod (KUBERNETES_SERVICE_HOST is not set); write discovery.kubernetes.kubeconfig, or set KUBECONFIG';
  return () => Promise.resolve({ error });
}
