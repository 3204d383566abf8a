import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import { isExportAssignment, isExportSpecifier } from 'typescript/unstable/ast/is';
import type { Finding } from './finding.ts';
import { type CheckedFile, lineOf, walk } from './program.ts';

/** No default exports: a thing has one name, which a search finds everywhere. */
export function checkExports(files: readonly CheckedFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    if (file.path.endsWith('.d.ts')) continue; // describes a package as it is
    if (file.path.startsWith('examples/policies/')) continue; // policy modules, whose interface it is
    walk(file.ast, (node) => {
      if (isDefaultExport(node))
        findings.push({
          file: file.path,
          line: lineOf(file, node),
          rule: 'default-export',
          message: 'export it by its name',
        });
    });
  }
  return findings;
}

function isDefaultExport(node: Node): boolean {
  if (isExportAssignment(node)) return true;
  if (isExportSpecifier(node)) return node.name.text === 'default';
  return node.kind === SyntaxKind.DefaultKeyword && node.parent.kind !== SyntaxKind.DefaultClause;
}
