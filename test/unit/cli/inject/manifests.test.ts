import { expect } from 'chai';
import fc from 'fast-check';
import { parseAllDocuments, stringify } from 'yaml';
import { editManifests, type ManifestAction } from '../../../../src/cli/inject/manifests.ts';

const spec = { image: 'registry.example/outrigger:1', configMap: 'outrigger', version: '0.1.0' };
const add: ManifestAction = { remove: false, spec, content: undefined };
const addWithConfig: ManifestAction = { remove: false, spec, content: 'listeners: []\n' };
const remove: ManifestAction = { remove: true };

/** The text that an edit gives; throws what is wrong with the manifests. */
function edited(text: string, action: ManifestAction): string {
  const { value, error } = editManifests(text, action);
  if (value === undefined) throw new Error(error);
  return value.text;
}

const notes = (text: string, action: ManifestAction = add) =>
  editManifests(text, action).value?.edits.flatMap(({ text: line, warnings }) => [line, ...warnings]);
const valuesOf = (text: string) =>
  (parseAllDocuments(text) as ReturnType<typeof parseAllDocuments> & unknown[]).map((document) =>
    (document as { toJS(): unknown }).toJS(),
  );

const shop = `# The shop.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 3 # for a start
  template:
    metadata:
      labels:
        app: shop
    spec:
      containers:
      - name: shop
        image: registry.example/shop:1.0
---
# Not touched:   spaces and all.
apiVersion: v1
kind: Service
metadata: {name:   shop}
`;

interface PodSpec {
  readonly initContainers?: ReadonlyArray<Record<string, unknown>>;
  readonly containers?: ReadonlyArray<Record<string, unknown>>;
  readonly volumes?: readonly unknown[];
}

/** The pod spec of a Deployment in YAML, as it is or with the sidecar. */
const podSpecOf = (text: string, index = 0): PodSpec =>
  (valuesOf(text)[index] as { spec: { template: { spec: PodSpec } } }).spec.template.spec;

describe('cli/inject: manifests', () => {
  it('adds a native sidecar in front of all init containers, and its volume', () => {
    const withInit = shop.replace(
      '      containers:',
      '      initContainers: [{ name: migrate }]\n      containers:',
    );
    const { initContainers = [], containers, volumes } = podSpecOf(edited(withInit, add));
    expect(initContainers.map(({ name }) => name)).to.deep.equal(['outrigger', 'migrate']);
    expect(initContainers[0]).to.deep.include({
      image: 'registry.example/outrigger:1',
      restartPolicy: 'Always',
      args: ['run', '--config', '/etc/outrigger/outrigger.yaml', '--watch'],
    });
    expect(containers).to.deep.equal([{ name: 'shop', image: 'registry.example/shop:1.0' }]);
    expect(volumes).to.deep.equal([{ name: 'outrigger-config', configMap: { name: 'outrigger' } }]);
  });

  it('keeps comments, the order of keys and how lists are indented; other documents byte for byte', () => {
    const lines = edited(shop, add).split('\n');
    const kept = shop.split('\n').filter((line) => !lines.includes(line));
    expect(kept).to.deep.equal([]);
    expect(lines).to.include('      - name: outrigger');
    expect(
      edited(shop.replace('      - name', '        - name').replace('        image', '          image'), add),
    ).to.include('        - name: outrigger');
  });

  it('puts a ConfigMap first, in the namespace of the workload', () => {
    const text = edited(shop.replace('  name: shop\n', '  name: shop\n  namespace: eu\n'), addWithConfig);
    expect(valuesOf(text)[0]).to.deep.equal({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'outrigger', namespace: 'eu', annotations: { 'outrigger/injected': '0.1.0' } },
      data: { 'outrigger.yaml': 'listeners: []\n' },
    });
    expect(valuesOf(text)).to.have.length(3);
  });

  for (const action of [add, addWithConfig]) {
    it(`changes nothing the second time, and all back with --remove (${action === add ? 'without' : 'with'} a ConfigMap)`, () => {
      const once = edited(shop, action);
      expect(edited(once, action)).to.equal(once);
      expect(edited(once, remove)).to.equal(shop);
    });
  }

  it('replaces the sidecar of an earlier version', () => {
    const old = edited(shop, {
      remove: false,
      spec: { ...spec, image: 'old', version: '0.0.1' },
      content: undefined,
    });
    expect(edited(old, add)).to.equal(edited(shop, add));
    expect(notes(old)).to.deep.equal(['deployment/shop: sidecar replaced']);
  });

  it('keeps JSON, and List as kubectl get gives it', () => {
    const deployment = valuesOf(shop)[0];
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [deployment] });
    for (const json of [list, JSON.stringify(deployment)]) {
      const once = edited(json, add);
      expect(JSON.parse(edited(once, remove))).to.deep.equal(JSON.parse(json));
      expect(once).to.include('"restartPolicy": "Always"');
    }
    const { items } = JSON.parse(edited(list, addWithConfig)) as { items: { kind: string }[] };
    expect(items.map(({ kind }) => kind)).to.deep.equal(['ConfigMap', 'Deployment']);
  });

  it('finds the pod of every kind that starts some', () => {
    const pod = { spec: { containers: [{ name: 'a' }] } };
    const shapes: Record<string, object> = {
      Pod: pod,
      ...Object.fromEntries(
        [
          'Deployment',
          'StatefulSet',
          'DaemonSet',
          'ReplicaSet',
          'ReplicationController',
          'Job',
          'Rollout',
        ].map((kind) => [kind, { spec: { template: pod } }]),
      ),
      CronJob: { spec: { jobTemplate: { spec: { template: pod } } } },
    };
    for (const [kind, shape] of Object.entries(shapes)) {
      const text = stringify({ apiVersion: 'v1', kind, metadata: { name: 'x' }, ...shape });
      expect(notes(text), kind).to.deep.equal([`${kind.toLowerCase()}/x: sidecar added`]);
      expect(edited(text, add)).to.include('restartPolicy: Always');
    }
    expect(notes('kind: Service\nmetadata: { name: x }\n')).to.deep.equal([]);
  });

  it('leaves alone what asks for it, and pods in the network of the node', () => {
    const optOut = shop.replace(
      '  name: shop\n',
      '  name: shop\n  annotations: { outrigger/inject: disabled }\n',
    );
    expect(notes(optOut)).to.deep.equal([
      'deployment/shop: left as it is: it has the annotation outrigger/inject: disabled',
    ]);
    expect(edited(optOut, add)).to.equal(optOut);
    expect(
      notes(shop.replace('      containers:', '      hostNetwork: true\n      containers:'))?.[0],
    ).to.match(/hostNetwork/);
  });

  it('warns of a grace period that is too short, and of a port that is taken', () => {
    const tight = shop
      .replace('      containers:', '      terminationGracePeriodSeconds: 10\n      containers:')
      .replace('shop:1.0', 'shop:1.0\n        ports: [{ containerPort: 15020 }]');
    const lines = notes(tight) ?? [];
    expect(lines[1]).to.match(/terminationGracePeriodSeconds is 10, and a drain takes up to 15 s/);
    expect(lines[2]).to.match(/container shop uses port 15020/);
  });

  const mistakes: Record<string, [string, RegExp]> = {
    'a container of that name': [
      shop.replace('- name: shop', '- name: outrigger'),
      /^deployment\/shop: it has a container outrigger that inject did not add; remove it/,
    ],
    'a volume of that name': [
      shop.replace('      containers:', '      volumes: [{ name: outrigger-config }]\n      containers:'),
      /volume outrigger-config that inject did not add/,
    ],
    'an alias for the pod': [
      'a: &pod { containers: [] }\nkind: Deployment\nspec: { template: { spec: *pod } }\n',
      /^deployment without a name: spec\.template\.spec is not a map; .* without a YAML alias$/,
    ],
    'an alias for a list': [
      'a: &list [{ name: x }]\nkind: Pod\nmetadata: { name: x }\nspec: { containers: *list }\n',
      /^pod\/x: containers is not a list/,
    ],
    'a template of Helm': [`${shop}---\n{{- if .Values.b }}\n`, /^line 22, column \d+: this is a template/],
    'no YAML': ['a: [1, 2\nb: 3\n', /^line 1, column 4: the "\[" here is never closed/],
  };
  for (const [name, [text, problem]] of Object.entries(mistakes)) {
    it(`says what is wrong: ${name}`, () => {
      expect(editManifests(text, add).error).to.match(problem);
    });
  }

  it('survives manifests that are nested without end', () => {
    expect(editManifests('['.repeat(100_000), add).error).to.be.a('string');
  });

  it('gives the original back from any manifest (property)', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/);
    const container = fc.record({ name: name.filter((one) => one !== 'outrigger'), image: fc.string() });
    const podSpec = fc.record(
      {
        containers: fc.array(container, { minLength: 1, maxLength: 3 }),
        initContainers: fc.array(container, { minLength: 1, maxLength: 3 }),
        volumes: fc.array(fc.record({ name }), { minLength: 1, maxLength: 3 }),
        nodeSelector: fc.dictionary(name, fc.string()),
      },
      { requiredKeys: ['containers'] },
    );
    const metadata = fc.record({ labels: fc.dictionary(name, fc.string(), { minKeys: 1 }) });
    const manifest = fc.record({
      kind: fc.constant('Deployment'),
      metadata: fc.record({ name }),
      spec: fc.record({ template: fc.record({ metadata, spec: podSpec }) }),
    });
    fc.assert(
      fc.property(fc.array(manifest, { minLength: 1, maxLength: 3 }), fc.boolean(), (manifests, isJson) => {
        const text = isJson
          ? JSON.stringify({ kind: 'List', items: manifests })
          : manifests.map((one) => stringify(one)).join('---\n');
        const once = edited(text, addWithConfig);
        expect(edited(once, addWithConfig)).to.equal(once);
        expect(valuesOf(edited(once, remove))).to.deep.equal(valuesOf(text));
      }),
    );
  });
});
