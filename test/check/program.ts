import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { Node, SourceFile } from 'typescript/unstable/ast';
import { createVirtualFileSystem } from 'typescript/unstable/fs';
import { API } from 'typescript/unstable/sync';

/** A source file of the repository with its syntax tree. */
export interface CheckedFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly ast: SourceFile;
}

/** Parses every file that `tsconfig.json` at `root` includes. */
export function readProgram(root: string): CheckedFile[] {
  return parse(resolve(root), new API({ cwd: resolve(root) }));
}

/**
 * Parses samples, path to text, as if they were the whole repository: what the tests of the rules look at, and the JavaScript of the
 * live page, which is no part of the TypeScript program.
 */
export function parseSamples(samples: Readonly<Record<string, string>>): CheckedFile[] {
  const options = { noLib: true, types: [], allowJs: true };
  const files: Record<string, string> = {
    '/tsconfig.json': JSON.stringify({ compilerOptions: options, include: ['src', 'test'] }),
  };
  for (const [path, text] of Object.entries(samples)) files[`/${path}`] = text;
  return parse('/', new API({ cwd: '/', fs: createVirtualFileSystem(files) }));
}

function parse(root: string, api: API): CheckedFile[] {
  try {
    const config = resolve(root, 'tsconfig.json');
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    if (project === undefined) throw new Error(`${config} cannot be read`);
    const files: CheckedFile[] = [];
    for (const name of project.rootFiles) {
      const ast = project.program.getSourceFile(name);
      if (ast === undefined) throw new Error(`${name} cannot be read`);
      files.push({ path: repoPath(root, name), text: ast.text, ast });
    }
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  } finally {
    close(api);
  }
}

/**
 * `close` ends the parser's process by a signal too, on which it may write "context canceled" to our standard error; the
 * end of its input it takes silently. If the package changes inside, only that noise comes back.
 */
function close(api: API): void {
  const { client } = api as unknown as { client?: { channel?: { child?: { kill(): boolean } } } };
  const child = client?.channel?.child;
  if (child !== undefined) child.kill = () => true;
  api.close();
}

function repoPath(root: string, name: string): string {
  const path = isAbsolute(name) ? relative(root, name) : name;
  return path.split(sep).join('/');
}

/** Calls `visit` for a node and everything below it, parents first. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  node.forEachChild((child) => {
    walk(child, visit);
    return undefined;
  });
}

/** The line, from 1, on which a node's own text begins, after comments. */
export function lineOf(file: CheckedFile, node: Node): number {
  return file.ast.getLineAndCharacterOfPosition(startOf(file, node)).line + 1;
}

/** The line, from 1, on which a node ends. */
export function lastLineOf(file: CheckedFile, node: Node): number {
  return file.ast.getLineAndCharacterOfPosition(node.end).line + 1;
}

/** `node.pos` is before the comments that lead up to a node. */
function startOf(file: CheckedFile, node: Node): number {
  const trivia = /(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)*/y;
  trivia.lastIndex = node.pos;
  return node.pos + (trivia.exec(file.text)?.[0].length ?? 0);
}
