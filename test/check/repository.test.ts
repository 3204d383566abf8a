import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'chai';
import { parseDocument } from 'yaml';

/** What surrounds the sources: the files that a hosting platform, editors and releases read. */

const root = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const filesIn = (folder: string, extension: RegExp): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => extension.test(name))
    .map((name) => join(folder, name));

/** Parses a YAML file; a warning fails as well. */
function yamlOf(file: string): unknown {
  const document = parseDocument(read(file));
  expect([...document.errors, ...document.warnings].map(String), file).to.deep.equal([]);
  return document.toJS();
}

const documents = [...filesIn('.', /\.md$/), ...filesIn('docs', /\.md$/), ...filesIn('examples', /\.md$/)];

interface Workflow {
  readonly permissions: object;
  readonly jobs: Record<string, { 'timeout-minutes'?: number; permissions?: object; steps: Step[] }>;
}
interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: { readonly path?: string };
}

describe('.github/', () => {
  const workflows = filesIn('.github/workflows', /\.ya?ml$/);

  it('one workflow runs .ci/run', () => {
    const steps = workflows.flatMap((file) =>
      Object.values((yamlOf(file) as Workflow).jobs).flatMap((job) => job.steps),
    );
    expect(steps.filter(({ run }) => run === '.ci/run')).to.have.length(1);
  });

  for (const file of workflows) {
    // Who publishes writes the release, and has an identity that signs the provenance.
    const more = file.endsWith('/release.yml') ? { contents: 'write', 'id-token': 'write' } : undefined;
    it(`${file} may do no more than it must, pins actions by commit, ends in time, and caches outside of the repository`, () => {
      const { permissions, jobs } = yamlOf(file) as Workflow;
      expect(permissions).to.deep.equal({ contents: 'read' });
      for (const job of Object.values(jobs)) {
        expect(job.permissions).to.deep.equal(more);
        expect(job['timeout-minutes']).to.be.within(1, 90);
        for (const { uses } of job.steps)
          if (uses !== undefined) expect(uses).to.match(/^[\w.-]+\/[\w.-]+@[0-9a-f]{40}$/);
        const paths = job.steps.flatMap((step) => step.with?.path?.trim().split('\n') ?? []);
        expect(paths.filter((path) => !path.startsWith('~/'))).to.deep.equal([]);
      }
      for (const line of read(file).split('\n'))
        if (line.includes('uses:')) expect(line).to.match(/ # v\d+\.\d+\.\d+$/);
    });
  }

  it('each issue form has a name, a description, and inputs with an id and a label of their own', () => {
    const forms = filesIn('.github/ISSUE_TEMPLATE', /\.yml$/).filter((file) => !file.endsWith('config.yml'));
    expect(forms).to.have.length(2);
    for (const file of forms) {
      const form = yamlOf(file) as {
        name: string;
        description: string;
        body: { type: string; id?: string; attributes: { label?: string; value?: string } }[];
      };
      expect(form.name, file).to.be.a('string');
      expect(form.description, file).to.be.a('string');
      const inputs = form.body.filter(({ type }) => type !== 'markdown');
      expect(inputs.every(({ type }) => type === 'input' || type === 'textarea')).to.equal(true);
      for (const key of [
        ({ id }: (typeof inputs)[0]) => id,
        ({ attributes }: (typeof inputs)[0]) => attributes.label,
      ])
        expect(new Set(inputs.map(key).filter(Boolean)).size, file).to.equal(inputs.length);
    }
    expect(yamlOf('.github/ISSUE_TEMPLATE/config.yml')).to.deep.equal({ blank_issues_enabled: false });
  });

  it('Dependabot updates packages and actions once a week, each in one group', () => {
    const { version, updates } = yamlOf('.github/dependabot.yml') as {
      version: number;
      updates: { 'package-ecosystem': string; schedule: { interval: string }; groups: object }[];
    };
    expect(version).to.equal(2);
    expect(updates.map((update) => update['package-ecosystem'])).to.deep.equal(['npm', 'github-actions']);
    for (const { schedule, groups } of updates) {
      expect(schedule.interval).to.equal('weekly');
      expect(Object.keys(groups)).to.have.length(1);
    }
  });
});

describe('.editorconfig', () => {
  it('agrees with Biome on indentation and line width', () => {
    const sections = new Map<string, Map<string, string>>();
    let section = new Map<string, string>();
    for (const line of read('.editorconfig').split('\n')) {
      const header = /^\[(.*)\]$/.exec(line);
      if (header !== null) {
        section = new Map();
        sections.set(header[1], section);
      }
      const [key, value] = line.split(' = ');
      if (value !== undefined) section.set(key, value);
    }
    const { formatter } = JSON.parse(read('config/biome.json')) as {
      formatter: { indentStyle: string; indentWidth: number; lineWidth: number };
    };
    const all = sections.get('*');
    expect(all?.get('indent_style')).to.equal(formatter.indentStyle);
    expect(all?.get('indent_size')).to.equal(String(formatter.indentWidth));
    expect(sections.get('*.{ts,js,mjs,json}')?.get('max_line_length')).to.equal(String(formatter.lineWidth));
  });
});

describe('documents', () => {
  it('name only targets that the Makefile has', () => {
    const targets = new Set([...read('Makefile').matchAll(/^([a-z-]+):/gm)].map(([, name]) => name));
    for (const file of documents)
      for (const [, names] of read(file).matchAll(/(?:^|`)make ((?:[a-z-]+ ?)+)(?=`| *#|$)/gm))
        for (const name of names.trim().split(' ')) expect(targets, `${file}: make ${name}`).to.include(name);
  });

  it('link only to files that exist', () => {
    for (const file of documents)
      for (const [, link] of read(file).matchAll(/\]\(([^)#\s]+)[^)]*\)/g))
        if (!/^\w+:/.test(link))
          expect(existsSync(resolve(root, dirname(file), link)), `${file}: ${link}`).to.equal(true);
  });

  it('CHANGELOG.md begins with what is unreleased, then the version of package.json with its date', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    const headings = [...read('CHANGELOG.md').matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    expect(headings[0]).to.equal('[Unreleased]');
    expect(headings[1])
      .to.match(/^\[[\d.]+\] - \d{4}-\d\d-\d\d$/)
      .and.contain(`[${version}]`);
    expect((JSON.parse(read('package-lock.json')) as { version: string }).version).to.equal(version);
  });
});

describe('examples/helm/outrigger', () => {
  it('is a chart of this version', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    const chart = yamlOf('examples/helm/outrigger/Chart.yaml') as { version: string; appVersion: string };
    expect([chart.version, chart.appVersion]).to.deep.equal([version, version]);
  });
});
