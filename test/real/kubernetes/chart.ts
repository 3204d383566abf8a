import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import { sidecarContainer } from '../../../src/cli/inject/sidecar.ts';
import { exitForMissing, expectThat } from '../checks.ts';
import { podChecks } from './chart-pod.ts';
import { clusterPrograms, installed } from './programs.ts';
import {
  applyCrds,
  crdChecks,
  dryRun,
  type Ended,
  type Manifest,
  manifestsIn,
  namespace,
  ofKind,
  onStage,
  outrigger,
  restrictedChecks,
  root,
  runCommand,
  type Stage,
  succeeded,
} from './stage.ts';

/** The Helm chart in examples/helm, as helm and a real API server take it, beside the kustomize base in examples/kubernetes. */
const programs = clusterPrograms();
if ('missing' in programs) exitForMissing(programs.missing);
const extras = installed(['helm', 'prometheus-crds']);
if ('missing' in extras) exitForMissing(extras.missing);
const { helm: helmProgram, 'prometheus-crds': crdFolder } = extras.paths;

const chart = join(root, 'examples/helm/outrigger');
const base = join(root, 'examples/kubernetes');
const release = 'shop';
/** With every part that is off by default. */
const everything = ['--set', 'podMonitor.enabled=true'];

type Helm = (...args: readonly string[]) => Ended;

const helmOf =
  ({ env, dir }: Stage): Helm =>
  (...args) =>
    runCommand(helmProgram, args, { env, cwd: dir });

/** Returns what `helm template` makes of a chart, for the version of the API server. */
function render(helm: Helm, folder: string, ...args: readonly string[]): Manifest[] {
  const version = ['--kube-version', '1.34.2'];
  return manifestsIn(succeeded(helm('template', release, folder, '-n', namespace, ...version, ...args)));
}

async function lintChecks({ check }: Stage, helm: Helm): Promise<void> {
  await check('helm lint has nothing to say, with defaults and with everything on', async () => {
    for (const values of [[], everything]) {
      const { code, stdout, stderr } = helm('lint', '--strict', chart, ...values);
      expectThat(code === 0 && !/\[(?:WARNING|ERROR)\]/.test(stdout), `${stdout}${stderr}`);
    }
  });
  await check('the default configuration is valid', async () => {
    const { data } = ofKind(render(helm, chart), 'ConfigMap');
    const file = join(root, 'examples/kubernetes/outrigger.yaml');
    expectThat(data['outrigger.yaml'] === readFileSync(file, 'utf8'), 'it is not that of the kustomize base');
    succeeded(outrigger('validate', '--config', file));
  });
  for (const [set, says] of [
    ['imge.tag=1', /additional properties 'imge' not allowed/],
    ['networkPolicy.caller=x', /\/networkPolicy.*additional properties 'caller' not allowed/s],
    ['config=', /\/config.*minLength/s],
    ['workload.replicas=many', /\/workload\/replicas.*got string, want integer/s],
    ['image.digest=latest', /\/image\/digest.*does not match pattern/s],
  ] as const)
    await check(`--set ${set} is refused, with the place`, async () => {
      const { code, stderr } = helm('template', release, chart, '--set', set);
      expectThat(code !== 0 && says.test(stderr), `exit code ${code}: ${stderr.trim()}`);
    });
}

async function valueChecks({ check, dir }: Stage, helm: Helm): Promise<void> {
  await check('--set-file config=FILE is what the sidecar gets, byte for byte', async () => {
    const file = join(dir, 'own.yaml');
    const text = '# "quotes", {{ braces }} and $VARIABLE\nlisteners: []\n\n\nclusters: []\n';
    writeFileSync(file, text);
    const { data } = ofKind(render(helm, chart, '--set-file', `config=${file}`), 'ConfigMap');
    expectThat(data['outrigger.yaml'] === text, JSON.stringify(data));
  });
  await check('a digest takes the place of the tag', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const rendered = render(helm, chart, '--set', `image.digest=${digest}`);
    const [{ image }] = ofKind(rendered, 'Deployment').spec.template.spec.initContainers;
    expectThat(image === `registry.example/outrigger@${digest}`, image);
  });
  await check(
    'a headless Service has the port of the pods, and another Service may translate it',
    async () => {
      const port = ['--set', 'service.port=50051'];
      const { code, stderr } = helm('template', release, chart, ...port);
      expectThat(code !== 0 && /service\.port is 50051 and inboundPort 15006/.test(stderr), stderr);
      const { spec } = ofKind(render(helm, chart, ...port, '--set', 'service.clusterIP='), 'Service');
      const [{ port: called, targetPort }] = spec.ports;
      expectThat(
        spec.clusterIP === undefined && called === 50_051 && targetPort === 15_006,
        JSON.stringify(spec),
      );
    },
  );
  await check('pods with IPv6 only answer probes there', async () => {
    const rendered = render(helm, chart, '--set', 'host=::');
    const [{ env }] = ofKind(rendered, 'Deployment').spec.template.spec.initContainers;
    expectThat(env[0].value === '[::]:15020', JSON.stringify(env));
  });
  await check(
    'each namespace of rbac.namespaces has a Role for the service account of the release',
    async () => {
      const rendered = render(helm, chart, '--set', 'rbac.namespaces={warehouse,billing}');
      const bindings = rendered.filter(({ kind }) => kind === 'RoleBinding');
      const places = bindings.map(
        ({ metadata, subjects }) => `${metadata.namespace} ${subjects[0].namespace}`,
      );
      expectThat(places.join() === 'warehouse shop,billing shop', places.join());
    },
  );
  await check('without a workload, the chart has everything else', async () => {
    const kinds = (...args: readonly string[]) =>
      render(helm, chart, ...args)
        .map(({ kind }) => kind)
        .sort();
    const without = kinds('--set', 'workload.enabled=false');
    const expected = kinds().filter((kind) => kind !== 'Deployment');
    expectThat(isDeepStrictEqual(without, expected), without.join());
  });
}

/** The sidecar in the pods of another chart, which depends on this one. */
async function parentChecks(stage: Stage, helm: Helm): Promise<void> {
  const parent = join(stage.dir, 'parent');
  mkdirSync(join(parent, 'templates'), { recursive: true });
  const dependency = { name: 'outrigger', version: '*', repository: `file://${chart}` };
  const about = { apiVersion: 'v2', name: 'parent', version: '1.0.0', dependencies: [dependency] };
  writeFileSync(join(parent, 'Chart.yaml'), stringify(about));
  const values = { outrigger: { podLabels: { role: 'web' }, workload: { enabled: false } } };
  writeFileSync(join(parent, 'values.yaml'), stringify(values));
  writeFileSync(
    join(parent, 'templates/pods.yaml'),
    `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { role: web } }
  template:
    metadata: { labels: { role: web } }
    spec:
      serviceAccountName: {{ include "outrigger.serviceAccount" .Subcharts.outrigger }}
      securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }
      initContainers:
        {{- include "outrigger.sidecar" .Subcharts.outrigger | nindent 8 }}
      containers:
        - name: web
          image: registry.example/web:1.0
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
      volumes:
        {{- include "outrigger.volume" .Subcharts.outrigger | nindent 8 }}
`,
  );
  succeeded(helm('dependency', 'update', parent));
  await restrictedChecks(stage, 'a chart that depends on this one', render(helm, parent));
  await stage.check(
    'a chart that depends on this one: the policies and the Service find its pods',
    async () => {
      const rendered = render(helm, parent);
      const selectors = [
        ofKind(rendered, 'NetworkPolicy').spec.podSelector.matchLabels,
        ofKind(rendered, 'PodDisruptionBudget').spec.selector.matchLabels,
        ofKind(rendered, 'Service').spec.selector,
      ];
      expectThat(
        selectors.every((labels) => isDeepStrictEqual(labels, { role: 'web' })),
        JSON.stringify(selectors),
      );
    },
  );
}

/** What the API server would store, with its defaults, without what helm or the API server adds to every object. */
function stored(stage: Stage, manifests: readonly Manifest[]): Record<string, object> {
  const items: Manifest[] = JSON.parse(succeeded(dryRun(stage, manifests, '-o', 'json'))).items;
  return Object.fromEntries(
    items.map(({ kind, metadata: { name }, status, ...rest }) => [`${kind} ${name}`, rest]),
  );
}

async function driftChecks(stage: Stage, helm: Helm): Promise<void> {
  await stage.check('the chart and the kustomize base make the same objects', async () => {
    const component = readFileSync(join(base, 'pod-monitor/pod-monitor.yaml'), 'utf8');
    const ofBase = stored(stage, [
      ...manifestsIn(succeeded(stage.kubectl('kustomize', base))),
      ...manifestsIn(component),
    ]);
    const ofChart = stored(stage, render(helm, chart, ...everything, '--set', 'image.tag=dev'));
    for (const key of new Set([...Object.keys(ofBase), ...Object.keys(ofChart)]))
      expectThat(
        isDeepStrictEqual(ofBase[key], ofChart[key]),
        `${key}: base ${JSON.stringify(ofBase[key])}, chart ${JSON.stringify(ofChart[key])}`,
      );
    expectThat(Object.keys(ofBase).length === 9, Object.keys(ofBase).join());
  });
  await stage.check('the sidecar is the one that inject adds', async () => {
    const rendered = render(helm, chart, '--set', 'image.tag=dev');
    const [sidecar] = ofKind(rendered, 'Deployment').spec.template.spec.initContainers;
    const expected = sidecarContainer({
      image: 'registry.example/outrigger:dev',
      configMap: '',
      version: '',
    });
    expectThat(isDeepStrictEqual(sidecar, expected), JSON.stringify(sidecar));
  });
}

async function installChecks(stage: Stage, helm: Helm): Promise<void> {
  const { check, kubectl } = stage;
  const inNamespace = ['-n', namespace];
  await check('helm install stores the objects, and says what to check', async () => {
    const { code, stdout, stderr } = helm('install', release, chart, ...inNamespace, ...everything);
    expectThat(code === 0 && !/warning/i.test(stderr), `exit code ${code}: ${stderr.trim()}`);
    expectThat(stdout.includes('kubectl -n shop get pods -l app=shop'), stdout);
    expectThat(!stdout.includes('WARNING'), stdout);
    const kinds = 'deployment,service,configmap,serviceaccount,role,rolebinding,networkpolicy,pdb,podmonitor';
    const label = 'app.kubernetes.io/instance=shop';
    const names = succeeded(kubectl('get', kinds, ...inNamespace, '-l', label, '-o', 'name'));
    expectThat(names.trim().split('\n').length === 9, names);
  });
  await check('the account of the release may list EndpointSlices, as the notes let one check', async () => {
    const { stdout } = helm('get', 'notes', release, ...inNamespace);
    const line = stdout.split('\n').find((one) => one.includes('auth can-i'));
    const answer = kubectl(...(line ?? '').trim().split(' ').slice(1)).stdout.trim();
    expectThat(answer === 'yes', `${line}: ${answer}`);
  });
  await podChecks(stage, release);
  await check('a second release in the namespace does not touch the first', async () => {
    succeeded(helm('install', 'cart', chart, ...inNamespace));
    succeeded(helm('uninstall', 'cart', ...inNamespace));
    succeeded(kubectl('get', 'role', 'shop-outrigger', ...inNamespace));
  });
  await check(
    'helm upgrade changes the configuration and nothing of the pods, and warns of a missing listener',
    async () => {
      const generation = () =>
        kubectl('get', 'deployment', release, ...inNamespace, '-o', 'jsonpath={.metadata.generation}').stdout;
      const before = generation();
      const set = ['--reuse-values', '--set', 'config=listeners: []'];
      succeeded(helm('upgrade', release, chart, ...inNamespace, ...set));
      const data = kubectl('get', 'configmap', 'shop-outrigger', ...inNamespace, '-o', 'jsonpath={.data}');
      expectThat(data.stdout.includes('listeners: []'), data.stdout);
      const { stdout } = helm('get', 'notes', release, ...inNamespace);
      expectThat(/WARNING: no listener in config has port 15006/.test(stdout), stdout);
      expectThat(before !== '' && generation() === before, `generation ${before}, then ${generation()}`);
    },
  );
  await check('helm uninstall leaves nothing of it', async () => {
    succeeded(helm('uninstall', release, ...inNamespace));
    const left = succeeded(kubectl('get', 'all,role,cm,sa', ...inNamespace, '-o', 'name')).trim();
    expectThat(left === '', left);
  });
}

process.exitCode = await onStage(programs, async (stage) => {
  const helm = helmOf(stage);
  await applyCrds(stage, crdFolder, ['podmonitors']);
  await lintChecks(stage, helm);
  await valueChecks(stage, helm);
  await restrictedChecks(stage, 'the chart', render(helm, chart));
  const monitor = ofKind(render(helm, chart, ...everything), 'PodMonitor');
  await crdChecks(stage, 'the PodMonitor', monitor, {
    spec: { ...monitor.spec, podMetricsEndpoint: [] },
    says: /unknown field "spec\.podMetricsEndpoint"/,
  });
  await parentChecks(stage, helm);
  await driftChecks(stage, helm);
  await installChecks(stage, helm);
});
