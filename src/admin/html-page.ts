import { type Reply, textType } from './reply.ts';

/** A page of the API that a person may open in a browser. */
export interface PageLink {
  readonly path: string;
  readonly title: string;
}

/** The pages that every page links to, in the order of the live page. */
export const pageLinks: readonly PageLink[] = [
  { path: '/clusters', title: 'Clusters' },
  { path: '/routes', title: 'Routes' },
  { path: '/listeners', title: 'Listeners' },
  { path: '/certificates', title: 'Certificates' },
  { path: '/stats', title: 'Stats' },
  { path: '/traces', title: 'Requests' },
  { path: '/metrics', title: 'Metrics' },
  { path: '/config_values', title: 'Settings' },
  { path: '/config_dump', title: 'Configuration' },
  { path: '/memory', title: 'Memory' },
  { path: '/server_info', title: 'Server' },
];

/** Larger texts stay plain: as a page they would take the browser seconds. */
const pageCharsMax = 4 * 1024 * 1024;

/**
 * Returns a text reply as a page with links, for a browser, which accepts `text/html`; every other reader gets the text as it is.
 * The page holds the same characters, escaped.
 */
export function pageForBrowser(reply: Reply, path: string, accept: string, query: URLSearchParams): Reply {
  if (!acceptsPage(accept) || query.has('format')) return reply;
  const { type, body } = reply;
  if (typeof body !== 'string' || body.length > pageCharsMax) return reply;
  if (type !== textType && path !== '/metrics') return reply;
  return {
    ...reply,
    type: 'text/html; charset=utf-8',
    body: htmlPage(path, body),
    headers: { ...reply.headers, vary: 'accept' },
  };
}

function acceptsPage(accept: string): boolean {
  return /\btext\/html\b/.test(accept);
}

function htmlPage(path: string, body: string): string {
  const title = pageLinks.find((link) => link.path === path)?.title ?? path;
  const links = [{ path: '/', title: 'Live page' }, ...pageLinks].map(
    (link) => `<a href="${link.path}"${link.path === path ? ' aria-current="page"' : ''}>${link.title}</a>`,
  );
  const other = path === '/metrics' ? '' : `<a href="${escapeHtml(path)}?format=json">as JSON</a>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)} · Outrigger</title>
<link rel="icon" href="/dashboard/logo.svg" type="image/svg+xml">
<link rel="stylesheet" href="/dashboard/base.css">
<link rel="stylesheet" href="/dashboard/text-page.css">
</head>
<body>
<header><nav aria-label="Pages">${links.join('\n')}</nav></header>
<main>
<h1>${escapeHtml(title)}</h1>
<p class="other">${other}</p>
<pre tabindex="0" role="region" aria-label="${escapeHtml(title)}">${withLinks(path, body)}</pre>
</main>
</body>
</html>
`;
}

/** Escapes a text; ids of calls in `/traces`, and the paths of the list of all paths, become links. */
function withLinks(path: string, body: string): string {
  const text = escapeHtml(body);
  if (path === '/traces') return text.replace(/^(\s*)(\d{1,15})(?=\s)/gm, '$1<a href="/explain/$2">$2</a>');
  return text.replace(/^( {2}GET {2})(\/[a-z_./]*)(?=\s)/gm, '$1<a href="$2">$2</a>');
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character]);
}
