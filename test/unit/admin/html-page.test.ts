import { expect } from 'chai';
import { pageForBrowser, pageLinks } from '../../../src/admin/html-page.ts';
import { text } from '../../../src/admin/reply.ts';
import { adminRoutes } from '../../../src/admin/routes.ts';

const browser = 'text/html,application/xhtml+xml,*/*;q=0.8';
const page = (body: string, path = '/clusters', accept = browser, query = '') =>
  pageForBrowser(text(body), path, accept, new URLSearchParams(query));

describe('admin/html-page', () => {
  it('shows the text of a page to a browser, escaped, with links to every page', () => {
    const reply = page('<script>alert("1")</script>\n');
    expect([reply.status, reply.type]).to.deep.equal([200, 'text/html; charset=utf-8']);
    expect(reply.headers).to.include({ vary: 'accept' });
    expect(reply.body).to.include('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;\n');
    expect(reply.body).not.to.include('<script');
    for (const { path, title } of pageLinks)
      expect(reply.body).to.match(new RegExp(`href="${path}"[^>]*>${title}<`));
    expect(reply.body).to.include('<a href="/clusters" aria-current="page">');
  });

  it('links only to pages that exist', () => {
    const paths = adminRoutes.filter(({ method }) => method === 'GET').map(({ path }) => path);
    for (const { path } of pageLinks) expect(paths).to.include(path);
  });

  it('leaves every other reader the text, and a browser that asks for a format', () => {
    const plain = text('a\n');
    for (const reply of [page('a\n', '/clusters', '*/*'), page('a\n', '/clusters', browser, 'format=text')])
      expect(reply).to.deep.equal(plain);
    const json = { status: 200, type: 'application/json', body: '{}' };
    expect(pageForBrowser(json, '/clusters', browser, new URLSearchParams())).to.equal(json);
    expect(page('x'.repeat(5 * 1024 * 1024)).type).to.equal('text/plain; charset=utf-8');
  });

  it('links the requests of /traces, and the paths in the answer for an unknown one', () => {
    const traces = page('ID    AGO\n4711  3 s  a\n  12  1 s  b\n', '/traces').body;
    expect(traces).to.include(
      '\n<a href="/explain/4711">4711</a>  3 s  a\n  <a href="/explain/12">12</a>  1 s',
    );
    const unknown = page(
      'There is no /x here. There is:\n  GET  /memory       memory\n  POST /drain  x\n',
      '/x',
    ).body;
    expect(unknown).to.include('  GET  <a href="/memory">/memory</a>').and.not.include('href="/drain"');
  });

  it('escapes the path, which the reader wrote', () => {
    const { body } = page('a\n', '/"><img src=x>');
    expect(body).not.to.include('<img');
  });
});
