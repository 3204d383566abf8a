import { expect } from 'chai';
import { checkCommands } from './check.ts';
import { fencesOf } from './fences.ts';
import { readNavigation } from './navigation.ts';
import { deadLinks, outsideAssets } from './site-check.ts';
import { stage } from './stage.ts';

const messages = (problems: ReadonlyArray<{ readonly message: string }>): string[] =>
  problems.map(({ message }) => message);

describe('docs/site-check', () => {
  it('reports what a page, a style or a script loads from another server', () => {
    const loaded = [
      ['a.html', '<script async src="https://cdn.example/x.js"></script>'],
      ['a.html', '<link rel="stylesheet" href="//fonts.example/css">'],
      ['a.html', '<img alt="" src=http://img.example/p.png>'],
      ['a.html', '<style>a{background:url(https://img.example/q.png)}</style>'],
      ['a.css', '@import "https://fonts.example/css";'],
      ['a.css', 'a{src:url(//fonts.example/f.woff2)}'],
      ['a.js', 'fetch("https://api.example/search")'],
      ['a.svg', '<image href="https://img.example/p.png"/>'],
    ];
    for (const [path, text] of loaded) expect(outsideAssets(path, text), text).to.have.length(1);
  });

  it('allows links that a reader follows, names of namespaces, and files of the site', () => {
    const fine = [
      ['a.html', '<a href="https://x.example/">x</a><script src="_static/a.js"></script>'],
      [
        'a.html',
        '<svg xmlns="http://www.w3.org/2000/svg"></svg><link rel="icon" href="data:image/png;base64,AA">',
      ],
      ['a.js', 'const ns = "http://www.w3.org/2000/svg"; // https://x.example/licence'],
      ['a.css', '/* https://x.example/ */ a{background:url(b.png)}'],
    ];
    for (const [path, text] of fine) expect(outsideAssets(path, text), text).to.deep.equal([]);
  });

  it('reports links to missing files and to missing anchors', () => {
    const files: Record<string, string> = { 'b.html': '<p id="there">', 'x/c.png': '' };
    const page =
      '<a href="../b.html#there"></a><a href="../b.html#no"></a><img src="c.png"><img src="d.png"><a href="#top"></a><i id="top">';
    expect(messages(deadLinks('x/a.html', page, (path) => files[path]))).to.deep.equal([
      'links to #no, which b.html does not have',
      'links to x/d.png, which does not exist',
    ]);
  });
});

describe('docs/navigation', () => {
  const yaml = 'Start:\n  - First: a\nMore:\n  - "*"\n  - b/*\n';

  it('a page that no item names appears where its folder has a star', () => {
    expect(readNavigation(yaml, ['a', 'z', 'c', 'b/d'])).to.deep.equal([
      { section: 'Start', pages: [{ page: 'a', title: 'First' }] },
      { section: 'More', pages: [{ page: 'c' }, { page: 'z' }, { page: 'b/d' }] },
    ]);
  });

  it('refuses a name without a page, and a page without a place', () => {
    expect(() => readNavigation(yaml, ['c'])).to.throw('names pages that do not exist: a');
    expect(() => readNavigation(yaml, ['a', 'e/f'])).to.throw('has no place for e/f');
  });
});

describe('docs/stage', () => {
  it('links lead to pages and pictures of the site; other files become text', () => {
    const text =
      '[a](../admin.md#x) [e](../../examples/tls.yaml) ![p](../plots/slow.svg) [s](../../src/main.ts) [r](../README.md) [o](https://x.example/)';
    const { path, text: staged } = stage('docs/tasks/t.md', text);
    expect(path).to.equal('tasks/t.md');
    expect(staged).to.equal(
      '[a](../admin.md#x) [e](../examples/tls.md) ![p](../plots/slow.svg) s [r](../index.md) [o](https://x.example/)',
    );
  });

  it('an example becomes a page with its opening comment as text', () => {
    const { path, text } = stage('examples/x.yaml', '# Does x.\n#\n# Run: y\nlisteners: []\n');
    expect(path).to.equal('examples/x.md');
    expect(text).to.equal('# x.yaml\n\nDoes x.\n\n```text\nRun: y\n```\n\n```yaml\nlisteners: []\n\n```\n');
  });
});

describe('docs/check', () => {
  it('reports a block of commands without sh in the guide, and no other block', () => {
    const text = '```\noutrigger stat\n```\n```\n$ curl x\ny\n```\n```sh\nmake a\n```\n```bash\nls\n```\n';
    expect(checkCommands({ path: 'docs/a.md', text }).map(({ line }) => line)).to.deep.equal([1, 11]);
    expect(checkCommands({ path: 'SECURITY.md', text })).to.deep.equal([]);
  });
});

describe('docs/fences', () => {
  it('a block has its language, its file, and what its comment says', () => {
    const page =
      '```yaml\n# a.yaml\nb: 1\n```\n\n1. x\n\n   <!-- not run: requires y -->\n   ```sh\n   make z\n   ```\n<!-- fails -->\n```sh\nfalse\n```\n';
    const [config, skipped, failing] = fencesOf(page);
    expect(config).to.include({
      line: 1,
      language: 'yaml',
      file: 'a.yaml',
      text: '# a.yaml\nb: 1\n',
      fails: false,
    });
    expect(skipped).to.include({ line: 9, language: 'sh', notRun: 'requires y', text: 'make z\n' });
    expect(failing).to.include({ fails: true, notRun: undefined });
  });
});
