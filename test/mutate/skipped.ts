import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import {
  isCallExpression,
  isExpressionStatement,
  isMethodDeclaration,
  isNewExpression,
  isThrowStatement,
  isTypeNode,
} from 'typescript/unstable/ast/is';
import type { TextOf } from './mutations.ts';

/**
 * Returns whether a node and all below it are left as they are, because a test that noticed a change there would hold the
 * wording or the types and not the behaviour: types and imports, log messages, the text and the data of errors, text in
 * general (templates and strings) and `toString`.
 */
export function isSkipped(node: Node, textOf: TextOf): boolean {
  if (isTypeNode(node) || skippedKinds.has(node.kind)) return true;
  if (isExpressionStatement(node)) return isLogCall(node.expression, textOf);
  if (isLogCall(node, textOf)) return true;
  if (isNewExpression(node)) return /Error$/.test(textOf(node.expression));
  return isMethodDeclaration(node) && textOf(node.name) === 'toString';
}

const skippedKinds = new Set([
  SyntaxKind.ImportDeclaration,
  SyntaxKind.ExportDeclaration,
  SyntaxKind.InterfaceDeclaration,
  SyntaxKind.TypeAliasDeclaration,
  SyntaxKind.TypeParameter,
  SyntaxKind.TemplateExpression,
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
]);

function isLogCall(node: Node, textOf: TextOf): boolean {
  return (
    isCallExpression(node) &&
    /(?:^|[.#])(?:log|logger)\??\.(?:debug|info|warn|error)$/i.test(textOf(node.expression))
  );
}

/** Returns whether the node may go as a whole, but nothing inside it is changed: a `throw`. */
export function isSealed(node: Node): boolean {
  return isThrowStatement(node);
}
