import { dirname, posix } from 'node:path';
import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import {
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isStringLiteral,
} from 'typescript/unstable/ast/is';
import { type CheckedFile, lineOf, walk } from './program.ts';

/** One import, of values or of types only, static or dynamic, or a re-export. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** For a relative specifier the path from the root of the repository, else null. */
  readonly path: string | null;
  readonly line: number;
}

export function importsOf(file: CheckedFile): Import[] {
  const imports: Import[] = [];
  walk(file.ast, (node) => {
    const name = moduleName(node);
    if (name === null) return;
    const path = name.startsWith('.') ? posix.join(dirname(file.path), name) : null;
    imports.push({ specifier: name, path, line: lineOf(file, node) });
  });
  return imports;
}

function moduleName(node: Node): string | null {
  if (isImportDeclaration(node) || isExportDeclaration(node)) {
    const from = node.moduleSpecifier;
    return from !== undefined && isStringLiteral(from) ? from.text : null;
  }
  if (isImportTypeNode(node)) {
    const { argument } = node;
    return isLiteralTypeNode(argument) && isStringLiteral(argument.literal) ? argument.literal.text : null;
  }
  if (isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword) {
    const from = node.arguments[0];
    return from !== undefined && isStringLiteral(from) ? from.text : null;
  }
  return null;
}
