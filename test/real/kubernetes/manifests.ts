import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import { sidecarContainer } from '../../../src/cli/inject/sidecar.ts';
import { exitForMissing, expectThat } from '../checks.ts';
import { clusterPrograms, installed } from './programs.ts';
import {
  applyCrds,
  crdChecks,
  manifestsIn,
  namespace,
  ofKind,
  onStage,
  outrigger,
  plainDeployment,
  restrictedChecks,
  root,
  type Stage,
  succeeded,
} from './stage.ts';

/**
 * The kustomize base in examples/kubernetes and the output of `outrigger inject`, as a real API server takes them in a namespace
 * that enforces the PodSecurity level `restricted`; the PodMonitor with the CRD of the Prometheus operator.
 */
const programs = clusterPrograms();
if ('missing' in programs) exitForMissing(programs.missing);
const crds = installed(['prometheus-crds']);
if ('missing' in crds) exitForMissing(crds.missing);

const base = join(root, 'examples/kubernetes');
const image = 'registry.example/outrigger:dev';

async function baseChecks(stage: Stage): Promise<void> {
  const { check, kubectl, dir } = stage;
  const manifests = manifestsIn(succeeded(kubectl('kustomize', base)));
  await check('the base has the sidecar as inject adds it', async () => {
    const [sidecar] = ofKind(manifests, 'Deployment').spec.template.spec.initContainers;
    const expected = sidecarContainer({ image, configMap: '', version: '' });
    expectThat(isDeepStrictEqual(sidecar, expected), `it is ${JSON.stringify(sidecar)}`);
  });
  await check(
    'the configuration in the base is valid, and is what the ConfigMap of the pods holds',
    async () => {
      const file = join(base, 'outrigger.yaml');
      succeeded(outrigger('validate', '--config', file));
      const { metadata, data } = ofKind(manifests, 'ConfigMap');
      expectThat(data['outrigger.yaml'] === readFileSync(file, 'utf8'), JSON.stringify(data));
      const [volume] = ofKind(manifests, 'Deployment').spec.template.spec.volumes;
      expectThat(volume.configMap.name === metadata.name, `the volume is of ${volume.configMap.name}`);
    },
  );
  await restrictedChecks(stage, 'the base', manifests);
  await check('an overlay has another namespace and the PodMonitor', async () => {
    const overlay = join(dir, 'overlay');
    mkdirSync(overlay);
    const path = relative(overlay, base);
    const kustomization = {
      namespace: 'other',
      resources: [path],
      components: [join(path, 'pod-monitor')],
    };
    writeFileSync(join(overlay, 'kustomization.yaml'), stringify(kustomization));
    const built = manifestsIn(succeeded(kubectl('kustomize', overlay)));
    expectThat(built.length === manifests.length + 1, `it has ${built.length} manifests`);
    expectThat(
      built.every(({ metadata }) => metadata.namespace === 'other') &&
        ofKind(built, 'RoleBinding').subjects[0].namespace === 'other',
      'something is in another namespace',
    );
    const { port } = ofKind(built, 'PodMonitor').spec.podMetricsEndpoints[0];
    const [sidecar] = ofKind(built, 'Deployment').spec.template.spec.initContainers;
    expectThat(port === sidecar.ports[0].name, `the PodMonitor asks for the port ${port}`);
  });
}

async function accessChecks({ check, kubectl, cluster }: Stage): Promise<void> {
  await check('the service account lists and watches EndpointSlices, and may do nothing else', async () => {
    succeeded(kubectl('apply', '-k', base));
    const account = `--as=system:serviceaccount:${namespace}:shop`;
    const may = (verb: string, resource: string, where = namespace) =>
      kubectl('auth', 'can-i', verb, resource, '-n', where, account).stdout.trim();
    const slices = 'endpointslices.discovery.k8s.io';
    const answers = [
      ...[may('list', slices), may('watch', slices)],
      ...[may('create', slices), may('list', slices, 'default'), may('list', 'services')],
    ];
    expectThat(answers.join() === 'yes,yes,no,no,no', `kubectl auth can-i says ${answers.join()}`);
    const token = await cluster.serviceAccountToken(namespace, 'shop');
    const review = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
    const { body } = await cluster.call('POST', review, { spec: { namespace } }, token);
    // Every user may ask who it is and what it may do.
    const rules = (body.status.resourceRules as { verbs: string[]; resources: string[] }[])
      .filter(({ resources }) => !resources.every((resource) => resource.startsWith('selfsubject')))
      .map(({ verbs, resources }) => `${verbs.join()} ${resources.join()}`);
    expectThat(rules.join('; ') === 'list,watch endpointslices', `it may ${rules.join('; ')}`);
  });
}

async function injectChecks(stage: Stage): Promise<void> {
  const file = join(stage.dir, 'plain.yaml');
  writeFileSync(file, stringify(plainDeployment('plain')));
  const config = join(base, 'outrigger.yaml');
  const injected = succeeded(outrigger('inject', file, '--image', image, '--config', config));
  await restrictedChecks(stage, 'the output of inject', manifestsIn(injected));
}

async function podMonitorChecks(stage: Stage): Promise<void> {
  await applyCrds(stage, crdFolder, ['podmonitors']);
  const file = join(base, 'pod-monitor/pod-monitor.yaml');
  const [monitor] = manifestsIn(readFileSync(file, 'utf8'));
  const [endpoint] = monitor.spec.podMetricsEndpoints;
  await crdChecks(stage, 'the PodMonitor', monitor, {
    // The name of the port as a ServiceMonitor has it.
    spec: { ...monitor.spec, podMetricsEndpoints: [{ ...endpoint, portName: endpoint.port }] },
    says: /unknown field "spec\.podMetricsEndpoints\[0\]\.portName"/,
  });
}

const crdFolder = crds.paths['prometheus-crds'];
process.exitCode = await onStage(programs, async (stage) => {
  await baseChecks(stage);
  await accessChecks(stage);
  await injectChecks(stage);
  await podMonitorChecks(stage);
});
