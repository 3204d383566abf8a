import { expect } from 'chai';
import { checkLinks, linksOf, rewriteLinks } from './links.ts';
import { anchorsOf, slugOf } from './slug.ts';

describe('docs/links', () => {
  it('anchors are those of GitHub', () => {
    expect(slugOf('`listeners[].limits`')).to.equal('listenerslimits');
    expect(slugOf('What counts as an error')).to.equal('what-counts-as-an-error');
    expect(slugOf('Names in `Host`, and pages of other sites')).to.equal(
      'names-in-host-and-pages-of-other-sites',
    );
    expect(slugOf('`no_route`')).to.equal('no_route');
    expect([...anchorsOf('# A\n## B\n## B\n```\n# C\n```\n')]).to.deep.equal(['a', 'b', 'b-1']);
  });

  it('links in code are no links, and a link may have two lines', () => {
    const page = 'See [a\nb](x.md#c), `[d](e.md)` and [`f`](g.md).\n```\n[h](i.md)\n```\n![j](k.svg)';
    expect(linksOf(page).map(({ line, target }) => [line, target])).to.deep.equal([
      [1, 'x.md#c'],
      [2, 'g.md'],
      [6, 'k.svg'],
    ]);
  });

  it('a rewrite changes nothing but links', () => {
    const page = 'a [b](c.md) `[d](e.md)`\n\n```\n[b](c.md)\n```\n';
    expect(rewriteLinks(page, ({ text }) => `<${text}>`)).to.equal(page.replace('[b](c.md)', '<b>'));
    expect(rewriteLinks(page, () => null)).to.equal(page);
  });

  it('a link to a missing file, or to a missing heading, is reported with its line', () => {
    const pages = [
      {
        path: 'docs/a.md',
        text: '# A\n[b](b.md) [b](b.md#there) [c](../c.png) [d](d/) [out](https://x.example/)',
      },
      { path: 'docs/b.md', text: '# There\n[a](a.md#no)\n\n[e](e.md) [own](#there)' },
    ];
    const files = new Set(['docs/a.md', 'docs/b.md', 'c.png', 'docs/d']);
    expect(checkLinks(pages, (path) => files.has(path))).to.deep.equal([
      { file: 'docs/b.md', line: 2, rule: 'dead-link', message: 'docs/a.md has no heading for #no' },
      {
        file: 'docs/b.md',
        line: 4,
        rule: 'dead-link',
        message: 'the link to e.md leads to no file of the repository',
      },
    ]);
  });
});
